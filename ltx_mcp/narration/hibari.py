"""hibari-tts (Apache-2.0): small English voices distilled from Kokoro-82M. One comes in the wheel, with all it needs.

Text to phonemes by hibari's own rules and lexicon, then an 8 MB ONNX model on one CPU core, many times faster than
speech. The other voices are fetched from the Hugging Face hub, and checked against the hashes in the wheel.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ltx_mcp.errors import BadInput, ModelUnavailable
from ltx_mcp.narration.base import Samples, Speech, Voice
from ltx_mcp.narration.hub import HubFile
from ltx_mcp.narration.speech import assemble
from ltx_mcp.narration.voices import choose_voice

if TYPE_CHECKING:
    from hibari import Hibari

REPOSITORY = "maureesewilliams/hibari"
BUNDLED = Voice("heart", "en-US", "American English, female")
VOICES = (
    BUNDLED,
    Voice("fenrir", "en-US", "American English, male", 8.0),
    Voice("kore", "en-US", "American English, female", 7.9),
    Voice("emma", "en-GB", "British English, female", 7.9),
    Voice("fable", "en-GB", "British English, male", 7.9),
)
_SEED = 0  # of the noise in breath and consonants: the same text gives the same samples
_OTHER_LANGUAGES = "LTX_MCP_NARRATOR=kokoro speaks more languages."


class HibariNarrator:
    """`Narrator` for English on the CPU."""

    name = "hibari-tts-0.2"
    voices = VOICES

    def __init__(self) -> None:
        self._model = cache(_load)

    def voice_for(self, text: str, voice: str | None = None, language: str | None = None) -> Voice:
        chosen = choose_voice(VOICES, text, voice, language, _OTHER_LANGUAGES)
        if chosen != BUNDLED:
            _file(chosen).ready()
        return chosen

    def speak(
        self, text: str, voice: str | None = None, language: str | None = None, check: Callable[[], None] = lambda: None
    ) -> Speech:
        model = self._model(self.voice_for(text, voice, language))

        def say(piece: str) -> Samples:
            try:
                return np.asarray(model(piece, seed=_SEED), np.float32)
            except (IndexError, ValueError, KeyError) as error:  # of its number rules: 40 digits have no name
                hint = "Write numbers and symbols as words."
                raise BadInput(f"{piece[:60]!r} cannot be pronounced: {error}.", hint) from error

        return assemble(text, say, model.sample_rate, check)


def _load(voice: Voice) -> "Hibari":
    """Raises ModelUnavailable."""
    path = None if voice == BUNDLED else str(_fetched(voice))
    try:
        from hibari import Hibari

        return Hibari(voice=voice.name, model=path)
    except Exception as broken:  # a missing package, a damaged file; onnxruntime's errors share no base of their own
        hint = "Install it again: pip install --force-reinstall 'hibari-tts>=0.2.1,<0.3'."
        raise ModelUnavailable(f"The voice {voice.name} cannot be loaded: {broken}.", hint) from broken


def _file(voice: Voice) -> HubFile:
    from hibari.voices import VOICES as REGISTRY

    return HubFile(REPOSITORY, f"voices/{REGISTRY[voice.name]['file']}", voice.megabytes)


def _fetched(voice: Voice) -> Path:
    """The voice's file, which must be the one that the installed wheel names. Raises ModelUnavailable."""
    from hibari.voices import VOICES as REGISTRY

    path = _file(voice).path()
    if hashlib.sha256(path.read_bytes()).hexdigest() != REGISTRY[voice.name]["sha256"]:
        hint = f"Delete {path} and try again, or take the voice {BUNDLED.name}."
        raise ModelUnavailable(f"The file of the voice {voice.name} is not the one that hibari-tts names.", hint)
    return path

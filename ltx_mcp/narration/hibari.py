"""hibari-tts (Apache-2.0): small English voices distilled from Kokoro-82M. One comes in the wheel, with all it needs.

Text to phonemes by hibari's own rules and lexicon, then an 8 MB ONNX model on one CPU core, many times faster than
speech. The other voices are fetched from the Hugging Face hub, and checked against the hashes in the wheel.
"""

from typing import TYPE_CHECKING

import numpy as np

from ltx_mcp.errors import BadInput, ModelUnavailable
from ltx_mcp.hub.cache import HubFile, local_hub
from ltx_mcp.hub.download import fetch, require
from ltx_mcp.narration.base import Samples, Speech, Voice
from ltx_mcp.narration.speech import assemble
from ltx_mcp.narration.voices import choose_voice
from ltx_mcp.types.callbacks import Check

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
_INSTEAD = f"take the voice {BUNDLED.name}, which needs nothing"
_OTHER_LANGUAGES = "LTX_MCP_NARRATOR=kokoro speaks more languages."


class HibariNarrator:
    """`Narrator` for English on the CPU."""

    name = "hibari-tts-0.2"
    voices = VOICES

    def __init__(self) -> None:
        self._models: dict[Voice, Hibari] = {}

    def voice_for(self, text: str, voice: str | None = None, language: str | None = None) -> Voice:
        chosen = choose_voice(VOICES, text, voice, language, _OTHER_LANGUAGES)
        if chosen != BUNDLED:
            require(local_hub(), [_file(chosen)], _INSTEAD)
        return chosen

    def speak(
        self, text: str, voice: str | None = None, language: str | None = None, check: Check = lambda: None
    ) -> Speech:
        chosen = self.voice_for(text, voice, language)
        model = self._models[chosen] = self._models.get(chosen) or _load(chosen, check)

        def say(piece: str) -> Samples:
            try:
                return np.asarray(model(piece, seed=_SEED), np.float32)
            except (IndexError, ValueError, KeyError) as error:  # of its number rules: 40 digits have no name
                hint = "Write numbers and symbols as words."
                raise BadInput(f"{piece[:60]!r} cannot be pronounced: {error}.", hint) from error

        return assemble(text, say, model.sample_rate, check)


def _load(voice: Voice, check: Check) -> "Hibari":
    """Raises ModelUnavailable."""
    path = None if voice == BUNDLED else str(fetch(local_hub(), [_file(voice)], _INSTEAD, check)[0])
    try:
        from hibari import Hibari

        return Hibari(voice=voice.name, model=path)
    except Exception as broken:  # a missing package, a damaged file; onnxruntime's errors share no base of their own
        hint = "Install it again: pip install --force-reinstall 'hibari-tts>=0.2.1,<0.3'."
        raise ModelUnavailable(f"The voice {voice.name} cannot be loaded: {broken}.", hint) from broken


def _file(voice: Voice) -> HubFile:
    from hibari.voices import VOICES as REGISTRY

    known = REGISTRY[voice.name]
    return HubFile(REPOSITORY, f"voices/{known['file']}", int(voice.megabytes * 1e6), sha256=known["sha256"])

"""Kokoro-82M (Apache-2.0): many voices in seven languages. Its weights are fetched from the Hugging Face hub.

English is read by hibari's rules, which give Kokoro's own phonemes. The other languages are read by espeak-ng through
kokoro-onnx, which the extra `ltx-mcp[kokoro]` installs; those parts are GPL-3.0, and not needed for English. Kokoro has
Japanese and Chinese voices too, but espeak-ng does not read those scripts well enough, so they are not offered.
"""

import json
from collections.abc import Callable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from ltx_mcp.errors import BadInput, ModelUnavailable
from ltx_mcp.hub.cache import HubFile, local_hub
from ltx_mcp.hub.download import fetch, require
from ltx_mcp.narration.base import Samples, Speech, Voice
from ltx_mcp.narration.speech import assemble
from ltx_mcp.narration.voices import choose_voice
from ltx_mcp.types.callbacks import Check

REPOSITORY = "onnx-community/Kokoro-82M-v1.0-ONNX"
REVISION = "1939ad2a8e416c0acfeecc08a694d14ef25f2231"
SAMPLE_RATE = 24_000
MAX_PHONEMES = 510  # positions of its text encoder, less the two ends
STYLE = 256  # values of a voice's style vector; a voice has one vector for each number of phonemes
_MODEL_BYTES, _VOICE_BYTES = 326_000_000, 500_000
_INSTEAD = "set LTX_MCP_NARRATOR=hibari, which has a voice that needs nothing"

# The first letter of a voice's name: BCP 47 tag, what it is called, espeak-ng's name.
_LANGUAGES = {
    "a": ("en-US", "American English", ""), "b": ("en-GB", "British English", ""), "e": ("es", "Spanish", "es"),
    "f": ("fr-FR", "French", "fr-fr"), "h": ("hi", "Hindi", "hi"), "i": ("it", "Italian", "it"),
    "p": ("pt-BR", "Brazilian Portuguese", "pt-br"),
}  # fmt: skip
_NAMES = (
    "af_heart af_alloy af_aoede af_bella af_jessica af_kore af_nicole af_nova af_river af_sarah af_sky am_adam am_echo "
    "am_eric am_fenrir am_liam am_michael am_onyx am_puck am_santa bf_alice bf_emma bf_isabella bf_lily bm_daniel "
    "bm_fable bm_george bm_lewis ef_dora em_alex em_santa ff_siwis hf_alpha hf_beta hm_omega hm_psi if_sara im_nicola "
    "pf_dora pm_alex pm_santa"
)


def _voice(name: str) -> Voice:
    tag, language, _ = _LANGUAGES[name[0]]
    megabytes = (_MODEL_BYTES + _VOICE_BYTES) / 1e6
    return Voice(name, tag, f"{language}, {'female' if name[1] == 'f' else 'male'}", megabytes)


VOICES = tuple(_voice(name) for name in _NAMES.split())


class KokoroNarrator:
    """`Narrator` on the CPU. `location` is the repository, or a folder with the same files."""

    name = "kokoro-82m-1.0"
    voices = VOICES

    def __init__(self, location: str = REPOSITORY, revision: str = REVISION, threads: int = 2) -> None:
        self._location, self._revision, self._threads = location, revision, threads
        self._session: Any = None

    def voice_for(self, text: str, voice: str | None = None, language: str | None = None) -> Voice:
        chosen = choose_voice(VOICES, text, voice, language)
        require(local_hub(), self._files(chosen), _INSTEAD)
        return chosen

    def speak(
        self, text: str, voice: str | None = None, language: str | None = None, check: Check = lambda: None
    ) -> Speech:
        chosen = self.voice_for(text, voice, language)
        model, styles_file = fetch(local_hub(), self._files(chosen), _INSTEAD, check)
        session, styles = self._loaded(model), _styles(styles_file)
        names = [each.name for each in session.get_inputs()]  # tokens, style, speed
        vocabulary, to_phonemes = _vocabulary(), _phonemizer(chosen)

        def say(piece: str) -> Samples:
            sounds = [np.zeros(0, np.float32)]
            for phonemes in _bounded(_read(to_phonemes, piece)):
                if not (ids := [vocabulary[phoneme] for phoneme in phonemes if phoneme in vocabulary]):
                    continue
                inputs = (np.array([[0, *ids, 0]]), styles[min(len(ids), len(styles)) - 1], np.ones(1, np.float32))
                sounds.append(session.run(None, dict(zip(names, inputs, strict=True)))[0].ravel())
            return np.concatenate(sounds)

        return assemble(text, say, SAMPLE_RATE, check)

    def _loaded(self, path: Path) -> Any:
        """The ONNX session. Raises ModelUnavailable."""
        if self._session is None:
            try:
                import onnxruntime

                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = self._threads
                options.log_severity_level = 3  # errors only
                self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            except Exception as broken:  # onnxruntime's errors share no base of their own
                raise ModelUnavailable(f"Kokoro cannot be loaded from {path}: {broken}.", _again(path)) from broken
        return self._session

    def _files(self, voice: Voice) -> list[HubFile]:
        """The model and the voice."""
        sizes = {"onnx/model.onnx": _MODEL_BYTES, f"voices/{voice.name}.bin": _VOICE_BYTES}
        return [HubFile(self._location, file, size, self._revision) for file, size in sizes.items()]


def _styles(path: Path) -> Samples:
    """(phonemes, 1, 256): the style vector for each number of phonemes. Raises ModelUnavailable."""
    values = np.frombuffer(path.read_bytes(), dtype="<f4")
    if not values.size or values.size % STYLE or not np.isfinite(values).all():
        raise ModelUnavailable(f"{path} does not hold a voice.", _again(path))
    return values.reshape(-1, 1, STYLE)


def _again(path: Path) -> str:
    return f"Delete {path}, so that it is fetched again, or set LTX_MCP_NARRATOR=hibari."


@cache
def _vocabulary() -> dict[str, int]:
    """Kokoro's, phoneme to token, as hibari brings it too."""
    table = (resources.files("hibari") / "assets" / "vocab.json").read_text(encoding="utf-8")
    return {str(phoneme): int(token) for phoneme, token in json.loads(table).items()}


@cache
def _english(british: bool) -> Callable[[str], str]:
    from hibari.g2p import G2P

    return G2P(british=british)  # type: ignore[no-any-return]


def _phonemizer(voice: Voice) -> Callable[[str], str]:
    """From text to phonemes. Raises ModelUnavailable."""
    espeak = _LANGUAGES[voice.name[0]][2]
    if not espeak:
        return _english(voice.language == "en-GB")
    try:
        from kokoro_onnx.tokenizer import Tokenizer
    except ImportError as missing:
        hint = "Let the user run: pip install 'ltx-mcp[kokoro]'."
        raise ModelUnavailable(f"The voice {voice.name} needs espeak-ng to read {voice.language}.", hint) from missing
    tokenizer = Tokenizer()
    return lambda piece: str(tokenizer.phonemize(piece, espeak))


def _read(to_phonemes: Callable[[str], str], piece: str) -> str:
    try:
        return to_phonemes(piece)
    except (IndexError, ValueError, KeyError, RuntimeError) as error:  # of the number rules: 40 digits have no name
        hint = "Write numbers and symbols as words."
        raise BadInput(f"{piece[:60]!r} cannot be pronounced: {error}.", hint) from error


def _bounded(phonemes: str) -> list[str]:
    """Divided between words, where there are more than the model has positions for."""
    pieces: list[str] = []
    for word in phonemes.split():
        if pieces and len(pieces[-1]) + 1 + len(word) <= MAX_PHONEMES:
            pieces[-1] += f" {word}"
        else:
            pieces += [word[at : at + MAX_PHONEMES] for at in range(0, len(word), MAX_PHONEMES)]
    return pieces

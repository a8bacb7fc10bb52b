"""Speech from a model that says one piece at a time: the model's own silence is cut, pauses of ours stand between."""

from collections.abc import Callable, Iterator

import numpy as np

from ltx_mcp.errors import BadInput, RenderFailed
from ltx_mcp.narration.base import Samples, Sentence, Speech
from ltx_mcp.narration.sentences import sentences
from ltx_mcp.types.callbacks import Check

SENTENCE_PAUSE_S = 0.35  # from the last sound of a sentence to the first of the next; measured in read English: 0.3-0.6
CLAUSE_PAUSE_S = 0.15
_EDGE_S = 0.05  # kept around what is heard: soft consonants begin and end below the threshold
_WINDOW_S = 0.01
_HEARD = 1e-3  # RMS of a window, -60 dBFS: models are at -100 dBFS and less where they are silent


def assemble(text: str, say: Callable[[str], Samples], sample_rate: int, check: Check) -> Speech:
    """The text spoken piece by piece. `say` gives float32 (samples,), empty for what has no sound.

    `check` is called before each piece. Raises BadInput where nothing is heard, and what `say` does.
    """
    parts: list[Samples] = []
    spoken: list[Sentence] = []
    at = 0
    for piece, sound, pause_s in _heard(text, say, sample_rate, check):
        pause = np.zeros(round(pause_s * sample_rate) if parts else 0, np.float32)
        start = at + len(pause)
        at = start + len(sound)
        parts += [pause, sound]
        spoken.append(Sentence(piece, start / sample_rate, at / sample_rate))
    if not parts:
        raise BadInput("Nothing of the narration could be said.", "Write it in words.")
    return Speech(np.concatenate(parts)[np.newaxis], sample_rate, tuple(spoken))


def _heard(
    text: str, say: Callable[[str], Samples], sample_rate: int, check: Check
) -> Iterator[tuple[str, Samples, float]]:
    """(piece, its samples without silence around, seconds of pause before it)."""
    pause_s = 0.0
    for piece, ends_sentence in sentences(text):
        check()
        if len(samples := _trimmed(say(piece), sample_rate)):
            yield piece, samples, pause_s
            pause_s = SENTENCE_PAUSE_S if ends_sentence else CLAUSE_PAUSE_S


def _trimmed(samples: Samples, sample_rate: int) -> Samples:
    """From a little before the first sound to a little after the last; empty if there is none."""
    if not np.isfinite(samples).all():
        raise RenderFailed("The narrator gave values that are not numbers.", "Write the text in other words.")
    window = round(_WINDOW_S * sample_rate)
    padded = np.pad(samples, (0, -len(samples) % window)).reshape(-1, window)
    heard = np.flatnonzero(np.sqrt(np.mean(padded.astype(np.float64) ** 2, axis=1)) > _HEARD)
    if not len(heard):
        return np.zeros(0, np.float32)
    edge = round(_EDGE_S * sample_rate)
    start, end = max(0, heard[0] * window - edge), (heard[-1] + 1) * window + edge
    return np.clip(samples[start:end], -1.0, 1.0).astype(np.float32)

"""A stream of audio in windows for a transcriber, in constant memory however long it is.

A line that reaches the end of its window may be cut there, so the next window begins with it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ltx_mcp.media.silence import SILENT_DB
from ltx_mcp.transcription.base import SAMPLE_RATE, WINDOW_S, Samples
from ltx_mcp.transcription.lines import spoken
from ltx_mcp.types.film import TimedText

AT_THE_END_S = 0.5  # a line that ends so near the window's end may go on after it
_WINDOW = round(WINDOW_S * SAMPLE_RATE)
_SILENT = 10 ** (SILENT_DB / 20)

Lines = tuple[TimedText, ...]


@dataclass(frozen=True)
class Heard:
    """All that is said before `until_s` and after the one before, in seconds of the stream."""

    until_s: float
    lines: Lines


TranscribeWindow = Callable[[Samples], Sequence[TimedText]]


def transcribe_stream(
    pieces: Iterable[bytes], transcribe_window: TranscribeWindow, from_s: float = 0.0
) -> Iterator[Heard]:
    """What is said in interleaved stereo float32 at SAMPLE_RATE, which begins at `from_s`. Silence is not heard at all.

    A window ends after half of WINDOW_S at the earliest, so no more than twice the audio is heard.
    """
    at, waiting = round(from_s * SAMPLE_RATE), np.zeros(0, dtype=np.float32)
    for piece in _mono(pieces):
        waiting = np.concatenate((waiting, piece))
        while len(waiting) > _WINDOW:
            lines = _heard(waiting[:_WINDOW], transcribe_window)
            whole = _whole(lines)
            used = _WINDOW if whole is lines else round(lines[-1].start_s * SAMPLE_RATE)
            yield Heard((at + used) / SAMPLE_RATE, _later(whole, at))
            at, waiting = at + used, waiting[used:]
    if len(waiting):
        yield Heard((at + len(waiting)) / SAMPLE_RATE, _later(_heard(waiting, transcribe_window), at))


def _heard(window: Samples, transcribe_window: TranscribeWindow) -> Lines:
    if np.abs(window).max() < _SILENT:
        return ()
    return spoken(transcribe_window(window), len(window) / SAMPLE_RATE)


def _whole(lines: Lines) -> Lines:
    """Without the last one, if it may be cut and the next window can begin with it."""
    is_cut = len(lines) > 1 and lines[-1].end_s > WINDOW_S - AT_THE_END_S
    return lines[:-1] if is_cut and lines[-1].start_s >= WINDOW_S / 2 else lines


def _mono(pieces: Iterable[bytes]) -> Iterator[Samples]:
    for piece in pieces:
        yield np.frombuffer(piece, dtype="<f4").reshape(-1, 2).mean(axis=1, dtype=np.float32)


def _later(lines: Lines, by: int) -> Lines:
    """The same in seconds of the stream, for a window that begins at this sample."""
    by_s = by / SAMPLE_RATE
    moved = ({"start_s": round(line.start_s + by_s, 3), "end_s": round(line.end_s + by_s, 3)} for line in lines)
    return tuple(line.model_copy(update=times) for line, times in zip(lines, moved, strict=True))

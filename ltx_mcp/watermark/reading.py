"""Reads the marks of a video or an audio file that is looked through for nothing else."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ltx_mcp.media.footage import Footage
from ltx_mcp.media.passes import frames_with_times
from ltx_mcp.media.raw_audio import decode, decode_source
from ltx_mcp.watermark.base import FoundMark, MarkReader, Watermarker

MAX_READ_S = 300.0
"""Of longer films no more is read: it would take minutes to decode."""


def _never() -> None:
    """Nobody cancels it."""


def marks_in(footage: Footage, watermarker: Watermarker) -> tuple[FoundMark, ...]:
    """Every mark in the frames of the first MAX_READ_S, and in their audio. Raises MediaError."""
    reader = watermarker.reader(footage.width, footage.height)
    show(footage, reader)
    if not footage.has_audio:
        return reader.found()
    length_s = min(footage.duration_s, MAX_READ_S)
    return *reader.found(), *_audible(decode_source(footage.source, footage.start_s, length_s, _never), watermarker)


def marks_in_audio(path: Path, watermarker: Watermarker) -> tuple[FoundMark, ...]:
    """Every mark in the first MAX_READ_S of an audio file. Raises MediaError."""
    return _audible(decode(path, 0.0, MAX_READ_S, (), _never), watermarker)


def _audible(pieces: Iterable[bytes], watermarker: Watermarker) -> tuple[FoundMark, ...]:
    return watermarker.read_audio(np.frombuffer(piece, dtype="<f4").reshape(-1, 2).T for piece in pieces)


def show(footage: Footage, reader: MarkReader) -> None:
    """Decode the first MAX_READ_S for this reader. Raises MediaError."""
    latest_s = footage.start_s + min(footage.duration_s, MAX_READ_S)
    shown, shown_s, began_s = None, 0.0, None
    for frame, time_s in frames_with_times(footage.source, reader.size, footage.start_s, latest_s):
        began_s = time_s if began_s is None else began_s
        if shown is not None:
            reader.see(shown, time_s - began_s)
        shown, shown_s = frame, time_s - began_s
    if shown is not None:
        reader.see(shown, shown_s + 1 / max(footage.fps, 1.0))

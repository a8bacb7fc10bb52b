"""Reads the marks of a video that is looked through for nothing else."""

from ltx_mcp.media.footage import Footage
from ltx_mcp.media.passes import frames_with_times
from ltx_mcp.watermark.base import FoundMark, MarkReader, Watermarker

MAX_READ_S = 300.0
"""Of longer films no more is read: it would take minutes to decode."""


def marks_in(footage: Footage, watermarker: Watermarker) -> tuple[FoundMark, ...]:
    """Every mark in the first MAX_READ_S, by the time at which it begins. Raises MediaError."""
    reader = watermarker.reader(footage.width, footage.height)
    show(footage, reader)
    return reader.found()


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

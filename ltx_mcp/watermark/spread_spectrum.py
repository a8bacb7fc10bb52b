"""The Watermarker of this project: a spread-spectrum mark over seconds of frames, read without the original."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.media.footage import Footage
from ltx_mcp.media.passes import frames_with_times
from ltx_mcp.types.frames import Frame
from ltx_mcp.watermark.base import FoundMark, FrameMarker, Mark
from ltx_mcp.watermark.carriers import grid_of
from ltx_mcp.watermark.decoding import read_pieces
from ltx_mcp.watermark.frame_marker import SpreadMarker
from ltx_mcp.watermark.lock_in import folded_pieces
from ltx_mcp.watermark.masking import cell_means, luma_of
from ltx_mcp.watermark.modulation import RATE

MAX_READ_S = 300.0
"""Of longer films no more is read: it would take minutes to decode."""
_FINER = 2  # pixels that are read along each side of a cell


class SpreadSpectrum:
    """See `Watermarker`."""

    def marker(self, mark: Mark, width: int, height: int, fps: float) -> FrameMarker:
        return SpreadMarker(mark, width, height, fps)

    def read(self, footage: Footage) -> tuple[FoundMark, ...]:
        return read_pieces(list(folded_pieces(cells_of(footage))))


def cells_of(footage: Footage) -> Iterator[NDArray[np.float32]]:
    """The (rows, columns) mean lumas of its frames, 30 a second. Raises MediaError."""
    grid = grid_of(footage.width, footage.height)
    size = (_FINER * grid[1], _FINER * grid[0])
    end_s = footage.start_s + MAX_READ_S if footage.end_s is None else footage.end_s
    frames = frames_with_times(footage.source, size, footage.start_s, min(end_s, footage.start_s + MAX_READ_S))
    return (cell_means(luma_of(frame), grid) for frame in at_rate(frames))


def at_rate(frames: Iterable[tuple[Frame, float]]) -> Iterator[Frame]:
    """What is on screen in the middle of every 1/30 s, from the first frame's time on; the last frame once."""
    began_s, shown, count = None, None, 0
    for frame, time_s in frames:
        began_s = time_s if began_s is None else began_s
        while shown is not None and (count + 0.5) / RATE < time_s - began_s:
            yield shown
            count += 1
        shown = frame
    if shown is not None:
        yield shown

"""What is looked at of a file that may be a copy: its frames, small, as they are and without the bars they may have."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.media.footage import Footage, read_video
from ltx_mcp.media.resize import shrink, shrunk_size
from ltx_mcp.provenance.frame_hash import BOXES, Hashes, hash_frame
from ltx_mcp.provenance.matching import LOOKS_PER_S
from ltx_mcp.types.frames import Frame

MAX_LOOKED_S = 120.0
_SHORT_SIDE = 128  # pixels: enough for a hash of a tenth less, and for `likeness`
_BLACK = 24  # of 255: what no frame exceeds is a bar; black is 0, and compression adds a little
_LIT = 0.02  # of a row or column: fewer lit pixels are noise
_LEAST_SIDE = 0.3  # of the frame: what is left between bars


@dataclass(frozen=True)
class Looks:
    """`frames` at `times_s` (n,) of the file, and their hashes (n,)."""

    times_s: NDArray[np.float64]
    frames: Sequence[Frame]
    hashes: Hashes


def looks_at_video(footage: Footage, shapes: Collection[float]) -> list[Looks]:
    """As it is, and without the bars that it may have; of its first two minutes. `shapes` are those of films it may be
    a copy of, width by height: ground as dark as a bar is told from one by them alone. Raises MediaError.
    """
    size = shrunk_size(footage.width, footage.height, _SHORT_SIDE)
    count = max(1, int(min(footage.duration_s, MAX_LOOKED_S) * LOOKS_PER_S))
    frames = list(read_video(footage, *size, LOOKS_PER_S, count))
    return _with_and_without_bars(np.arange(count) / LOOKS_PER_S, frames, shapes)


def looks_at_image(frame: Frame, shapes: Collection[float]) -> list[Looks]:
    """The same of an image."""
    return _with_and_without_bars(np.zeros(1), [shrink(frame, _SHORT_SIDE)], shapes)


def _with_and_without_bars(
    times_s: NDArray[np.float64], frames: Sequence[Frame], shapes: Collection[float]
) -> list[Looks]:
    inside = {(0, 0, frames[0].shape[1], frames[0].shape[0]), *_between_bars(frames, shapes)}
    versions = [[np.ascontiguousarray(frame[top:bottom, left:right]) for frame in frames]
                for left, top, right, bottom in sorted(inside)]  # fmt: skip
    return [Looks(times_s, each, np.array([hash_frame(one, BOXES[:1])[0] for one in each])) for each in versions]


def _between_bars(frames: Sequence[Frame], shapes: Collection[float]) -> Iterator[tuple[int, int, int, int]]:
    """What may lie between bars, as (left, top, right, bottom) in pixels: outside of it no frame is ever lit."""
    lit = np.max([frame.max(axis=2) for frame in frames], axis=0) > _BLACK
    rows, columns = np.flatnonzero(lit.mean(axis=1) > _LIT), np.flatnonzero(lit.mean(axis=0) > _LIT)
    if not len(rows) or not len(columns):
        return
    height, width = lit.shape
    seen = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    centred = [_centred(width, height, shape) for shape in shapes]
    for left, top, right, bottom in (seen, *centred):
        holds = left <= seen[0] + 1 and top <= seen[1] + 1 and right >= seen[2] - 1 and bottom >= seen[3] - 1
        if holds and min((right - left) / width, (bottom - top) / height) >= _LEAST_SIDE:
            yield left + 1, top + 1, right - 1, bottom - 1  # a bar's last pixel is part of both, once it is scaled


def _centred(width: int, height: int, shape: float) -> tuple[int, int, int, int]:
    """The largest part of this shape."""
    wide, high = min(width, round(height * shape)), min(height, round(width / shape))
    left, top = (width - wide) // 2, (height - high) // 2
    return left, top, left + wide, top + high

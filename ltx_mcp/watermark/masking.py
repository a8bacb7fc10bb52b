"""How strong the mark may be in each cell: one grey level where it is flat, more where texture or motion hide it."""

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.types.frames import Frame

Strengths = NDArray[np.float32]
"""(rows, columns): grey levels of 255."""

_LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)  # BT.709
_LOOKED = 480  # pixels of the longer side that are looked at: a cell is 7.5
_PER_ACTIVITY = 0.25  # grey levels for each level by which neighbouring pixels differ
_MOTION = 0.5  # of a difference in time, beside those in space
_MOST = 3.0  # levels above the one of flat cells
_MEAN_SQUARE = 5.0  # of a frame's strengths; the smoothed pattern has about 0.65 of it: 43 dB


class Masking:
    """Sees frames in order, one for each half period."""

    def __init__(self, rows: int, columns: int) -> None:
        self._grid = (rows, columns)
        self._before: NDArray[np.float32] | None = None

    def strengths(self, frame: Frame) -> Strengths:
        step = max(1, max(frame.shape[:2]) // _LOOKED)
        luma = luma_of(frame[::step, ::step])
        activity = np.zeros_like(luma)
        activity[:, 1:] += np.abs(np.diff(luma, axis=1))
        activity[1:] += np.abs(np.diff(luma, axis=0))
        if self._before is not None:
            activity += _MOTION * np.abs(luma - self._before)
        self._before = luma
        return _limited(np.minimum(_PER_ACTIVITY * cell_means(activity, self._grid), _MOST))


def luma_of(frame: Frame) -> NDArray[np.float32]:
    """(height, width), 0..255."""
    return frame.astype(np.float32) @ _LUMA


def cell_means(image: NDArray[np.float32], grid: tuple[int, int]) -> NDArray[np.float32]:
    """The mean of an image in each cell of a grid of (rows, columns)."""
    from PIL import Image

    return np.asarray(Image.fromarray(image).resize(grid[::-1], Image.Resampling.BOX))


def _limited(extra: Strengths) -> Strengths:
    """One level and as much of the `extra` as the mean square allows: the root of its square equation."""
    square, mean = float((extra**2).mean()), float(extra.mean())
    if 1 + 2 * mean + square <= _MEAN_SQUARE:
        return 1 + extra
    share = (np.sqrt(mean**2 + square * (_MEAN_SQUARE - 1)) - mean) / square
    return 1 + np.float32(share) * extra

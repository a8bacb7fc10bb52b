"""Marks frames as they stream by: the pattern, at the strength that each place allows, added to all three colours."""

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.types.frames import Frame
from ltx_mcp.watermark.base import Mark
from ltx_mcp.watermark.convolution import encode
from ltx_mcp.watermark.grid import CARRIERS, grid_of
from ltx_mcp.watermark.masking import Masking, Strengths
from ltx_mcp.watermark.modulation import half_period
from ltx_mcp.watermark.payload import to_bits

_SHIFT = 4  # a grey level has 16 steps while the pattern is scaled, in bytes around _ZERO
_ZERO, _HALF = np.uint8(128), np.uint8(8)


class SpreadMarker:
    """A `FrameMarker`. The strengths are found once for each half period, a sixth of a second."""

    def __init__(self, mark: Mark, width: int, height: int, fps: float) -> None:
        self._size, self._fps = (width, height), fps
        grid = grid_of(width, height)
        self._pattern = CARRIERS.spread(encode(to_bits(mark))).reshape(grid)
        self._masking, self._half = Masking(*grid), -1

    def __call__(self, index: int, frame: Frame) -> Frame:
        half = half_period((index + 0.5) / self._fps)
        if half != self._half:
            self._half = half
            sign = 1 if half % 2 == 0 else -1
            self._lighter, self._darker = self._changes(sign * self.strengths(frame) * self._pattern)
            self._room = 255 - self._lighter
        # Saturating sums in bytes, which are many times faster than floats.
        marked = np.minimum(frame, self._room)
        marked += self._lighter
        np.maximum(marked, self._darker, out=marked)
        marked -= self._darker
        return marked

    def strengths(self, frame: Frame) -> Strengths:
        """Of the cells, for the half period that this frame begins."""
        return self._masking.strengths(frame)

    def _changes(self, cells: NDArray[np.float32]) -> tuple[Frame, Frame]:
        """(what is added, what is taken away), in grey levels, in the frame's own size."""
        from PIL import Image

        fine = np.clip(np.rint(cells * (1 << _SHIFT)) + 128, 0, 255).astype(np.uint8)
        scaled = np.asarray(Image.fromarray(fine).resize(self._size, Image.Resampling.BICUBIC))
        lighter = (np.maximum(scaled, _ZERO) - (_ZERO - _HALF)) >> _SHIFT
        darker = (_ZERO + _HALF - np.minimum(scaled, _ZERO)) >> _SHIFT
        return _coloured(lighter), _coloured(darker)


def _coloured(grey: NDArray[np.uint8]) -> Frame:
    frame = np.empty((*grey.shape, 3), dtype=np.uint8)
    for colour in range(3):  # several times faster than to broadcast
        frame[..., colour] = grey
    return frame

"""The Watermarker of this project: a spread-spectrum mark over seconds of frames and of audio, read from them alone."""

from collections.abc import Iterable

import numpy as np

from ltx_mcp.types.frames import Audio, Frame
from ltx_mcp.watermark import audio_lock_in, frame_lock_in
from ltx_mcp.watermark.audio_bands import levels
from ltx_mcp.watermark.audio_marker import mark_audio
from ltx_mcp.watermark.base import FoundMark, FrameMarker, Mark, MarkReader
from ltx_mcp.watermark.frame_lock_in import Folding
from ltx_mcp.watermark.frame_marker import SpreadMarker
from ltx_mcp.watermark.grid import grid_of
from ltx_mcp.watermark.masking import cell_means, luma_of
from ltx_mcp.watermark.modulation import RATE
from ltx_mcp.watermark.reading import MAX_READ_S

_FINER = 2  # pixels that are read along each side of a cell


class SpreadSpectrum:
    """See `Watermarker`."""

    def marker(self, mark: Mark, width: int, height: int, fps: float) -> FrameMarker:
        return SpreadMarker(mark, width, height, fps)

    def reader(self, width: int, height: int) -> MarkReader:
        return SpreadReader(width, height)

    def mark_audio(self, mark: Mark, audio: Audio, made: range) -> Audio:
        return mark_audio(mark, audio, made)

    def read_audio(self, pieces: Iterable[Audio]) -> tuple[FoundMark, ...]:
        return audio_lock_in.DECODER.marks(audio_lock_in.folded_pieces(levels(pieces)))


class SpreadReader:
    """See `MarkReader`. Sees what is on screen in the middle of every 1/30 s, for the first MAX_READ_S."""

    def __init__(self, width: int, height: int) -> None:
        self._grid = grid_of(width, height)
        self.size = (_FINER * self._grid[1], _FINER * self._grid[0])
        self.folding, self._count = Folding(), 0

    def see(self, frame: Frame, until_s: float) -> None:
        last = round(min(until_s, MAX_READ_S) * RATE)
        if last <= self._count:
            return
        cells = cell_means(luma_of(self._small(frame)), self._grid)
        while self._count < last:
            self.folding.add(cells)
            self._count += 1

    def found(self) -> tuple[FoundMark, ...]:
        return frame_lock_in.DECODER.marks(self.folding.ended())

    def _small(self, frame: Frame) -> Frame:
        from PIL import Image

        if frame.shape[1::-1] == self.size:
            return frame
        return np.asarray(Image.fromarray(frame).resize(self.size, Image.Resampling.BOX))

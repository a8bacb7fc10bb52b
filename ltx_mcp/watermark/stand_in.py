"""The twin of the Watermarker: the mark as a row of black and white blocks that anybody can see, read in an instant."""

import numpy as np

from ltx_mcp.types.frames import Frame
from ltx_mcp.watermark.base import FoundMark, FrameMarker, Mark, MarkReader
from ltx_mcp.watermark.payload import MESSAGE_BITS, from_bits, to_bits

_ROWS = 10  # blocks that a frame is high; the mark is the first row of them


class VisibleMark:
    """See `Watermarker`."""

    def marker(self, mark: Mark, width: int, height: int, fps: float) -> FrameMarker:
        row = np.repeat(to_bits(mark) * np.uint8(255), -(-width // MESSAGE_BITS))
        places = np.arange(width) * len(row) // width

        def marked(index: int, frame: Frame) -> Frame:
            changed = frame.copy()
            changed[: height // _ROWS] = row[places][None, :, None]
            return changed

        return marked

    def reader(self, width: int, height: int) -> MarkReader:
        return BlockReader()


class BlockReader:
    """See `MarkReader`."""

    size = (MESSAGE_BITS, _ROWS)

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, float]] = {}
        self._now_s = 0.0

    def see(self, frame: Frame, until_s: float) -> None:
        columns = (np.arange(MESSAGE_BITS) * 2 + 1) * frame.shape[1] // (2 * MESSAGE_BITS)
        bits = frame[frame.shape[0] // (2 * _ROWS), columns, 1] > 127
        if (mark := from_bits(bits.astype(np.uint8))) is not None:
            self._seen[mark.text] = (self._seen.get(mark.text, (self._now_s, 0.0))[0], until_s)
        self._now_s = until_s

    def found(self) -> tuple[FoundMark, ...]:
        return tuple(FoundMark(text=text, start_s=a, end_s=b, agreement=1.0) for text, (a, b) in self._seen.items())

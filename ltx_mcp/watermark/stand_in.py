"""The twin of the Watermarker: the mark as a row of black and white blocks that anybody can see, read in an instant."""

import numpy as np

from ltx_mcp.media.footage import Footage
from ltx_mcp.media.passes import frames_with_times
from ltx_mcp.types.frames import Frame
from ltx_mcp.watermark.base import FoundMark, FrameMarker, Mark
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

    def read(self, footage: Footage) -> tuple[FoundMark, ...]:
        seen: dict[str, tuple[float, float]] = {}
        size = (MESSAGE_BITS, _ROWS)
        for frame, time_s in frames_with_times(footage.source, size, footage.start_s, footage.end_s):
            if (mark := from_bits((frame[0, :, 1] > 127).astype(np.uint8))) is not None:
                seen[mark.text] = (seen.get(mark.text, (time_s, 0.0))[0], time_s)
        return tuple(FoundMark(text=text, start_s=a, end_s=b, agreement=1.0) for text, (a, b) in seen.items())

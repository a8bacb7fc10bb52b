"""Edges by ffmpeg's own Canny filter: white lines, one pixel wide, on black. No model, no download."""

from collections.abc import Sequence

from ltx_mcp.media.footage import Footage, read_video
from ltx_mcp.types.callbacks import Check
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.requests import Control

LOW, HIGH = 20 / 255, 50 / 255
"""Thresholds on the gradient, 0..1: ffmpeg's own. On photographs and films at 480x272 they keep outlines, folds and
letters (4 to 15 % of the pixels, most of them in grass); at twice their height, letters and soft outlines are lost."""

_UNEVEN = "convolution=0m='0 1 0 1 8 0 0 0 0':0rdiv=0.1"
"""A tenth of the pixel above and of the one to the left. The filter drops both sides of an edge whose two gradients are
equal (ffmpeg 7: of a drawn square it leaves the corners alone), and no edge is even after this."""

_LINES = f"edgedetect=mode=wires:low={LOW:.4f}:high={HIGH:.4f},lut=y='gt(val,0)*255'"  # it draws in greys
_FILTER = f"format=gray,{_UNEVEN},{_LINES}"


class CannyControl:
    """`canny`."""

    control: Control = "canny"

    def ready(self) -> None:
        """Needs nothing."""

    def read(self, footage: Footage, width: int, height: int, fps: float, frames: int, check: Check) -> Sequence[Frame]:
        made = []
        for frame in read_video(footage, width, height, fps, frames, frame_filter=_FILTER):
            check()
            made.append(frame)
        return made

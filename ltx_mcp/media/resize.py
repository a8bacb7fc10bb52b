"""Frames of another size: larger, where a clip was made smaller than it is delivered, or smaller, for what goes in."""

import numpy as np

from ltx_mcp.types.frames import Frame


def scaled(frame: Frame, width: int, height: int) -> Frame:
    """The frame at this size in pixels, by a Lanczos filter; the same picture, contiguous, where it has it already."""
    if frame.shape[:2] == (height, width):
        return np.ascontiguousarray(frame)
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(frame)).resize((width, height), Image.Resampling.LANCZOS)
    return np.array(picture)  # a copy: the picture's own memory cannot be written

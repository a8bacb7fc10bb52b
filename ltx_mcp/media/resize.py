"""Frames and sizes made larger or smaller. What the frame is for decides how it is fitted and filtered.

Lanczos keeps detail where people or a model look; a box average is fast, and skips no pixel, where frames are only
judged. Pillow is imported when a frame is resized: the stand-in engine and the index load this module without it.
"""

import numpy as np

from ltx_mcp.media.framing import fit
from ltx_mcp.types.frames import Frame


def scale(frame: Frame, width: int, height: int) -> Frame:
    """The whole frame at exactly this size, whatever that does to its shape. Lanczos."""
    if frame.shape[:2] == (height, width):
        return np.ascontiguousarray(frame)
    from PIL import Image

    return np.array(Image.fromarray(np.ascontiguousarray(frame)).resize((width, height), Image.Resampling.LANCZOS))


def cover(frame: Frame, width: int, height: int) -> Frame:
    """The frame at exactly this size, which it covers: cropped from the centre as `framing.fit` says. Lanczos."""
    from PIL import Image

    if frame.shape[:2] == (height, width):
        return frame
    part = fit((frame.shape[1], frame.shape[0]), (width, height))
    box = (part.left, part.top, part.left + part.width, part.top + part.height)
    return np.array(Image.fromarray(frame).resize((width, height), Image.Resampling.LANCZOS, box=box))


def covering(frame: Frame, width: int, height: int) -> Frame:
    """The whole frame in its own shape, no larger than it takes to cover this size; never enlarged. Lanczos."""
    factor = max(width / frame.shape[1], height / frame.shape[0])
    if factor >= 1:
        return np.ascontiguousarray(frame)
    from PIL import Image

    size = max(1, round(frame.shape[1] * factor)), max(1, round(frame.shape[0] * factor))
    return np.array(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0))


def contain(frame: Frame, width: int, height: int) -> Frame:
    """The whole frame in its own shape, as large as fits into this size. Lanczos."""
    from PIL import Image, ImageOps

    return np.array(ImageOps.contain(Image.fromarray(frame), (width, height), Image.Resampling.LANCZOS))


def shrink(frame: Frame, short_side: int) -> Frame:
    """A copy in its own shape, whose short side is at most `short_side` pixels. Box average."""
    height, width = frame.shape[:2]
    size = shrunk_size(width, height, short_side)
    if size == (width, height):
        return frame.copy()
    from PIL import Image

    return np.array(Image.fromarray(frame).resize(size, Image.Resampling.BOX))


def shrunk_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """The (width, height) that `shrink` makes of a frame of this size."""
    factor = min(1.0, short_side / min(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def reduce(frame: Frame, short_side: int) -> Frame:
    """A copy that is smaller by a whole factor, its short side still at least `short_side` pixels. Box average."""
    factor = min(frame.shape[:2]) // short_side
    if factor < 2:
        return frame.copy()
    from PIL import Image

    return np.array(Image.fromarray(frame).reduce(factor))


def size_within(size: tuple[int, int], max_side: int | None) -> tuple[int, int]:
    """A (width, height) of the same shape whose long side is at most `max_side`. None: the size as it is."""
    factor = min(1.0, (max_side or max(size)) / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))

"""Whether two frames show the same, though one was cropped, scaled or compressed since: by their pixels."""

from functools import cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.types.frames import Frame

if TYPE_CHECKING:
    from PIL import Image

_SIDE = 24  # pixels of the square in which frames are compared: fine enough to tell seeds of one prompt apart
_WHOLE = 72  # pixels of an original, three for one of them, so that a crop can be moved by less
_BOX = 4  # Pillow's Resampling.BOX, which is imported when a frame is compared
_STEPS = (-0.05, -0.025, 0.0, 0.025, 0.05)  # by which a crop's place and size may differ from the nearest hashed one


def likeness(copy: Frame, original: Frame, box: tuple[float, ...]) -> float:
    """The correlation of their colours, -1..1, at the best crop of the original near `box` (shares of its sides)."""
    from PIL import Image

    shown, whole = _colours(Image.fromarray(copy), (0.0, 0.0, 1.0, 1.0)), Image.fromarray(original)
    whole = whole.resize((_WHOLE, _WHOLE), Image.Resampling.BOX)
    return max(float(np.dot(shown, _colours(whole, nearby))) for nearby in _nearby(box))


@cache
def _nearby(box: tuple[float, ...]) -> tuple[tuple[float, ...], ...]:
    """Larger, smaller, and moved to all sides; within the frame."""
    left, top, right, bottom = box
    found = {
        (left + x - by, top + y - by, right + x + by, bottom + y + by) for by, x, y in product(_STEPS, _STEPS, _STEPS)
    }
    return (box, *(each for each in sorted(found) if min(each) >= 0.0 and max(each) <= 1.0))


def _colours(image: "Image.Image", box: tuple[float, ...]) -> NDArray[np.float32]:
    """Those of a part, as one vector of mean 0 and length 1; all zeros where it shows nothing."""
    left, right = box[0] * image.width, box[2] * image.width
    top, bottom = box[1] * image.height, box[3] * image.height
    part = image.resize((_SIDE, _SIDE), _BOX, box=(left, top, right, bottom))
    values: NDArray[np.float32] = np.array(part, dtype=np.float32).ravel()
    values -= values.mean()
    length = float(np.linalg.norm(values))
    values *= 1.0 / length if length > 1.0 else 0.0
    return values

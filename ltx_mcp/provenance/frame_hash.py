"""64 bits that tell what a frame shows: scaling and compression change few of them, another frame about half.

They are the signs of its low frequencies, as in the perceptual hashes of images (Zauner, "Implementation and
Benchmarking of Perceptual Image Hash Functions", 2010). A crop changes them too, so a frame is hashed with nine taken.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.types.frames import Frame

Hashes = NDArray[np.uint64]

BOXES = (
    (0.0, 0.0, 1.0, 1.0), (0.05, 0.05, 0.95, 0.95), (0.1, 0.1, 0.9, 0.9),  # left, top, right, bottom, as shares
    (0.05, 0.0, 0.95, 1.0), (0.0, 0.05, 1.0, 0.95),
    (0.0, 0.0, 0.9, 0.9), (0.1, 0.0, 1.0, 0.9), (0.0, 0.1, 0.9, 1.0), (0.1, 0.1, 1.0, 1.0),
)  # fmt: skip
"""What a copy may show of a frame: all of it, or 90 % of each side or of one, from the centre or a corner."""

_SIDE, _LOW = 32, 8  # pixels that are transformed, and frequencies of each direction that are kept
_FLAT = 2.0  # standard deviation in levels of 255: what shows nothing has no hash


def hash_frame(frame: Frame, boxes: tuple[tuple[float, ...], ...] = BOXES) -> Hashes:
    """uint64 (boxes,) of a (height, width, 3) frame; 0 where it shows nothing but one colour."""
    from PIL import Image

    grey = Image.fromarray(frame).convert("L")
    crops = [
        np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.BOX, box=_pixels(box, *grey.size)), dtype=np.float32)
        for box in boxes
    ]
    return np.array([_hash(crop) for crop in crops], dtype=np.uint64)


def distances(one: Hashes, other: Hashes) -> NDArray[np.uint8]:
    """Bits in which they differ, by NumPy's rules of shape; 64 where either is 0."""
    differ: NDArray[np.uint8] = np.bitwise_count(one ^ other)
    differ[np.broadcast_to((one == 0) | (other == 0), differ.shape)] = 64
    return differ


def _pixels(box: tuple[float, ...], width: int, height: int) -> tuple[float, float, float, float]:
    left, top, right, bottom = box
    return left * width, top * height, right * width, bottom * height


def _hash(grey: NDArray[np.float32]) -> int:
    if grey.std() < _FLAT:
        return 0
    low = (_basis() @ grey @ _basis().T).ravel()
    bits = low > np.median(low[1:])  # the first is the mean brightness
    return int(np.packbits(bits).view(">u8")[0])


@cache
def _basis() -> NDArray[np.float32]:
    """The first rows of the discrete cosine transform (DCT-II)."""
    frequency, place = np.arange(_LOW)[:, None], np.arange(_SIDE)[None, :]
    return np.cos(np.pi * frequency * (2 * place + 1) / (2 * _SIDE)).astype(np.float32)

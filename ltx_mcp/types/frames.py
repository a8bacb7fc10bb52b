"""Frames and audio as arrays."""

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
"""One frame: (height, width, 3), RGB, uint8, C-contiguous."""

Audio = NDArray[np.float32]
"""Samples: (channels, samples), float32 in -1..1."""

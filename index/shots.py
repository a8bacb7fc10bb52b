"""Where a clip's shots change, as far as its sampled frames tell: by how far their embeddings jump. Pure NumPy.

A cut is between two frames that are far apart for their clip: what moves within a shot moves as fast before and after.
"""

import numpy as np
from numpy.typing import NDArray

OTHER_SHOT = 0.6  # a cosine below it is another shot in any clip (0.55 to 0.6 over the open_clip models)
SAME_SHOT = 0.9  # one above it is the same: half a second of motion changes no more
JUMP = 6.0  # times the clip's usual distance from frame to frame; within scenes of the drawn world at most 4


def cuts_between(vectors: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(n - 1,) whether another shot begins between each of the frames (n, dim), unit vectors in order, and the next."""
    cosines = (vectors[1:] * vectors[:-1]).sum(axis=1)
    if not len(cosines):
        return np.zeros(0, dtype=np.bool_)
    usual = float(np.median(1 - cosines))
    jumps = (cosines < SAME_SHOT) & (1 - cosines > JUMP * usual)
    return np.asarray(jumps | (cosines < OTHER_SHOT))

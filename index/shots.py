"""Where a clip's shots change between its sampled frames. Pure NumPy.

Hard cuts were found while the clip streamed by, and stand beside its frames. Where the frames on both sides of one look
alike it was none: a textured still that moves by whole pixels, every few frames, or a flash. What is left, dissolves
and the cuts of clips that nobody looked through, is told by how far the embeddings jump: between two frames that are
far apart for their clip another shot begins, for what moves within a shot moves as fast before and after.
"""

import numpy as np
from numpy.typing import NDArray

OTHER_SHOT = 0.6  # a cosine below it is another shot in any clip (0.55 to 0.6 over the open_clip models)
SAME_SHOT = 0.9  # one above it is the same: half a second of motion changes no more
SAME_FRAME = 0.98  # above it a cut that was seen is none; across cuts of drawn films at most 0.88
LEAST_FRAMES = 8  # by which the usual is told: two a second of 3 s, and the last one
JUMP = 6.0  # times the clip's usual distance from frame to frame; within scenes of the drawn world at most 4


def cuts_between(
    times_s: NDArray[np.float64], vectors: NDArray[np.float32], shot_starts_s: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """(n - 1,) when another shot begins between each of n frames in order and the next, in seconds; NaN: it does not.

    `times_s` (n,), `vectors` (n, dim) unit, and `shot_starts_s` (n,), when the shot of each frame begins: NaN is not
    known. A cut that only the embeddings tell lies half-way.
    """
    half_way = (times_s[1:] + times_s[:-1]) / 2
    cosines = (vectors[1:] * vectors[:-1]).sum(axis=1)
    cuts = np.where(_jumps(cosines), half_way, np.nan)
    if shot_starts_s is None:
        return cuts
    seen = shot_starts_s[1:] > shot_starts_s[:-1]  # comparing with NaN is false
    return np.where(seen & (cosines < SAME_FRAME), shot_starts_s[1:], cuts)


def _jumps(cosines: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Of few frames nobody knows what is usual, and their last one may just be a thing that leaves: one shot."""
    if len(cosines) < LEAST_FRAMES - 1:
        return np.asarray(cosines < OTHER_SHOT)
    usual = float(np.median(1 - cosines))
    jumps = (cosines < SAME_SHOT) & (1 - cosines > JUMP * usual)
    return np.asarray(jumps | (cosines < OTHER_SHOT))

"""Does a frame show something that no scored frame shows? Cheap enough to ask of every frame.

A frame's signature is the distribution of its colours, in each quarter by itself: an inserted frame changes it, while
motion and a moving camera hardly do. What looks the same as a scored frame to it need not be scored again.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.types.frames import Frame

DIFFERENT = 12.0  # levels of 255, mean over the quantiles of one colour in one quarter (bench/moderation_frames.py)
_SIDE = 48  # pixels of each side that are looked at
_EVERY = 16  # of the sorted values of a quarter
_REMEMBERED = 6  # scored frames: a scene that is cut back and forth is known again

Signature = NDArray[np.float32]


def signature(frame: Frame) -> Signature:
    """(4, quantiles, 3): the sorted colours of each quarter. Its cost does not grow with the frame."""
    rows = np.linspace(0, frame.shape[0] - 1, _SIDE).astype(np.intp)
    columns = np.linspace(0, frame.shape[1] - 1, _SIDE).astype(np.intp)
    half = _SIDE // 2
    quarters = frame[rows[:, None], columns].reshape(2, half, 2, half, 3).swapaxes(1, 2).reshape(4, -1, 3)
    return np.sort(quarters, axis=1)[:, _EVERY // 2 :: _EVERY].astype(np.float32)


def distance(one: Signature, other: Signature) -> float:
    """How far the colours of the quarter and the channel that differ most have moved, in levels of 255."""
    return float(np.abs(one - other).mean(axis=1).max())


class Scored:
    """The signatures of the frames that were scored last."""

    def __init__(self) -> None:
        self._known: deque[Signature] = deque(maxlen=_REMEMBERED)

    def add(self, frame: Frame) -> None:
        self._known.append(signature(frame))

    def differs(self, frame: Frame) -> bool:
        """Whether it differs from each of them."""
        mine = signature(frame)
        return all(distance(mine, known) > DIFFERENT for known in self._known)

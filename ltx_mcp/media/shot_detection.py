"""Where a new shot begins, found while the frames stream by: hard cuts, to the frame. Dissolves are not seen.

As PySceneDetect's AdaptiveDetector: a cut is a change that stands out from those right before and after it, so that
fast motion, which changes every frame alike, is none. It is measured on a few pixels of each frame, in RGB.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.types.frames import Frame

STANDS_OUT = 3.0  # times the mean of its neighbours; PySceneDetect's adaptive_threshold
LEAST_CHANGE = 6.0  # mean difference of 0..255; changes that stand out of packaged film without being cuts: 4 at most
NEIGHBOURHOOD_S = 0.2  # on each side
REPEATED = 0.1  # less is the same frame again, as in animation or a film that was made faster: no neighbour
SHORTEST_SHOT_S = 0.4
_ACROSS, _DOWN = 64, 36  # pixels that are looked at, about


def lag_frames(fps: float) -> int:
    """How many frames after a cut it is known."""
    return max(2, round(NEIGHBOURHOOD_S * fps))


class ShotDetector:
    """Watches a stream of frames at `fps`."""

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._lag = lag_frames(fps)
        self._shortest = max(self._lag + 1, round(SHORTEST_SHOT_S * fps))
        self._previous: NDArray[np.int16] | None = None
        self._changes: deque[float] = deque([0.0] * (self._lag + 1), maxlen=2 * self._lag + 1)
        self._cuts: list[int] = []

    @property
    def cuts_s(self) -> tuple[float, ...]:
        """When each shot after the first begins, as far as is known: seconds from the first frame, ascending."""
        return tuple(round(cut / self._fps, 3) for cut in self._cuts)

    def see(self, index: int, frame: Frame) -> bool:
        """Frame number `index`, from 0; (height, width, 3) uint8, called in order. Whether a cut is now known: it lies
        `lag_frames` before this frame.
        """
        height, width = frame.shape[:2]
        pixels = frame[:: max(1, height // _DOWN), :: max(1, width // _ACROSS)].astype(np.int16)
        previous, self._previous = self._previous, pixels
        if previous is not None:
            self._changes.append(float(np.abs(pixels - previous).mean()))
        cut = index - self._lag
        if cut < 1 or (self._cuts and cut - self._cuts[-1] < self._shortest) or not self._stands_out():
            return False
        self._cuts.append(cut)
        return True

    def _stands_out(self) -> bool:
        around = list(self._changes)
        change = around.pop(self._lag)
        neighbours = [each for each in around if each > REPEATED]
        usual = sum(neighbours) / len(neighbours) if neighbours else 0.0
        return change >= max(LEAST_CHANGE, STANDS_OUT * usual)

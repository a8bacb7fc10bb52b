"""When the pattern's sign turns: a square wave on the clip's own clock, so that what stands still cancels out.

3 Hz: what a film shows changes less in a sixth of a second than from place to place, and an encoder still follows.
"""

import numpy as np
from numpy.typing import NDArray

RATE = 30.0
"""Frames a second at which marks are read."""

PERIOD = 10
"""Frames of one period at that rate: a third of a second."""

HALF_S = PERIOD / RATE / 2


def half_period(time_s: float) -> int:
    """The number of the half period in which a time lies; the sign is + in even ones."""
    return int(time_s / HALF_S + 1e-6)


def waves() -> NDArray[np.float32]:
    """(PERIOD / 2, PERIOD): the sign at each frame of a period, for every frame at which a period may begin. The other
    half of the beginnings are these with the other sign.
    """
    wave = np.where(np.arange(PERIOD) < PERIOD // 2, 1.0, -1.0).astype(np.float32)
    return np.stack([np.roll(wave, shift) for shift in range(PERIOD // 2)])

"""The carriers of audio: bands of its spectrum in eight patterns, each a little louder and then as much softer.

A pattern turns its signs after 0.16 s, so what a band's level is on the whole cancels out when it is read, as what
stands still does in frames. There are eight, so that audio with few partials carries the whole message too, after a
while.
"""

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.watermark.audio_bands import BANDS, HOP, RATE, centre
from ltx_mcp.watermark.carriers import Carriers, Chips

STEP = 8  # windows, 0.16 s
PATTERNS = 8
PERIOD = 2 * PATTERNS * STEP  # windows
PERIOD_S = PERIOD * HOP / RATE  # 2.56 s

CARRIERS = Carriers(b"ltx-mcp audio watermark, version 1", PATTERNS * BANDS, PATTERNS * BANDS * 15 // 100)


def signs_at(chips: Chips, windows: int) -> NDArray[np.float32]:
    """(windows, BANDS): whether each band is louder or softer in each window."""
    patterns = chips.reshape(PATTERNS, BANDS)
    steps = np.stack([patterns, -patterns], axis=1).reshape(2 * PATTERNS, BANDS)
    return steps[centre(np.arange(windows)) // (STEP * HOP) % len(steps)]

"""Which frames of a source video moderation looks at."""

import numpy as np

from ltx_mcp.media.footage import Footage
from ltx_mcp.media.probe import read_frames
from ltx_mcp.types.frames import Frame

SAMPLES_PER_S = 2.0  # as of a finished clip
LONG_SIDE = 512  # pixels: more than any frame classifier sees


def frames_to_moderate(footage: Footage) -> list[Frame]:
    """Two a second, the first and the last, shrunk. Raises MediaError."""
    count = max(2, round(footage.duration_s * SAMPLES_PER_S) + 1)
    times_s = np.linspace(footage.start_s, footage.start_s + footage.duration_s, count)
    return [frame for _, frame in read_frames(footage.source, list(times_s), max_side=LONG_SIDE)]

"""What moderation looks at of a source video."""

import numpy as np

from ltx_mcp.media.footage import Footage
from ltx_mcp.media.probe import read_frames
from ltx_mcp.types.frames import Frame

LOOKS_PER_SECOND = 2.0  # of a source video, as of a finished clip
LOOK_SIDE = 512  # pixels: more than any frame classifier sees


def look(footage: Footage) -> list[Frame]:
    """The frames of a source that moderation looks at: two a second, the first and the last."""
    count = max(2, round(footage.duration_s * LOOKS_PER_SECOND) + 1)
    times_s = np.linspace(footage.start_s, footage.start_s + footage.duration_s, count)
    return [frame for _, frame in read_frames(footage.path, list(times_s), max_side=LOOK_SIDE)]

"""Which frames of a job's inputs moderation looks at: every one of a video, as it is decoded, and every image."""

from collections.abc import Iterable
from dataclasses import dataclass

from ltx_mcp.media.footage import Footage, read_video
from ltx_mcp.media.resize import size_within
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.requests import MIN_FPS
from ltx_mcp.types.sizes import frame_count

LONG_SIDE = 512  # pixels: more than any frame classifier sees


@dataclass(frozen=True)
class InputFrames:
    """`count` frames to be pulled once, `fps` a second. `released`: of a clip that a person has seen and released."""

    fps: float
    count: int
    frames: Iterable[Frame]
    released: bool = False


def frames_to_moderate(footage: Footage, clip: Clip | None = None) -> InputFrames:
    """Every frame of the footage, shrunk; `clip` is the one that it is of. Raises MediaError, as they are pulled."""
    width, height = size_within((footage.width, footage.height), LONG_SIDE)
    fps = max(footage.fps, MIN_FPS)  # as the model is given them
    count = frame_count(footage.duration_s, fps)
    frames = read_video(footage, width, height, fps, count)
    return InputFrames(fps, count, frames, clip is not None and clip.moderation.verdict == "review")

"""The frame size and rate of a film: what was asked, else what its shots have."""

from collections.abc import Sequence

from ltx_mcp.edit.sources import Source, VideoSource
from ltx_mcp.media.framing import nearest_aspect
from ltx_mcp.types.sizes import RESOLUTIONS, Resolution, delivered_size, short_side
from ltx_mcp.types.timeline import EditRequest

DEFAULT_FPS, MIN_FPS, MAX_FPS = 24.0, 8.0, 60.0
LARGEST_UNASKED: Resolution = "1080p"
DRAFT: Resolution = "540p"  # the largest that is still fast, and of exactly the aspect of 1080p

# 23.976 and its like are 24000/1001; a rate that was measured within half a percent of one of these means that one.
_USUAL_FPS = (24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 48.0, 50.0, 60000 / 1001, 60.0)


def film_fps(request: EditRequest, sources: Sequence[Source]) -> float:
    """Asked for, or that of the first video within 8 to 60, or 24 where there are only stills."""
    if request.fps is not None:
        return request.fps
    measured = next((source.footage.fps for source in sources if isinstance(source, VideoSource)), DEFAULT_FPS)
    nearest = min(_USUAL_FPS, key=lambda usual: abs(usual - measured))
    return nearest if abs(nearest - measured) < 0.005 * nearest else min(max(measured, MIN_FPS), MAX_FPS)


def film_size(request: EditRequest, sources: Sequence[Source]) -> tuple[tuple[int, int], Resolution]:
    """((width, height), height class) in pixels. A draft is no larger than 540p."""
    shaping = [source for source in sources if isinstance(source, VideoSource) or source.shapes] or sources
    aspect = request.aspect or nearest_aspect(*shaping[0].size)
    resolution = request.resolution or _resolution(shaping)
    if request.quality == "draft":
        resolution = min(resolution, DRAFT, key=short_side)
    return delivered_size(aspect, resolution), resolution


def _resolution(sources: Sequence[Source]) -> Resolution:
    """The class that holds the largest shot, up to 1080p."""
    largest = min(max(min(source.size) for source in sources), short_side(LARGEST_UNASKED))
    return next(name for name in RESOLUTIONS if largest <= short_side(name))

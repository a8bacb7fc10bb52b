"""The refusal of what this machine cannot make, which names the largest that it can."""

from collections.abc import Callable, Sequence

from ltx_mcp.engine.base import ModelCard
from ltx_mcp.engine.plan.layout import Layout, Uses, native, upscaled
from ltx_mcp.engine.plan.quality_presets import Recipe
from ltx_mcp.errors import TooLarge
from ltx_mcp.types.requests import MIN_DURATION_S, GenerateRequest
from ltx_mcp.types.sizes import RESOLUTIONS, TEMPORAL_STRIDE, Resolution, delivered_size, frame_count


def too_large(
    request: GenerateRequest,
    resolution: Resolution,
    recipe: Recipe,
    card: ModelCard,
    uses: Uses,
    size: tuple[int, int] | None,
) -> TooLarge:
    """The error for a request that has no layout; `size` is (width, height) where it is not the request's own."""
    asked = f"{round(request.duration_s, 2):g} s of {resolution} {request.aspect} at {request.fps:g} fps"
    whole = size or delivered_size(request.aspect, resolution)

    def own(frames: int) -> Layout | None:
        return native(recipe, whole, frames, request.fps, card, uses)

    def scaled(frames: int) -> Layout | None:
        return upscaled(recipe, request.aspect, resolution, frames, request.fps, card, uses) if size is None else None

    said = f"{asked} is more than {card.name} can make in this machine's memory."
    seconds, scaled_seconds = (_longest(request, way) for way in (own, scaled))
    if uses.from_draft:
        shorter = (
            f"Drafts of at most {seconds:g} s can be finished at {resolution} here: keep this one, or make a shorter."
        )
        return TooLarge(said, shorter if seconds else f"No draft can be finished at {resolution} here: keep this one.")
    options = [f"{seconds:g} s at {resolution}"] if seconds else []
    if scaled_seconds > seconds:
        options.append(f"{scaled_seconds:g} s at {resolution} scaled up")
    if size is None and (smaller := _largest_resolution(request, recipe, card, uses)):
        options.append(f"{smaller} for {request.duration_s:g} s")
    if size is None and not options:
        options = _smaller_and_shorter(request, recipe, card, uses)
    hint = f"The largest that fits: {_listed(options)}." if options else "Ask for less of everything."
    return TooLarge(said, hint)


def _smaller_and_shorter(request: GenerateRequest, recipe: Recipe, card: ModelCard, uses: Uses) -> list[str]:
    """Where the size does not fit at any length, and the length at no size: the longest clip of the largest size."""

    def whole(size: tuple[int, int]) -> Callable[[int], Layout | None]:
        return lambda frames: native(recipe, size, frames, request.fps, card, uses)

    for resolution in reversed(RESOLUTIONS):
        if seconds := _longest(request, whole(delivered_size(request.aspect, resolution))):
            return [f"{seconds:g} s at {resolution}"]
    return []


def _listed(options: Sequence[str]) -> str:
    *others, last = options
    return f"{', '.join(others)}, or {last}" if others else last


def _longest(request: GenerateRequest, layout: Callable[[int], Layout | None]) -> float:
    """Seconds, down to a tenth, for which there is a layout; 0 if not even the shortest clip can."""
    most = frame_count(request.duration_s, request.fps)
    fitting = [frames for frames in range(1, most, TEMPORAL_STRIDE) if layout(frames) is not None]
    seconds = int(fitting[-1] / request.fps * 10) / 10 if fitting else 0.0
    return seconds if seconds >= MIN_DURATION_S else 0.0


def _largest_resolution(request: GenerateRequest, recipe: Recipe, card: ModelCard, uses: Uses) -> Resolution | None:
    frames = frame_count(request.duration_s, request.fps)
    for resolution in reversed(RESOLUTIONS):
        if native(recipe, delivered_size(request.aspect, resolution), frames, request.fps, card, uses) is not None:
            return resolution
    return None

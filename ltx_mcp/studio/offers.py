"""What each resolution offers at each quality and rate: lengths, tiles, and times from past jobs."""

from collections.abc import Callable

from ltx_mcp.engine.base import ModelCard
from ltx_mcp.engine.plan.planning import plan as make_plan
from ltx_mcp.errors import TooLarge
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import GenerateRequest, Quality
from ltx_mcp.types.sizes import RESOLUTIONS, Resolution
from ltx_mcp.types.value import Value

ExpectedS = Callable[[Plan], float | None]
"""How long a job with this plan should run here, in seconds; None while no such job has run."""

SAMPLE_DURATION_S = 5.0
RATES = (24.0, 50.0)  # at 48 to 60 fps a clip has twice the frames, and its rate may be doubled by an upsampler
_LENGTHS_S = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0)


class Offer(Value):
    """One resolution at one of the model's quality presets, 16:9 at this rate, from words alone.

    `max_duration_s` is the longest clip here. Up to `whole_up_to_s` it is rendered at this size; longer ones are
    rendered smaller and scaled up. `tiled`, `upscaled` and `made_in_s` are those of a clip of 5 s, or of
    `max_duration_s` where that is less. `made_in_s` is how long such a job should run here, without its time in the
    queue: the median seconds per pixel-frame of past jobs of the same kind, so it is rough where those had other
    sizes. None while there were none.
    """

    resolution: Resolution
    quality: Quality
    fps: float
    width: int
    height: int
    max_duration_s: float
    whole_up_to_s: float
    tiled: bool
    upscaled: bool
    beyond_training: bool
    made_in_s: float | None


def offers(card: ModelCard, expected_s: ExpectedS, *resolutions: Resolution) -> tuple[Offer, ...]:
    """What `card`'s model offers at these resolutions, at all if none is named, without what does not fit here."""
    found = (
        _offer(card, resolution, quality, fps, expected_s)
        for quality in card.recipes
        for fps in RATES
        for resolution in resolutions or RESOLUTIONS
    )
    return tuple(offer for offer in found if offer is not None)


def _offer(
    card: ModelCard, resolution: Resolution, quality: Quality, fps: float, expected_s: ExpectedS
) -> Offer | None:
    plans = [plan for length in _LENGTHS_S if (plan := _plan(card, resolution, quality, fps, length)) is not None]
    if not plans:
        return None
    shown = [plan for plan in plans if plan.duration_s <= SAMPLE_DURATION_S][-1]
    seconds = expected_s(shown)
    return Offer(
        resolution=resolution,
        quality=quality,
        fps=fps,
        width=shown.width,
        height=shown.height,
        max_duration_s=plans[-1].duration_s,
        whole_up_to_s=max((plan.duration_s for plan in plans if not plan.upscaled), default=0.0),
        tiled=shown.tiles is not None,
        upscaled=shown.upscaled,
        beyond_training=shown.beyond_training,
        made_in_s=seconds and round(seconds, 1),
    )


def _plan(card: ModelCard, resolution: Resolution, quality: Quality, fps: float, duration_s: float) -> Plan | None:
    asked = {"duration_s": duration_s, "resolution": resolution, "quality": quality, "fps": fps}
    try:
        return make_plan(GenerateRequest.model_validate({"prompt": "-", **asked}), card, seed=0)
    except TooLarge:
        return None

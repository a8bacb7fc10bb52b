"""What this machine makes: sizes, lengths, rates and qualities, with times from past jobs."""

from collections.abc import Callable, Sequence
from typing import get_args

from ltx_mcp.clips import (
    MAX_DURATION_S,
    MAX_FPS,
    MIN_DURATION_S,
    MIN_FPS,
    Camera,
    GenerateRequest,
    Plan,
    Quality,
    Value,
)
from ltx_mcp.engine.base import ModelCard
from ltx_mcp.engine.loras import LoraCard
from ltx_mcp.engine.planning import plan as make_plan
from ltx_mcp.errors import TooLarge
from ltx_mcp.sizes import ASPECTS, RESOLUTIONS, Resolution, delivered_size

SAMPLE_DURATION_S = 5.0
_LENGTHS_S = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0)


class Offer(Value):
    """One resolution at one quality of the model's book, 16:9 at 24 fps.

    `made_in_s` is how long such a job should run here, waiting not counted: for 5 s of clip, or for `max_duration_s`
    where that is less. It is the median seconds per pixel-frame of the last jobs of this model and quality, so it is
    rough where only other sizes were made. None while there were none.
    """

    resolution: Resolution
    quality: Quality
    width: int
    height: int
    max_duration_s: float
    beyond_training: bool
    made_in_s: float | None


class Capabilities(Value):
    model: str
    about: str
    licence: str
    default_resolution: Resolution
    aspects: tuple[str, ...]
    fps: tuple[float, float]
    duration_s: tuple[float, float]
    cameras: tuple[str, ...]
    loras: tuple[LoraCard, ...]
    offers: tuple[Offer, ...]


def capabilities(
    card: ModelCard, expected_s: Callable[[Plan], float | None], loras: Sequence[LoraCard] = ()
) -> Capabilities:
    """What `card`'s model offers; whatever does not fit this machine at all is left out. `loras` are the shelf's."""
    offers = (_offer(card, resolution, quality, expected_s) for quality in card.recipes for resolution in RESOLUTIONS)
    return Capabilities(
        model=card.name,
        about=card.label,
        licence=card.licence,
        default_resolution=card.default_resolution,
        aspects=ASPECTS,
        fps=(MIN_FPS, MAX_FPS),
        duration_s=(MIN_DURATION_S, MAX_DURATION_S),
        cameras=get_args(Camera),
        loras=tuple(loras),
        offers=tuple(offer for offer in offers if offer is not None),
    )


def _offer(
    card: ModelCard, resolution: Resolution, quality: Quality, expected_s: Callable[[Plan], float | None]
) -> Offer | None:
    fitting = [length for length in _LENGTHS_S if _plan(card, resolution, quality, length) is not None]
    if not fitting:
        return None
    width, height = delivered_size("16:9", resolution)
    plan = _plan(card, resolution, quality, min(SAMPLE_DURATION_S, fitting[-1]))
    assert plan is not None
    seconds = expected_s(plan)
    return Offer(
        resolution=resolution,
        quality=quality,
        width=width,
        height=height,
        max_duration_s=fitting[-1],
        beyond_training=plan.beyond_training,
        made_in_s=seconds and round(seconds, 1),
    )


def _plan(card: ModelCard, resolution: Resolution, quality: Quality, duration_s: float) -> Plan | None:
    request = GenerateRequest(prompt="-", duration_s=duration_s, resolution=resolution, quality=quality)
    try:
        return make_plan(request, card, seed=0)
    except TooLarge:
        return None

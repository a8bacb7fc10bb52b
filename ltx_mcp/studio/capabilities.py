"""What this machine can make: sizes, lengths, rates and qualities, with times from past jobs."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import get_args

from ltx_mcp.engine.base import ModelCard
from ltx_mcp.engine.lora.card import LoraCard, reworking
from ltx_mcp.engine.lora.catalogue import CATALOGUE
from ltx_mcp.engine.plan.planning import plan as make_plan
from ltx_mcp.errors import TooLarge
from ltx_mcp.narration.base import Voice
from ltx_mcp.studio.voices import VoicesOffer, offered
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import (
    MAX_DURATION_S,
    MAX_FPS,
    MIN_DURATION_S,
    MIN_FPS,
    Camera,
    Control,
    GenerateRequest,
    Quality,
    RestyleMode,
)
from ltx_mcp.types.searches import SearchModel
from ltx_mcp.types.sizes import ASPECTS, RESOLUTIONS, Resolution
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


class RestyleOffer(Value):
    """One mode of restyle_video: `how` says what makes it work here, or what is missing."""

    mode: RestyleMode
    works: bool
    how: str


class KnownLora(Value):
    """A published LoRA that can be named by its id. `megabytes` is 0 where its size is not known."""

    id: str
    repo: str
    kind: str
    trigger: str
    megabytes: int
    licence: str


class Capabilities(Value):
    """`loras` are the installed ones; `known_loras` are others, which are fetched when they are named.

    `voices` speak the narration of films; the first of all is the default one. `search` is what looks at frames in
    searches; None where the index cannot be read.
    """

    model: str
    about: str
    licence: str
    default_resolution: Resolution
    aspects: tuple[str, ...]
    fps: tuple[float, float]
    duration_s: tuple[float, float]
    cameras: tuple[str, ...]
    offers: tuple[Offer, ...]
    restyle: tuple[RestyleOffer, ...]
    loras: tuple[LoraCard, ...]
    known_loras: tuple[KnownLora, ...]
    voices: tuple[VoicesOffer, ...]
    search: SearchModel | None = None


def capabilities(
    card: ModelCard,
    expected_s: ExpectedS,
    loras: Sequence[LoraCard] = (),
    controls: Mapping[Control, str] = MappingProxyType({"canny": ""}),
    voices: Sequence[Voice] = (),
) -> Capabilities:
    """What `card`'s model offers, without what does not fit this machine. `loras` are the installed ones.

    `controls` are the signals that can be made of a video, each with why that is not possible at the moment, or "".
    """
    offers = (
        _offer(card, resolution, quality, fps, expected_s)
        for quality in card.recipes
        for fps in RATES
        for resolution in RESOLUTIONS
    )
    return Capabilities(
        model=card.name,
        about=card.label,
        licence=card.licence,
        default_resolution=card.default_resolution,
        aspects=ASPECTS,
        fps=(MIN_FPS, MAX_FPS),
        duration_s=(MIN_DURATION_S, MAX_DURATION_S),
        cameras=get_args(Camera),
        offers=tuple(offer for offer in offers if offer is not None),
        restyle=tuple(_restyle(card, loras, controls)),
        loras=tuple(loras),
        known_loras=tuple(_known(loras)),
        voices=offered(voices),
    )


def _restyle(card: ModelCard, loras: Sequence[LoraCard], controls: Mapping[Control, str]) -> list[RestyleOffer]:
    usable = reworking(loras, card.name)
    references = [lora.name for lora in usable if not lora.controls]
    written = [control for control in controls if any(control in lora.controls for lora in usable)]
    missing = "no {} for this model is installed (LTX_MCP_LORA_DIR); one may be named in loras, see known_loras"
    if not card.takes_loras:
        missing = f"{card.name} takes no LoRAs on this machine"
        references, written = [], []
    reference = f"name one of {', '.join(references)} in loras" if references else missing.format("IC-LoRA")
    signals = "; ".join(f"{control}{f': {controls[control]}' if controls[control] else ''}" for control in written)
    ready = any(not controls[control] for control in written)
    return [
        RestyleOffer(mode="reference", works=bool(references), how=reference),
        RestyleOffer(mode="structure", works=ready, how=signals or missing.format("control LoRA")),
        RestyleOffer(mode="repaint", works=True, how="needs no LoRA"),
    ]


def _known(loras: Sequence[LoraCard]) -> list[KnownLora]:
    here = {lora.path.name for lora in loras if lora.path is not None}
    return [
        KnownLora(
            id=entry.id,
            repo=entry.repo,
            kind=entry.kind,
            trigger=entry.trigger,
            megabytes=round(entry.bytes / 1e6),
            licence=entry.licence,
        )
        for entry in CATALOGUE
        if not entry.unsupported and entry.file not in here
    ]


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

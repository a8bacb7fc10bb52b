"""What this machine makes, in short: the ranges, and what is an exception to them."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import get_args

from ltx_mcp.engine.base import ModelCard
from ltx_mcp.engine.lora.card import LoraCard, reworking
from ltx_mcp.media.still_formats import NAMES
from ltx_mcp.narration.base import Voice
from ltx_mcp.studio.offers import RATES, ExpectedS, Offer, offers
from ltx_mcp.studio.voices import VoicesOffer, offered
from ltx_mcp.types.requests import MAX_DURATION_S, MAX_FPS, MIN_DURATION_S, MIN_FPS, Camera, Control, RestyleMode
from ltx_mcp.types.searches import SearchModel
from ltx_mcp.types.sizes import ASPECTS, Resolution
from ltx_mcp.types.value import Value


class RestyleOffer(Value):
    """One mode of restyle_video: `how` says what makes it work here, or what is missing."""

    mode: RestyleMode
    works: bool
    how: str


class Capabilities(Value):
    """What an agent reads before it asks for something unusual.

    `sizes` are those of 16:9. `limits` says where a clip must be shorter than `duration_s` allows, or is made smaller
    and scaled up; `made_in_s` how long a clip of 5 s takes at 24 fps, as far as jobs of the kind have run here.
    `loras` are the installed ones. `voices` speak the narration of films; the first of all is the default one. `images`
    are the formats of stills that are read.
    `search` is what looks at frames in searches; None where the index cannot be read.
    """

    model: str
    about: str
    licence: str
    default_resolution: Resolution
    qualities: tuple[str, ...]
    aspects: tuple[str, ...]
    fps: tuple[float, float]
    duration_s: tuple[float, float]
    cameras: tuple[str, ...]
    sizes: dict[Resolution, str]
    limits: tuple[str, ...]
    made_in_s: dict[str, float]
    restyle: tuple[RestyleOffer, ...]
    loras: tuple[str, ...]
    voices: tuple[VoicesOffer, ...]
    images: str = NAMES
    search: SearchModel | None = None
    more: str = (
        "ltx://capabilities/1080p has every quality and rate of a resolution, ltx://loras the LoRAs that may be named, "
        "with their trigger words."
    )


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
    offered_here = offers(card, expected_s)
    return Capabilities(
        model=card.name,
        about=card.label,
        licence=card.licence,
        default_resolution=card.default_resolution,
        qualities=tuple(card.recipes),
        aspects=ASPECTS,
        fps=(MIN_FPS, MAX_FPS),
        duration_s=(MIN_DURATION_S, MAX_DURATION_S),
        cameras=get_args(Camera),
        sizes={offer.resolution: f"{offer.width}x{offer.height}" for offer in offered_here},
        limits=tuple(limit for offer in offered_here if (limit := _limit(offer))),
        made_in_s={
            f"{offer.resolution} {offer.quality}": offer.made_in_s
            for offer in offered_here
            if offer.fps == RATES[0] and offer.made_in_s is not None
        },
        restyle=tuple(_restyle(card, loras, controls)),
        loras=tuple(lora.name for lora in loras),
        voices=offered(voices),
    )


def _limit(offer: Offer) -> str:
    """Where it is shorter than the longest clip, or not made whole; "" where neither is so."""
    parts = []
    if offer.max_duration_s < MAX_DURATION_S:
        parts.append(f"at most {offer.max_duration_s:g} s")
    if offer.whole_up_to_s < offer.max_duration_s:
        parts.append(f"scaled up beyond {offer.whole_up_to_s:g} s" if offer.whole_up_to_s else "scaled up")
    return f"{offer.resolution} {offer.quality} at {offer.fps:g} fps: {', '.join(parts)}" if parts else ""


def _restyle(card: ModelCard, loras: Sequence[LoraCard], controls: Mapping[Control, str]) -> list[RestyleOffer]:
    usable = reworking(loras, card.name)
    references = [lora.name for lora in usable if not lora.controls]
    written = [control for control in controls if any(control in lora.controls for lora in usable)]
    missing = "no {} for this model is installed (LTX_MCP_LORA_DIR); one may be named in loras, see ltx://loras"
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

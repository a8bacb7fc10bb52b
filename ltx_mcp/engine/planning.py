"""From what was asked to what will be made: snap, report, and refuse what this machine cannot hold.

Needs only the model's card, so a request is answered before anything is queued or loaded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ltx_mcp.clips import MIN_DURATION_S, Control, GenerateRequest, InContext, LoraUse, Plan
from ltx_mcp.engine.base import ModelCard
from ltx_mcp.engine.loras import LoraCard, Picked, with_triggers
from ltx_mcp.engine.recipe_for import in_context
from ltx_mcp.engine.recipes import CAMERA_MOVES, Recipe
from ltx_mcp.errors import BadInput, TooLarge
from ltx_mcp.sizes import (
    RESOLUTIONS,
    TEMPORAL_STRIDE,
    Aspect,
    Resolution,
    delivered_size,
    frame_count,
    made_frame_count,
    snap_up,
)

TRAINED_FPS = (24.0, 25.0, 30.0, 48.0, 50.0, 60.0)
"""Rates near which LTX-2 was trained or is conditioned (diffusers 0.42.1, pipelines/ltx2/utils.py)."""

FPS_TOLERANCE = 0.1  # a rate further than this fraction from every trained one is worth a note


@dataclass(frozen=True)
class Rework:
    """What an IC-LoRA, which is one of those picked, reworks: the source or a signal of it, shown at `strength`."""

    lora: LoraCard
    control: Control | None = None
    strength: float = 1.0


def plan(
    request: GenerateRequest,
    card: ModelCard,
    seed: int,
    picked: Sequence[Picked] = (),
    rework: Rework | None = None,
    size: tuple[int, int] | None = None,
) -> Plan:
    """The clip that `card`'s model will make for this request.

    Size, frame count and length are snapped to what the model can make; the delivered ones are exactly what
    was asked, to the nearest frame. `picked` are the request's LoRAs from the shelf; `size` is (width, height) in
    pixels where it is not that of the request. Raises TooLarge, naming the largest settings that fit, and BadInput
    where the model lacks the recipe or cannot take the LoRAs.
    """
    recipe = _recipe(request, card, rework)
    resolution = request.resolution or card.default_resolution
    width, height = size or delivered_size(request.aspect, resolution)
    made_width, made_height = snap_up(width, recipe.grid), snap_up(height, recipe.grid)
    frames = frame_count(request.duration_s, request.fps)
    made_frames = made_frame_count(frames)
    if made_width * made_height * made_frames * recipe.load > card.max_pixel_frames:
        raise _too_large(request, resolution, recipe, card)
    return Plan(
        prompt=with_triggers(_prompt(request), [each.card for each in picked]),
        negative_prompt=request.negative_prompt if recipe.uses_negative_prompt else None,
        width=width,
        height=height,
        frames=frames,
        fps=request.fps,
        duration_s=frames / request.fps,
        resolution=resolution,
        quality=request.quality,
        audio=request.audio,
        codec=request.codec or ("hevc" if resolution == "2160p" else "h264"),
        seed=seed,
        model=card.name,
        made_width=made_width,
        made_height=made_height,
        made_frames=made_frames,
        beyond_training=min(width, height) > card.trained_short_side,
        loras=_loras(picked, card, rework),
        reference=None if rework is None else _reference(rework, recipe, width, height),
        notes=tuple(_notes(request, card, recipe, frames)),
    )


def made_size(aspect: Aspect, resolution: Resolution, recipe: Recipe) -> tuple[int, int]:
    """(width, height) in pixels that the model makes: the delivered size, up to the recipe's grid."""
    width, height = delivered_size(aspect, resolution)
    return snap_up(width, recipe.grid), snap_up(height, recipe.grid)


def _recipe(request: GenerateRequest, card: ModelCard, rework: Rework | None) -> Recipe:
    if request.quality not in card.recipes:
        offered = ", ".join(card.recipes)
        raise BadInput(f"{card.name} cannot make quality {request.quality!r}.", f"It makes: {offered}.")
    recipe = card.recipes[request.quality]
    if rework is None:
        return recipe
    return in_context(recipe, rework.lora.reference_downscale_factor or 1, rework.lora.second_stage)


def _reference(rework: Rework, recipe: Recipe, width: int, height: int) -> InContext:
    first = recipe.passes[0]
    assert first.reference is not None, "recipes for a rework begin with it"
    smaller = first.divisor * first.reference
    return InContext(
        lora=rework.lora.name,
        control=rework.control,
        width=round(width / smaller),
        height=round(height / smaller),
        downscale_factor=first.reference,
        strength=rework.strength,
        second_stage=rework.lora.second_stage,
    )


def _prompt(request: GenerateRequest) -> str:
    if request.camera is None:
        return request.prompt
    return f"{request.prompt} {CAMERA_MOVES[request.camera]}"


def _loras(picked: Sequence[Picked], card: ModelCard, rework: Rework | None) -> tuple[LoraUse, ...]:
    if picked and not card.takes_loras:
        raise BadInput(
            f"{card.name} takes no LoRAs here.",
            "Leave loras out, or let the user set LTX_MCP_MEMORY to a policy with 16-bit weights.",
        )
    for each in picked:
        if each.card.kind == "ic_lora" and (rework is None or each.card != rework.lora):
            raise BadInput(
                f"{each.card.name} is an IC-LoRA: it reworks a reference, and here is none.",
                "Use it in restyle_video, one at a time, or leave it out.",
            )
    return tuple(LoraUse(name=each.card.name, strength=each.strength, revision=each.card.revision) for each in picked)


def _notes(request: GenerateRequest, card: ModelCard, recipe: Recipe, frames: int) -> list[str]:
    notes = [card.caveat] if card.caveat else []
    if request.negative_prompt and not recipe.uses_negative_prompt:
        notes.append(f"negative_prompt has no effect: quality {recipe.quality} of {card.name} runs without guidance.")
    if min(abs(request.fps - rate) / rate for rate in TRAINED_FPS) > FPS_TOLERANCE:
        notes.append(
            f"{request.fps:g} fps is far from the trained 24, 25, 30, 48, 50 and 60; motion may look unnatural."
        )
    if abs(frames / request.fps - request.duration_s) > 1e-6:
        notes.append(f"The length is {frames} whole frames: {frames / request.fps:.3f} s for {request.duration_s:g} s.")
    return notes


def _too_large(request: GenerateRequest, resolution: Resolution, recipe: Recipe, card: ModelCard) -> TooLarge:
    asked = f"{request.duration_s:g} s of {resolution} {request.aspect} at {request.fps:g} fps"
    options = [
        option
        for option in (
            _largest_duration(request, resolution, recipe, card.max_pixel_frames),
            _largest_resolution(request, recipe, card.max_pixel_frames),
        )
        if option
    ]
    hint = f"The largest that fits: {', or '.join(options)}." if options else "Ask for less of everything."
    return TooLarge(f"{asked} is more than {card.name} can make in this machine's memory.", hint)


def _largest_duration(request: GenerateRequest, resolution: Resolution, recipe: Recipe, budget: int) -> str:
    width, height = made_size(request.aspect, resolution, recipe)
    latent_frames = (int(budget / recipe.load) // (width * height) - 1) // TEMPORAL_STRIDE
    seconds = int((latent_frames * TEMPORAL_STRIDE + 1) / request.fps * 10) / 10
    return f"{seconds:g} s at {resolution}" if latent_frames > 0 and seconds >= MIN_DURATION_S else ""


def _largest_resolution(request: GenerateRequest, recipe: Recipe, budget: int) -> str:
    made_frames = made_frame_count(frame_count(request.duration_s, request.fps))
    for resolution in reversed(RESOLUTIONS):
        width, height = made_size(request.aspect, resolution, recipe)
        if width * height * made_frames * recipe.load <= budget:
            return f"{resolution} for {request.duration_s:g} s"
    return ""

"""From what was asked to what will be made: snapped to what the model makes, or refused with what fits.

Needs only the model's card, so a request is answered before anything is queued or loaded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ltx_mcp.engine.base import ModelCard
from ltx_mcp.engine.lora.card import LoraCard
from ltx_mcp.engine.lora.installed import Picked
from ltx_mcp.engine.lora.triggers import with_triggers
from ltx_mcp.engine.plan.largest import too_large
from ltx_mcp.engine.plan.layout import WORDS, Uses, native, upscaled
from ltx_mcp.engine.plan.notes import is_beyond_training, layout_notes, request_notes
from ltx_mcp.engine.plan.quality_presets import Recipe
from ltx_mcp.engine.plan.recipe_variants import in_context
from ltx_mcp.errors import BadInput
from ltx_mcp.types.camera_moves import CAMERA_MOVES
from ltx_mcp.types.codecs import chosen_codec
from ltx_mcp.types.plans import InContext, Plan
from ltx_mcp.types.requests import Control, GenerateRequest, LoraUse
from ltx_mcp.types.sizes import delivered_size, frame_count


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
    uses: Uses = WORDS,
) -> Plan:
    """The clip that `card`'s model will make for this request.

    Size, frame count and length are snapped to what the model can make; the delivered ones are exactly what
    was asked, to the nearest frame. What does not fit whole is made in tiles, or smaller and scaled up. `picked` are
    the request's installed LoRAs; `size` is (width, height) in pixels where it is not that of the request; `uses`
    is what else it is made from. Raises TooLarge, naming the largest settings that fit, and BadInput where the model
    lacks the recipe or cannot take the LoRAs.
    """
    recipe = _recipe(request, card, rework)
    resolution = request.resolution or card.default_resolution
    width, height = size or delivered_size(request.aspect, resolution)
    frames = frame_count(request.duration_s, request.fps)
    layout = native(recipe, (width, height), frames, request.fps, card, uses)
    if layout is None and size is None:
        layout = upscaled(recipe, request.aspect, resolution, frames, request.fps, card, uses)
    if layout is None:
        raise too_large(request, resolution, recipe, card, uses, size)
    is_scaled = layout.inner != (width, height)
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
        codec=chosen_codec(request.codec, resolution),
        seed=seed,
        model=card.name,
        made_width=layout.made[0],
        made_height=layout.made[1],
        made_frames=layout.made_frames,
        doubled_rate=layout.doubled_rate,
        tiles=None if layout.tiles == (1, 1) else layout.tiles,
        upscaled=is_scaled,
        upscaled_from=layout.inner if is_scaled else None,
        beyond_training=is_beyond_training(layout, card),
        loras=_loras(picked, card, rework),
        reference=None if rework is None else _reference(rework, recipe, *layout.inner),
        notes=(
            *request_notes(request, card, recipe, frames, shown=uses.conditions),
            *layout_notes(request, layout, card, resolution, is_scaled),
        ),
    )


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

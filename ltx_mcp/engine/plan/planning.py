"""From what was asked to what will be made: snap, report, and refuse what this machine cannot hold.

Needs only the model's card, so a request is answered before anything is queued or loaded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ltx_mcp.engine.base import ModelCard
from ltx_mcp.engine.lora.card import LoraCard
from ltx_mcp.engine.lora.installed import Picked
from ltx_mcp.engine.lora.triggers import with_triggers
from ltx_mcp.engine.plan.layout import WORDS, Layout, Uses, native, upscaled
from ltx_mcp.engine.plan.quality_presets import Recipe
from ltx_mcp.engine.plan.recipe_variants import in_context
from ltx_mcp.engine.plan.tiling import OVERLAP
from ltx_mcp.errors import BadInput, TooLarge
from ltx_mcp.types.camera_moves import CAMERA_MOVES
from ltx_mcp.types.codecs import chosen_codec
from ltx_mcp.types.plans import InContext, Plan
from ltx_mcp.types.requests import MIN_DURATION_S, Control, GenerateRequest, LoraUse
from ltx_mcp.types.sizes import RESOLUTIONS, TEMPORAL_STRIDE, Resolution, delivered_size, frame_count

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
        raise _too_large(request, resolution, recipe, card, uses, size)
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
        beyond_training=_is_beyond(layout, card),
        loras=_loras(picked, card, rework),
        reference=None if rework is None else _reference(rework, recipe, *layout.inner),
        notes=(
            *_notes(request, card, recipe, frames, shown=uses.conditions),
            *_layout_notes(request, layout, card, resolution, is_scaled),
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


def _notes(request: GenerateRequest, card: ModelCard, recipe: Recipe, frames: int, *, shown: bool) -> list[str]:
    notes = [card.caveat] if card.caveat else []
    if shown and card.conditioned_caveat:
        notes.append(card.conditioned_caveat)
    if request.negative_prompt and not recipe.uses_negative_prompt:
        notes.append(f"negative_prompt has no effect: quality {recipe.quality} of {card.name} runs without guidance.")
    if min(abs(request.fps - rate) / rate for rate in TRAINED_FPS) > FPS_TOLERANCE:
        notes.append(
            f"{request.fps:g} fps is far from the trained 24, 25, 30, 48, 50 and 60; motion may look unnatural."
        )
    if abs(frames / request.fps - request.duration_s) > 1e-6:
        notes.append(f"The length is {frames} whole frames: {frames / request.fps:.3f} s for {request.duration_s:g} s.")
    return notes


def _is_beyond(layout: Layout, card: ModelCard) -> bool:
    return layout.largest_whole > card.trained_short_side


def _layout_notes(
    request: GenerateRequest, layout: Layout, card: ModelCard, resolution: Resolution, is_scaled: bool
) -> list[str]:
    notes = []
    if _is_beyond(layout, card):
        notes.append(
            f"{card.name} was trained on videos of {card.trained_short_side}p, and makes this one at"
            f" {layout.largest_whole}p before any tiles: expect repeated or broken forms."
        )
    if layout.doubled_rate:
        notes.append(
            f"Made at {request.fps / 2:g} fps, then doubled by the temporal upsampler and a short pass over all frames."
        )
    if layout.tiles != (1, 1):
        across, down = layout.tiles
        notes.append(
            f"The last pass works in {across} x {down} tiles that overlap by {32 * OVERLAP} pixels; the audio is the"
            " first pass's."
        )
    if is_scaled:
        width, height = layout.inner
        notes.append(
            f"{resolution} does not fit this machine's memory at this length: the video is rendered at {width}x{height}"
            " and scaled up, which adds no detail."
        )
    return notes


def _too_large(
    request: GenerateRequest,
    resolution: Resolution,
    recipe: Recipe,
    card: ModelCard,
    uses: Uses,
    size: tuple[int, int] | None,
) -> TooLarge:
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

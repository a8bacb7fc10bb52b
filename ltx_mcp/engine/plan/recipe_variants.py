"""Which passes make this clip: those of its quality preset, or what its materials make of them."""

from dataclasses import replace

from ltx_mcp.engine.base import Materials
from ltx_mcp.engine.plan.quality_presets import Pass, Recipe, Recipes
from ltx_mcp.engine.plan.sigmas import DISTILLED_SIGMAS, REFINE_SIGMAS, TILED_SIGMAS, from_strength
from ltx_mcp.types.plans import Plan


def recipe_for(plan: Plan, materials: Materials, recipes: Recipes) -> Recipe:
    """The passes that make this clip, from the model's presets. Conditions change nothing."""
    recipe = recipes[plan.quality]
    if plan.reference is not None:
        recipe = in_context(recipe, plan.reference.downscale_factor, plan.reference.second_stage)
    if materials.repaint is not None:
        return _repaint(recipe, materials.repaint_strength, plan.audio)
    return in_tiles(at_half_rate(recipe) if plan.doubled_rate else recipe, plan.tiles or (1, 1))


def in_context(recipe: Recipe, downscale_factor: int, second_stage: bool) -> Recipe:
    """The quality's first pass sees the reference; those after it do without reference and LoRA (diffusers 0.42.1,
    LTX2InContextPipeline). Where an IC-LoRA runs without a second stage, the first pass is at the made size.
    """
    first, *others = recipe.passes
    if not second_stage:
        return Recipe(recipe.quality, (replace(first, divisor=1, reference=downscale_factor),))
    return Recipe(recipe.quality, (replace(first, reference=downscale_factor), *others))


def at_half_rate(recipe: Recipe) -> Recipe:
    """Every second frame first; then the temporal upsampler, and a short pass over all frames, which keeps the audio.

    That pass is the recipe's own refining one, or one of its kind. Diffusers' temporal rounds (0.42.1,
    LTX2DFRTemporalRefinePipeline) start higher, at TEMPORAL_ROUND_DISTILLED_SIGMA_VALUES, which is 0.975: they pin the
    frames that they know as keyframes, a thing that LTX-2.5 alone was trained for. Without that a pass from 0.975 would
    make another clip, so the refining schedule is taken, from 0.909.
    """
    *first, last = recipe.passes
    if not first:
        levels = REFINE_SIGMAS if last.guidance.forwards == 1 else from_strength(REFINE_SIGMAS[0], last.sigmas)
        first, last = [last], replace(last, sigmas=levels, reference=None)
    return Recipe(recipe.quality, (*(replace(each, half_rate=True) for each in first), replace(last, keeps_audio=True)))


def in_tiles(recipe: Recipe, tiles: tuple[int, int]) -> Recipe:
    """The last pass in so many tiles (across, down); it keeps the audio. (1, 1) changes nothing."""
    *first, last = recipe.passes
    if tiles == (1, 1):
        return recipe
    assert can_tile(recipe), "planning asks first"
    # Frames that the temporal upsampler has just made need the whole of the refining schedule.
    lower = last.guidance.forwards == 1 and not first[-1].half_rate
    tiled = replace(last, tiles=tiles, keeps_audio=True, sigmas=TILED_SIGMAS if lower else last.sigmas)
    return Recipe(recipe.quality, (*first, tiled))


def can_tile(recipe: Recipe) -> bool:
    """Whether the last pass refines what is there. From noise alone, each tile would become a scene of its own."""
    return len(recipe.passes) > 1 and _refines(recipe.passes[-1])


def _refines(each: Pass) -> bool:
    return each.divisor == 1 and each.reference is None and not each.audio_only


def opens_final(recipe: Recipe, recipes: Recipes) -> bool:
    """Whether these passes begin with the first stage of the model's final, so that its second can follow later.

    At half the rate a pass over all frames comes after it, for the draft's own sake: the final doubles the rate itself,
    once the frames are large.
    """
    if (final := recipes.get("final")) is None or len(final.passes) < 2:
        return False
    opening = Recipe(recipe.quality, (replace(final.passes[0], divisor=1),))
    return recipe in (opening, at_half_rate(opening))


def _repaint(recipe: Recipe, strength: float, audio: bool) -> Recipe:
    """One pass at the made size in every quality, with the weights and the guidance of the quality's last.

    The source has the detail that a second stage would add, and a half-size pass in between would lose it. Its audio
    is a pass of its own: audio starts from noise and needs the whole schedule, also where the video starts late.
    It is made for the finished video.
    """
    last = recipe.passes[-1]
    levels = DISTILLED_SIGMAS if last.guidance.forwards == 1 else last.sigmas
    audio_pass = (replace(last, sigmas=levels, audio_only=True),) if audio else ()
    return Recipe(recipe.quality, (replace(last, sigmas=from_strength(strength, levels)), *audio_pass))

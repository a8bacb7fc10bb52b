"""Which passes make this clip: those of its quality in the model's book, or what its materials make of them."""

from dataclasses import replace

from ltx_mcp.clips import Plan
from ltx_mcp.engine.base import Materials
from ltx_mcp.engine.recipes import Recipe, Recipes
from ltx_mcp.engine.schedules import DISTILLED_SIGMAS, from_strength


def recipe_for(plan: Plan, materials: Materials, recipes: Recipes) -> Recipe:
    """The passes that make this clip, from the book of the model. Conditions change nothing."""
    recipe = recipes[plan.quality]
    if plan.reference is not None:
        return in_context(recipe, plan.reference.downscale_factor, plan.reference.second_stage)
    return recipe if materials.repaint is None else _repaint(recipe, materials.repaint_strength, plan.audio)


def in_context(recipe: Recipe, downscale_factor: int, second_stage: bool) -> Recipe:
    """The quality's first pass sees the reference; those after it do without reference and LoRA (diffusers 0.42.1,
    LTX2InContextPipeline). Where an IC-LoRA runs without a second stage, the first pass is at the made size.
    """
    first, *others = recipe.passes
    if not second_stage:
        return Recipe(recipe.quality, (replace(first, divisor=1, reference=downscale_factor),))
    return Recipe(recipe.quality, (replace(first, reference=downscale_factor), *others))


def opens_final(recipe: Recipe, recipes: Recipes) -> bool:
    """Whether these passes are the first stage of the book's final, so that its second stage can follow later."""
    if (final := recipes.get("final")) is None or len(final.passes) < 2:
        return False
    return recipe.passes == (replace(final.passes[0], divisor=1),)


def _repaint(recipe: Recipe, strength: float, audio: bool) -> Recipe:
    """One pass at the made size in every quality, with the weights and the guidance of the quality's last.

    The source has the detail that a second stage would add, and a half-size pass in between would lose it. Its sound
    is a pass of its own: sound starts from nothing and needs the whole schedule, also where the picture starts late.
    It is made for the finished picture.
    """
    last = recipe.passes[-1]
    levels = DISTILLED_SIGMAS if last.guidance.forwards == 1 else last.sigmas
    sound = (replace(last, sigmas=levels, sound_only=True),) if audio else ()
    return Recipe(recipe.quality, (replace(last, sigmas=from_strength(strength, levels)), *sound))

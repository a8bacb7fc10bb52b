"""Which passes make this clip: those of its quality in the model's book, or what its materials make of them."""

from dataclasses import replace

from ltx_mcp.clips import Plan
from ltx_mcp.engine.base import Materials
from ltx_mcp.engine.recipes import Recipe, Recipes
from ltx_mcp.engine.schedules import DISTILLED_SIGMAS, from_strength


def recipe_for(plan: Plan, materials: Materials, recipes: Recipes) -> Recipe:
    """The passes that make this clip, from the book of the model. Conditions change nothing."""
    recipe = recipes[plan.quality]
    return recipe if materials.repaint is None else _repaint(recipe, materials.repaint_strength, plan.audio)


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

"""What a plan says of itself in words: where the clip will differ from what somebody might expect."""

from ltx_mcp.engine.base import ModelCard
from ltx_mcp.engine.plan.layout import Layout
from ltx_mcp.engine.plan.quality_presets import Recipe
from ltx_mcp.engine.plan.tiling import OVERLAP
from ltx_mcp.types.requests import GenerateRequest
from ltx_mcp.types.sizes import Resolution

TRAINED_FPS = (24.0, 25.0, 30.0, 48.0, 50.0, 60.0)
"""Rates near which LTX-2 was trained or is conditioned (diffusers 0.42.1, pipelines/ltx2/utils.py)."""

FPS_TOLERANCE = 0.1  # a rate further than this fraction from every trained one is worth a note


def request_notes(request: GenerateRequest, card: ModelCard, recipe: Recipe, frames: int, *, shown: bool) -> list[str]:
    """About the model and the request, whatever the size. `shown`: the clip begins with frames that are given."""
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


def is_beyond_training(layout: Layout, card: ModelCard) -> bool:
    return layout.largest_whole > card.trained_short_side


def layout_notes(
    request: GenerateRequest, layout: Layout, card: ModelCard, resolution: Resolution, is_scaled: bool
) -> list[str]:
    """About how the size is made."""
    notes = []
    if is_beyond_training(layout, card):
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

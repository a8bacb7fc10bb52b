"""How a clip is laid out on this machine: what size is made, at what rate, whole or in tiles, or scaled up at the end.

Pure arithmetic over a recipe and a model's card: nothing is loaded, and a request is answered before it is queued.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ltx_mcp.engine.base import ModelCard
from ltx_mcp.engine.plan.quality_presets import LATENT_GRID, Pass, Recipe
from ltx_mcp.engine.plan.recipe_variants import at_half_rate, can_tile, in_tiles
from ltx_mcp.engine.plan.tiling import tile_cells, tilings
from ltx_mcp.types.sizes import (
    RESOLUTIONS,
    Aspect,
    Resolution,
    delivered_size,
    half_rate_count,
    made_frame_count,
    snap_up,
)

DOUBLED_FPS = (48.0, 60.0)
"""Rates, both ends included, that are made at half and doubled: the halves, 24 to 30, are what LTX-2 was trained on."""

MOST_UPSCALED = 2.0  # times a side; beyond, most of the frame would be interpolated

WHOLE_SHARE = 1 / 24
"""Of the memory that a pass takes for a whole frame at once, what its latents take for the whole where it works in
tiles. Calculated: some ten float32 copies of 128 channels a cell against LTX-2.3's activations, 19 bytes a pixel-frame
by its memory policies (engine/plan/memory.py); rounded up."""


@dataclass(frozen=True)
class Uses:
    """What a clip is made from, as far as it takes memory. Known from the request alone.

    `conditions`: frames that it must show, or a reference; every token then has a timestep of its own, and with it nine
    vectors of modulation. `source`: a whole video, held while it is repainted. `from_draft`: latents to go on from.
    """

    conditions: bool = False
    source: bool = False
    from_draft: bool = False


WORDS = Uses()


@dataclass(frozen=True)
class Layout:
    """Sizes in pixels, (width, height). `inner` is what of `made` is shown; where it is not the delivered size, it is
    scaled up to it."""

    recipe: Recipe
    inner: tuple[int, int]
    made: tuple[int, int]
    made_frames: int
    doubled_rate: bool
    tiles: tuple[int, int]

    @property
    def load(self) -> float:
        """Pixel-frames at once of its largest pass, those of a reference counted, as `max_pixel_frames` counts them."""
        return max(self._load(each) for each in self.recipe.passes)

    def _load(self, each: Pass) -> float:
        width, height = (side // each.divisor for side in self.made)
        frames = half_rate_count(self.made_frames) if each.half_rate else self.made_frames
        whole = width * height * frames * (1 + each.guidance.uses_negative_prompt)  # both prompts' at once
        if each.tiles != (1, 1):
            cells = width // LATENT_GRID, height // LATENT_GRID
            return whole * (tile_cells(*cells, each.tiles) / (cells[0] * cells[1]) + WHOLE_SHARE)
        return whole * (1 + (0 if each.reference is None else each.reference**-2))

    @property
    def largest_whole(self) -> int:
        """The short side, in pixels, of the largest frame that a pass works on without tiles."""
        return max(min(self.inner) // each.divisor for each in self.recipe.passes if each.tiles == (1, 1))


def fits(layout: Layout, card: ModelCard, uses: Uses = WORDS) -> bool:
    factor = (card.conditioned_load if uses.conditions else 1.0) + (card.source_load if uses.source else 0.0)
    decoding = layout.made[0] * layout.made[1] * card.decode_load
    return max(layout.load * factor, decoding) <= card.max_pixel_frames


def native(
    recipe: Recipe, size: tuple[int, int], frames: int, fps: float, card: ModelCard, uses: Uses = WORDS
) -> Layout | None:
    """The clip of this delivered size, made at this size: in as few tiles as can be. None if it does not fit."""
    doubled = doubles(fps, card, uses)
    passes = at_half_rate(recipe) if doubled else recipe
    made = snap_up(size[0], passes.grid), snap_up(size[1], passes.grid)
    made_frames = made_frame_count(frames, doubled)
    for tiles in _tilings(passes, made, uses):
        layout = Layout(in_tiles(passes, tiles), size, made, made_frames, doubled, tiles)
        if fits(layout, card, uses):
            return layout
    return None


def upscaled(
    recipe: Recipe,
    aspect: Aspect,
    resolution: Resolution,
    frames: int,
    fps: float,
    card: ModelCard,
    uses: Uses = WORDS,
) -> Layout | None:
    """The same made at the largest smaller class that fits and is at least half; None if there is none."""
    if uses.from_draft:
        return None
    wanted = delivered_size(aspect, resolution)
    for smaller in reversed(RESOLUTIONS[: RESOLUTIONS.index(resolution)]):
        size = delivered_size(aspect, smaller)
        if max(large / small for large, small in zip(wanted, size, strict=True)) > MOST_UPSCALED:
            return None
        if (layout := native(recipe, size, frames, fps, card, uses)) is not None:
            return layout
    return None


def doubles(fps: float, card: ModelCard, uses: Uses = WORDS) -> bool:
    """Whether a clip of this rate is made at half of it. A repaint has every frame already."""
    return card.doubles_rate and DOUBLED_FPS[0] <= fps <= DOUBLED_FPS[1] and not uses.source


def _tilings(recipe: Recipe, made: tuple[int, int], uses: Uses) -> Iterator[tuple[int, int]]:
    """Ways to share the last pass, the fewest tiles first. Whole alone, where it cannot be shared."""
    if uses.source or not can_tile(recipe):
        return iter([(1, 1)])
    return tilings(made[0] // LATENT_GRID, made[1] // LATENT_GRID)

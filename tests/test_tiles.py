"""The refining pass in tiles, over the micro model: the same as whole where it is whole, and without seams."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from engine_kit import PLAN, Listener, watched

from ltx_mcp.engine.base import NO_MATERIALS, Condition, Materials
from ltx_mcp.engine.diffusers_ltx.conditions import to_made_size
from ltx_mcp.engine.diffusers_ltx.encode_latents import encode_video
from ltx_mcp.engine.diffusers_ltx.engine import LtxEngine
from ltx_mcp.engine.diffusers_ltx.passes import denoise, encode_prompt
from ltx_mcp.engine.diffusers_ltx.steered_transformer import SteeredTransformer, lent, packed_audio
from ltx_mcp.engine.plan.quality_presets import Recipe
from ltx_mcp.engine.plan.recipe_variants import recipe_for
from ltx_mcp.engine.plan.sigmas import REFINE_SIGMAS
from ltx_mcp.engine.plan.tiling import OVERLAP, spans
from ltx_mcp.engine.weights.source import MicroSource
from ltx_mcp.errors import Cancelled
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.stages import Stage

WIDE = PLAN.model_copy(
    update={"width": 1024, "height": 128, "made_width": 1024, "made_height": 128, "frames": 9, "made_frames": 9}
)
TILED = WIDE.model_copy(update={"tiles": (2, 1)})
ROWS, COLUMNS = 4, 32  # latent cells
SPANS = spans(COLUMNS, 2)


@pytest.fixture(scope="module")
def engine(micro_engine: LtxEngine) -> LtxEngine:
    return micro_engine


def latents_of(
    engine: LtxEngine, plan: Plan, materials: Materials = NO_MATERIALS, passes: int | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Of picture and sound, after all passes of the plan or after the first few."""
    loaded = engine._loaded
    assert loaded is not None
    recipe = recipe_for(plan, materials, MicroSource().info.recipes)
    recipe = Recipe(recipe.quality, recipe.passes[:passes])

    class Nothing:
        def fit(self, **_groups: bool) -> None:
            """No LoRAs are worn."""

    with torch.inference_mode():
        words = encode_prompt(loaded, plan, recipe)
        made = denoise(loaded, plan, materials, recipe, words, Nothing(), Listener())  # type: ignore[arg-type]
    return made.video, made.audio


def picture(seed: int) -> Frame:
    return np.random.default_rng(seed).integers(0, 256, (128, 1024, 3), dtype=np.uint8)


def conditions(engine: LtxEngine, *at_frames: int) -> list[Any]:
    from diffusers.pipelines.ltx2 import LTX2VideoCondition

    from ltx_mcp.engine.diffusers_ltx.conditions import latent_index

    return [LTX2VideoCondition(picture(at)[None], index=latent_index(at), strength=1.0, crf=0) for at in at_frames]


@pytest.mark.parametrize("at_frames", [(), pytest.param((0,), marks=pytest.mark.slow), (0, 5)])
def test_a_tile_as_large_as_the_picture_is_the_picture_bit_for_bit(
    engine: LtxEngine, at_frames: tuple[int, ...]
) -> None:
    loaded = engine._loaded
    assert loaded is not None
    pipeline = loaded.conditioned if at_frames else loaded.pipeline
    made = []
    recipe = recipe_for(WIDE, NO_MATERIALS, MicroSource().info.recipes)
    with torch.inference_mode():
        words = encode_prompt(loaded, WIDE, recipe)
        for each in (pipeline, lent(pipeline, SteeredTransformer(pipeline.transformer))):
            made.append(
                each(
                    **words.arguments(recipe.passes[0]),
                    **recipe.passes[0].guidance.arguments,
                    **({"conditions": conditions(engine, *at_frames)} if at_frames else {}),
                    width=1024,
                    height=128,
                    num_frames=9,
                    frame_rate=24.0,
                    sigmas=list(REFINE_SIGMAS),
                    generator=torch.Generator().manual_seed(1),
                    output_type="latent",
                    return_dict=False,
                )
            )
    assert torch.equal(made[0][0], made[1][0])
    assert torch.equal(made[0][1], made[1][1])


def test_the_pipeline_that_lends_its_place_keeps_its_transformer(engine: LtxEngine) -> None:
    assert engine._loaded is not None
    pipeline = engine._loaded.pipeline
    own = pipeline.transformer
    other = lent(pipeline, SteeredTransformer(own, (2, 2)))
    assert pipeline.transformer is own
    assert other.transformer.config is own.config


def test_each_tile_has_positions_of_its_own_from_zero_on(engine: LtxEngine) -> None:
    with watched(engine) as calls:
        latents_of(engine, TILED)
    tiles = calls[8:]
    assert len(tiles) == 2 * 2, "two steps in two tiles"
    for index, call in enumerate(tiles):
        start, end = SPANS[index % 2]
        coords = call["video_coords"]
        assert call["hidden_states"].shape[1] == 2 * ROWS * (end - start)
        assert coords[:, 2].min() == 0
        assert coords[:, 2].max() == 32 * (end - start)
        assert coords[:, 1].max() == 32 * ROWS
        assert coords[:, 0].max() == pytest.approx(9 / 24)


@pytest.mark.slow
def test_the_sound_is_the_first_passes_and_is_heard_clean_by_every_tile(engine: LtxEngine) -> None:
    _, begun = latents_of(engine, TILED, passes=1)
    with watched(engine) as calls:
        _, sound = latents_of(engine, TILED)
    assert torch.equal(sound, begun)
    assert engine._loaded is not None
    heard = packed_audio(engine._loaded.conditioned, begun)
    for call in calls[8:]:
        assert torch.equal(call["audio_hidden_states"], heard)
        assert call["audio_timestep"].eq(0).all()
        assert call["audio_sigma"].eq(0).all()
        assert call["sigma"].gt(0).all()
    _, untiled = latents_of(engine, WIDE)
    assert not torch.equal(untiled, begun), "a whole pass makes it anew"


class Disagreeing:
    """A transformer whose every call sees a picture of one velocity, and the next call another."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, hidden_states: torch.Tensor, audio_hidden_states: torch.Tensor, **_rest: Any) -> Any:
        self.calls += 1
        return torch.full_like(hidden_states, float(self.calls)), torch.full_like(audio_hidden_states, self.calls)


def test_where_tiles_disagree_the_change_is_spread_over_the_overlap(engine: LtxEngine) -> None:
    assert engine._loaded is not None
    rope = engine._loaded.pipeline.transformer.rope
    steered = SteeredTransformer(Disagreeing(), (2, 1))
    velocity, sound = steered(
        hidden_states=torch.zeros(1, 2 * ROWS * COLUMNS, 128),
        audio_hidden_states=torch.zeros(1, 3, 4),
        timestep=torch.ones(1),
        video_coords=rope.prepare_video_coords(1, 2, ROWS, COLUMNS, torch.device("cpu")),
        num_frames=2,
        height=ROWS,
        width=COLUMNS,
    )
    row = velocity.view(2, ROWS, COLUMNS, 128)[1, 2, :, 5]
    (_, end), (start, _) = SPANS
    assert row[:start].eq(1).all()
    assert row[end:].eq(2).all()
    assert row.diff().max() == pytest.approx(1 / (OVERLAP + 1), abs=1e-5), "without the ramp it would be 1"
    assert sound.eq(1.5).all()


@pytest.mark.slow
def test_no_seam_shows_at_the_borders_of_tiles(engine: LtxEngine) -> None:
    """The change from cell to cell is not above 1.5 times what it is right outside of what the tiles share."""
    latents, _ = latents_of(engine, TILED)
    changes = latents.diff(dim=-1).abs().mean(dim=(0, 1, 2, 3))
    (_, end), (start, _) = SPANS
    assert changes[start - 1] < 1.5 * changes[start - 4 : start - 1].max()
    assert changes[end - 1] < 1.5 * changes[end : end + 3].max()


@pytest.mark.slow
def test_tiles_are_deterministic_and_make_nearly_the_whole_picture(engine: LtxEngine) -> None:
    once, again = (latents_of(engine, TILED)[0] for _ in range(2))
    assert torch.equal(once, again)
    whole, _ = latents_of(engine, WIDE)
    assert once.shape == whole.shape
    assert not torch.equal(once, whole)


def test_conditions_hold_in_tiles_and_reach_the_tiles_that_show_them(engine: LtxEngine) -> None:
    assert engine._loaded is not None
    first = picture(1)
    materials = Materials((Condition([first]), Condition([picture(2)], 8)))
    with watched(engine) as calls:
        latents, _ = latents_of(engine, TILED, materials)
    for index, call in enumerate(calls[8:]):
        start, end = SPANS[index % 2]
        grid, keyframe = 2 * ROWS * (end - start), ROWS * (end - start)
        assert call["hidden_states"].shape[1] == grid + keyframe
        assert call["video_coords"][:, 2, grid:].max() == 32 * (end - start)
        assert call["timestep"].shape[1] == grid + keyframe
        assert call["timestep"][:, : ROWS * (end - start)].eq(0).all(), "the first frame is clean"
    exact = replace(materials, conditions=(Condition([first]),))
    from ltx_mcp.engine.diffusers_ltx.conditions import through_h264

    aged = through_h264(to_made_size(TILED, exact.conditions[0].frames)[0], MicroSource().info.image_crf)
    with torch.inference_mode():
        wanted = encode_video(engine._loaded.pipeline.vae, [aged], torch.device("cpu"))
    assert (latents[:, :, :1] - wanted).abs().max() < 1e-3


def test_progress_counts_tiles_and_a_cancel_is_heard_between_them(engine: LtxEngine) -> None:
    watch = Listener()
    engine._make(TILED, watch, NO_MATERIALS)
    assert watch.steps == [(done, 12) for done in range(1, 13)]  # eight steps, then two of two tiles

    class StopsAt(Listener):
        def step(self, done: int, total: int) -> None:
            super().step(done, total)
            if done == 9:  # within the first step in tiles
                raise Cancelled

    with pytest.raises(Cancelled):
        engine.render(TILED, StopsAt())
    assert Stage.DECODING not in watch.stages[:-1]

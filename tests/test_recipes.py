"""Recipes and plans: exact numbers, notes and refusals."""

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from ltx_mcp.engine.base import ModelCard
from ltx_mcp.engine.plan.layout import Uses, native
from ltx_mcp.engine.plan.planning import plan
from ltx_mcp.engine.plan.quality_presets import DISTILLED, NEUTRAL, Guidance, Recipe, distilled, guided, undistilled
from ltx_mcp.engine.plan.sigmas import undistilled_sigmas
from ltx_mcp.errors import BadInput, TooLarge
from ltx_mcp.types.camera_moves import CAMERA_MOVES
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import Camera, GenerateRequest

CARD = ModelCard(
    name="micro", label="test", default_resolution="240p", max_pixel_frames=60_000_000, trained_short_side=240
)


def planned(card: ModelCard = CARD, **asked: Any) -> Plan:
    return plan(GenerateRequest(**{"prompt": "a red ball", "duration_s": 2, **asked}), card, seed=7)


def test_a_final_is_made_on_the_64_grid_and_delivered_as_asked() -> None:
    made = planned()
    assert (made.width, made.height, made.frames) == (416, 240, 48)
    assert (made.made_width, made.made_height, made.made_frames) == (448, 256, 49)
    assert (made.duration_s, made.seed, made.model, made.resolution) == (2.0, 7, "micro", "240p")


def test_a_draft_is_made_on_the_32_grid() -> None:
    made = planned(quality="draft")
    assert (made.made_width, made.made_height, made.made_frames) == (416, 256, 49)


def test_portrait_swaps_the_sides() -> None:
    made = planned(aspect="9:16")
    assert (made.width, made.height, made.made_width, made.made_height) == (240, 416, 256, 448)


def test_a_fractional_rate_delivers_whole_frames_and_says_so() -> None:
    made = planned(fps=23.976)
    assert made.frames == 48
    assert made.duration_s == pytest.approx(48 / 23.976)
    assert "48 whole frames" in made.notes[0]


def test_a_plain_request_has_no_notes() -> None:
    assert planned().notes == ()


def test_a_model_that_cannot_change_subjects_says_so_of_what_it_was_shown() -> None:
    card = replace(CARD, conditioned_caveat="It keeps the subject.")
    asked = GenerateRequest(prompt="a red ball", duration_s=2)
    assert plan(asked, card, seed=7, uses=Uses(conditions=True)).notes == ("It keeps the subject.",)
    assert plan(asked, card, seed=7).notes == ()


@pytest.mark.parametrize("camera", get_args(Camera))
def test_each_camera_preset_adds_its_own_sentence(camera: Camera) -> None:
    assert planned(camera=camera).prompt == f"a red ball {CAMERA_MOVES[camera]}"
    assert len(set(CAMERA_MOVES.values())) == len(get_args(Camera))


def test_a_negative_prompt_on_a_distilled_model_is_dropped_with_a_note() -> None:
    made = planned(negative_prompt="blur")
    assert made.negative_prompt is None
    assert "no effect" in made.notes[0]


def test_a_negative_prompt_counts_where_guidance_does() -> None:
    offering = ModelCard("m", "m", "240p", 10**9, 240, recipes=undistilled(guided(1)))
    assert planned(offering, quality="best", negative_prompt="blur").negative_prompt == "blur"
    assert planned(offering, quality="best", negative_prompt="blur").notes == ()
    final = planned(offering, negative_prompt="blur")
    assert final.negative_prompt is None
    assert "final of m runs without guidance" in final.notes[0]


def test_guidance_with_a_negative_prompt_holds_two_samples_at_once() -> None:
    def load(recipe: Recipe) -> float:
        layout = native(recipe, (448, 256), 9, 24, ModelCard("m", "m", "240p", 10**9, 240))
        assert layout is not None
        return layout.load / (448 * 256 * 9)

    assert load(undistilled(guided(1), adapter=False)["best"]) == 2
    assert load(undistilled(guided(1))["best"]) == 1  # its first pass has a quarter of the pixels


@pytest.mark.parametrize(("fps", "noted"), [(8, True), (12, True), (24, False), (25, False), (40, True), (60, False)])
def test_a_rate_far_from_the_trained_ones_is_noted(fps: float, noted: bool) -> None:
    assert any("far from the trained" in note for note in planned(fps=fps).notes) is noted


def test_a_size_above_the_trained_one_is_flagged() -> None:
    roomy = ModelCard("m", "m", "240p", max_pixel_frames=10**9, trained_short_side=240)
    large = planned(roomy, resolution="540p")
    assert large.beyond_training
    assert "expect repeated or broken forms" in " ".join(large.notes)
    assert not planned(roomy).beyond_training


def test_too_much_is_refused_with_the_largest_length_and_the_largest_size() -> None:
    with pytest.raises(TooLarge) as refused:
        planned(resolution="1080p", duration_s=10)
    # 1920 x 1088 on the 64 grid, in 3 tiles of 26 x 34 cells: 60e6 / (2,088,960 x (884 / 2,040 + 1 / 24)) = 60 frames,
    # so 57 of the 8k+1 grid, 2.3 s at 24 fps. Scaled up from 960 x 576, which is too narrow for tiles:
    # 60e6 / 552,960 = 108, so 105 frames, 4.3 s.
    assert "2.3 s at 1080p, 4.3 s at 1080p scaled up, or 240p for 10 s" in refused.value.hint


@pytest.mark.parametrize(
    ("duration_s", "upscaled", "tiles"), [(1.0, False, None), (2.3, False, (3, 1)), (4.3, True, None)]
)
def test_the_named_largest_lengths_do_fit(duration_s: float, upscaled: bool, tiles: tuple[int, int] | None) -> None:
    made = planned(resolution="1080p", duration_s=duration_s)
    assert (made.upscaled, made.tiles) == (upscaled, tiles)
    assert (made.width, made.height) == (1920, 1080)


def test_where_neither_length_nor_size_fits_the_longest_of_the_largest_size_is_named() -> None:
    small = ModelCard("m", "m", "240p", max_pixel_frames=448 * 256 * 49, trained_short_side=240)
    with pytest.raises(TooLarge) as refused:
        planned(small, resolution="1080p", duration_s=10)
    assert refused.value.hint == "The largest that fits: 2 s at 240p."
    assert planned(small, resolution="240p", duration_s=2).frames == 48


def test_a_machine_that_can_make_nothing_says_so() -> None:
    with pytest.raises(TooLarge, match="Ask for less"):
        planned(ModelCard("m", "m", "240p", max_pixel_frames=1000, trained_short_side=240))


def test_a_quality_the_model_lacks_is_refused_by_name() -> None:
    one_stage = ModelCard("m", "m", "240p", 10**9, 240, recipes=distilled(upsampler=False))
    with pytest.raises(BadInput, match="It makes: draft"):
        planned(one_stage)


def test_the_recipes_cost_eight_and_eleven_forwards() -> None:
    passes = [recipe.passes for recipe in DISTILLED.values()]
    assert [sum(len(each.sigmas) for each in each_pass) for each_pass in passes] == [8, 11]
    assert {each.guidance.forwards for each_pass in passes for each in each_pass} == {1}


def test_the_constants_are_those_of_the_installed_diffusers() -> None:
    import inspect

    from diffusers import LTX2Pipeline
    from diffusers.pipelines.ltx2.utils import DISTILLED_SIGMA_VALUES, STAGE_2_DISTILLED_SIGMA_VALUES

    first, second = DISTILLED["final"].passes
    assert first.sigmas == tuple(DISTILLED_SIGMA_VALUES)
    assert second.sigmas == tuple(STAGE_2_DISTILLED_SIGMA_VALUES)
    arguments = inspect.signature(LTX2Pipeline.__call__).parameters
    guidance = {name for name in arguments if "guidance" in name or name.endswith(("stg_scale", "modality_scale"))}
    assert {*guidance, "use_cross_timestep"} == set(NEUTRAL.arguments)


@pytest.mark.parametrize("steps", [4, 15, 30, 40])
def test_an_undistilled_schedule_is_bit_for_bit_that_of_diffusers_at_its_anchor(steps: int) -> None:
    from diffusers import FlowMatchEulerDiscreteScheduler
    from diffusers.pipelines.ltx2.pipeline_ltx2 import calculate_shift

    shipped = FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True,
        base_shift=0.95,
        max_shift=2.05,
        base_image_seq_len=1024,
        max_image_seq_len=4096,
        shift_terminal=0.1,
    )
    mu = calculate_shift(4096, 1024, 4096, 0.95, 2.05)
    shipped.set_timesteps(sigmas=np.linspace(1.0, 1 / steps, steps), mu=mu)
    neutral = FlowMatchEulerDiscreteScheduler.from_config(
        shipped.config, use_dynamic_shifting=False, shift_terminal=None
    )
    neutral.set_timesteps(sigmas=list(undistilled_sigmas(steps)))
    assert neutral.sigmas.tolist() == shipped.sigmas.tolist()
    assert neutral.timesteps.tolist() == shipped.timesteps.tolist()


@pytest.mark.parametrize(
    ("guidance", "forwards"),
    [
        (NEUTRAL, 1),
        (Guidance(audio_guidance_scale=7), 2),
        (Guidance(audio_stg_scale=1), 2),
        (Guidance(modality_scale=3), 2),
        (Guidance(guidance_scale=3, stg_scale=1, audio_modality_scale=3), 4),
        (Guidance(guidance_rescale=0.7), 1),
    ],
)
def test_each_kind_of_guidance_costs_a_forward(guidance: Guidance, forwards: int) -> None:
    assert guidance.forwards == forwards
    assert guidance.uses_negative_prompt is (max(guidance.guidance_scale, guidance.audio_guidance_scale) > 1)

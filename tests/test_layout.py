"""How clips are laid out: half rates, tiles, scaling up, and what materials take. Exact numbers, nothing loaded."""

import re
from itertools import pairwise
from typing import Any

import pytest

from ltx_mcp.engine.base import ModelCard
from ltx_mcp.engine.plan.layout import WHOLE_SHARE, Uses, doubles
from ltx_mcp.engine.plan.memory import GB, POLICIES, Machine, leaner, pick
from ltx_mcp.engine.plan.planning import plan
from ltx_mcp.engine.plan.quality_presets import DISTILLED, distilled, guided, undistilled
from ltx_mcp.engine.plan.recipe_variants import at_half_rate, can_tile, in_tiles
from ltx_mcp.engine.plan.sigmas import DISTILLED_SIGMAS, REFINE_SIGMAS, TILED_SIGMAS, from_strength
from ltx_mcp.engine.plan.tiling import LEAST_SIDE, MOST_SIDE, OVERLAP, longest, spans, tile_cells, tilings
from ltx_mcp.errors import TooLarge
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import GenerateRequest
from ltx_mcp.types.sizes import RESOLUTIONS, half_rate_count, made_frame_count

BUDGETS = {policy.name: policy.max_pixel_frames for policy in POLICIES}


def card(policy: str = "resident", **facts: Any) -> ModelCard:
    """LTX-2.3's on a device of this policy."""
    known = {"max_pixel_frames": BUDGETS[policy], "doubles_rate": True, "conditioned_load": 2.0}
    return ModelCard("ltx", "test", "720p", **{"trained_short_side": 1080, **known, **facts})


def planned(made_by: ModelCard, uses: Uses | None = None, **asked: Any) -> Plan:
    request = GenerateRequest(**{"prompt": "a red ball", "duration_s": 5, **asked})
    return plan(request, made_by, seed=7, uses=uses or Uses())


# -- rates ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fps", "doubled"), [(24, False), (30, False), (47.9, False), (48, True), (50, True), (60, True)]
)
def test_rates_of_48_to_60_are_made_at_half_where_the_model_can(fps: float, doubled: bool) -> None:
    assert planned(card(), fps=fps).doubled_rate is doubled
    assert not planned(card(doubles_rate=False), fps=fps).doubled_rate
    assert not doubles(fps, card(), Uses(source=True)), "a repaint has every frame already"


@pytest.mark.parametrize("frames", [1, 2, 16, 17, 18, 33, 250, 1000])
def test_a_doubled_count_is_the_next_that_the_upsampler_can_make(frames: int) -> None:
    made = made_frame_count(frames, doubled_rate=True)
    assert made % 16 == 1
    assert made >= max(frames, 17)
    assert made - frames < 16 or frames == 1
    half = half_rate_count(made)
    latents = (half - 1) // 8 + 1
    assert half % 8 == 1
    assert 2 * latents - 1 == (made - 1) // 8 + 1


def test_a_clip_of_ten_seconds_at_50_fps() -> None:
    made = planned(card(), fps=50, duration_s=10, resolution="1080p")
    assert (made.frames, made.made_frames, made.duration_s) == (500, 513, 10.0)
    assert half_rate_count(made.made_frames) == 257
    assert "Made at 25 fps" in " ".join(made.notes)


def test_the_passes_of_a_half_rate() -> None:
    first, refine = at_half_rate(DISTILLED["final"]).passes
    assert (first.half_rate, first.divisor, first.sigmas) == (True, 2, DISTILLED_SIGMAS)
    assert (refine.half_rate, refine.divisor, refine.sigmas, refine.keeps_audio) == (False, 1, REFINE_SIGMAS, True)
    first, tail = at_half_rate(DISTILLED["draft"]).passes
    assert (first.half_rate, first.divisor, tail.divisor, tail.sigmas) == (True, 1, 1, REFINE_SIGMAS)
    first, tail = at_half_rate(undistilled(guided(1), steps=30, adapter=False)["best"]).passes
    assert tail.guidance == first.guidance
    assert tail.sigmas == from_strength(REFINE_SIGMAS[0], first.sigmas)


# -- tiles ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cells", "count"), [(120, 2), (121, 2), (68, 2), (90, 3), (33, 4), (64, 1)])
def test_spans_cover_all_and_share_the_overlap(cells: int, count: int) -> None:
    found = spans(cells, count)
    assert (found[0][0], found[-1][1], len(found)) == (0, cells, count)
    assert all(end - start == OVERLAP for (_, end), (start, _) in pairwise(found))
    lengths = [end - start for start, end in found]
    assert max(lengths) == longest(cells, count)
    assert max(lengths) - min(lengths) <= 1


@pytest.mark.parametrize("cells", [(120, 68), (80, 46), (68, 120), (60, 34), (90, 68), (200, 30)])
def test_tiles_stay_within_the_trained_positions_and_are_few_first(cells: tuple[int, int]) -> None:
    found = list(tilings(*cells))
    counts = [across * down for across, down in found]
    assert counts == sorted(counts)
    for tiles in found:
        sides = [longest(side, count) for side, count in zip(cells, tiles, strict=True)]
        assert max(sides) <= MOST_SIDE
        assert all(side >= LEAST_SIDE or count == 1 for side, count in zip(sides, tiles, strict=True))
        assert tile_cells(*cells, tiles) == sides[0] * sides[1]


@pytest.mark.parametrize(
    ("resolution", "aspect", "tiles"),
    [
        ("720p", "16:9", None),
        ("1080p", "16:9", None),
        ("1440p", "16:9", (2, 1)),
        ("2160p", "16:9", (2, 2)),
        ("2160p", "9:16", (2, 2)),
        ("1440p", "9:16", (1, 2)),
        ("1440p", "1:1", None),
    ],
)
def test_what_is_larger_than_the_trained_positions_is_refined_in_tiles(
    resolution: str, aspect: str, tiles: tuple[int, int] | None
) -> None:
    made = planned(card(), resolution=resolution, aspect=aspect)
    assert made.tiles == tiles
    assert made.beyond_training is (resolution == "1440p" and aspect == "1:1")
    assert ("tiles that overlap by 256 pixels" in " ".join(made.notes)) is (tiles is not None)


def test_a_draft_is_never_tiled_as_each_tile_would_be_a_picture_of_its_own() -> None:
    made = planned(card("offload"), resolution="2160p", quality="draft", duration_s=2)
    assert made.tiles is None
    assert made.beyond_training
    assert not can_tile(DISTILLED["draft"])


def test_a_tiled_pass_keeps_the_sound_and_starts_low() -> None:
    _, last = in_tiles(DISTILLED["final"], (2, 2)).passes
    assert (last.tiles, last.keeps_audio, last.sigmas, last.units) == ((2, 2), True, TILED_SIGMAS, 8)
    _, last = in_tiles(at_half_rate(DISTILLED["final"]), (2, 1)).passes
    assert (last.tiles, last.sigmas) == ((2, 1), REFINE_SIGMAS), "frames just made need the whole schedule"
    assert in_tiles(DISTILLED["final"], (1, 1)) == DISTILLED["final"]


@pytest.mark.parametrize("duration_s", [5, 10, 20])
def test_2160p_is_made_at_2160p_for_twenty_seconds_where_all_of_the_model_is_resident(duration_s: float) -> None:
    made = planned(card(), resolution="2160p", duration_s=duration_s)
    assert not made.upscaled
    assert (made.made_width, made.made_height) == (3840, 2176)
    cells = tile_cells(120, 68, made.tiles or (1, 1))
    at_once = made.made_width * made.made_height * made.made_frames * (cells / (120 * 68) + WHOLE_SHARE)
    assert at_once <= BUDGETS["resident"]


def test_a_smaller_device_takes_more_tiles_then_scales_up_then_refuses() -> None:
    small = card("offload-8bit")  # 1080p for 5 s at once
    assert planned(small, resolution="1080p", duration_s=5).tiles is None
    longer = planned(small, resolution="1080p", duration_s=10)
    assert (longer.tiles, longer.upscaled) == ((3, 1), False)
    large = planned(small, resolution="2160p", duration_s=5)
    assert (large.tiles, large.upscaled, large.upscaled_from, large.width) == ((4, 2), False, None, 3840)
    long = planned(small, resolution="2160p", duration_s=10)
    assert (long.tiles, long.upscaled, long.upscaled_from) == ((3, 2), True, (2560, 1440))
    assert (long.width, long.height, long.made_width, long.made_height) == (3840, 2160, 2560, 1472)
    assert "scaled up, which adds no detail" in " ".join(long.notes)
    assert not long.beyond_training
    with pytest.raises(TooLarge, match="5 s at 2160p, 11 s at 2160p scaled up, or 480p for 20 s"):
        planned(small, resolution="2160p", duration_s=20)


def test_scaling_up_is_at_most_twofold() -> None:
    tight = card(max_pixel_frames=60_000_000)
    with pytest.raises(TooLarge):
        planned(tight, resolution="2160p", duration_s=10)  # 1080p does not fit, and from 720p it would be threefold
    with pytest.raises(TooLarge):
        planned(tight, Uses(from_draft=True), resolution="1080p", duration_s=4), "what was begun has its size already"


# -- materials --------------------------------------------------------------------------------------------


def test_conditions_and_sources_take_their_share() -> None:
    just = card(max_pixel_frames=1280 * 736 * 121, source_load=0.2)
    words = planned(just, resolution="720p", aspect="16:9", quality="draft")
    assert not words.upscaled
    shown = planned(just, Uses(conditions=True), resolution="720p", quality="draft")
    assert shown.upscaled, "twice the load does not fit"
    assert planned(just, Uses(source=True), resolution="720p", quality="draft").upscaled


def test_every_policy_says_what_materials_take() -> None:
    resident = pick("cuda", Machine(256 * GB, 141 * GB), 71 * GB)
    assert (resident.conditioned_load, resident.source_load) == (2.0, 0.0), "a source waits in main memory"
    micro = pick("cpu", Machine(16 * GB), 29_000_000)
    assert micro.conditioned_load == 1.15
    assert micro.source_load == pytest.approx(3 / 16)
    assert (resident.decode_load, micro.decode_load) == (0.0, 18.75)


def test_a_picture_that_cannot_be_decoded_here_is_not_made_however_many_tiles_its_passes_have() -> None:
    micro = pick("cpu", Machine(4 * GB), 29_000_000)
    asked: dict[str, Any] = {"resolution": "2160p", "duration_s": 0.5, "fps": 8}
    small = card(max_pixel_frames=micro.max_pixel_frames, decode_load=micro.decode_load)
    made = planned(small, **asked)
    assert (made.upscaled, made.upscaled_from) == (True, (2560, 1440))
    assert not planned(card(max_pixel_frames=micro.max_pixel_frames), **asked).upscaled


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_what_a_refusal_names_does_fit(resolution: str) -> None:
    tight = card(max_pixel_frames=90_000_000)
    try:
        planned(tight, resolution=resolution, duration_s=20, fps=50)
    except TooLarge as refused:
        named = re.findall(r"([\d.]+) s at ", refused.hint)
        for seconds in named:
            assert planned(tight, resolution=resolution, duration_s=float(seconds), fps=50).resolution == resolution
    else:
        assert resolution == "240p"


def test_a_model_without_an_upsampler_neither_tiles_nor_needs_to() -> None:
    made = planned(card(recipes=distilled(upsampler=False)), resolution="1440p", quality="draft")
    assert made.tiles is None


def test_a_leaner_policy_offloads_more_and_gives_the_same_clip() -> None:
    roomy, narrow = Machine(128 * GB, 141 * GB), Machine(64 * GB, 141 * GB)
    names = {policy.name: found.name for policy in POLICIES if (found := leaner(policy, roomy))}
    assert names == {
        "resident": "offload",
        "offload": "offload-48",
        "offload-8bit": "stream-8bit",
        "stream-8bit": "stream-8bit-16",
    }
    assert not [policy for policy in POLICIES if leaner(policy, narrow)], (
        "main memory has no room for what is offloaded"
    )
    assert leaner(pick("cpu", roomy, GB // 2), roomy) is None

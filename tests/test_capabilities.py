"""The table of what a machine makes: computed from the model's card, and held to what plans then say."""

import pytest

from ltx_mcp.engine.base import ModelCard
from ltx_mcp.engine.plan.memory import POLICIES, MemoryPolicy
from ltx_mcp.engine.plan.planning import plan
from ltx_mcp.errors import TooLarge
from ltx_mcp.studio.capabilities import capabilities
from ltx_mcp.studio.offers import RATES, Offer
from ltx_mcp.studio.offers import offers as offers_of
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import GenerateRequest
from ltx_mcp.types.sizes import RESOLUTIONS


def card(policy: MemoryPolicy) -> ModelCard:
    return ModelCard("ltx", "test", "720p", policy.max_pixel_frames, 1080, doubles_rate=True)


def offers(policy: MemoryPolicy) -> dict[tuple[str, str, float], Offer]:
    found = offers_of(card(policy), lambda made: 7.04 if made.tiles else None)
    return {(offer.resolution, offer.quality, offer.fps): offer for offer in found}


def test_a_large_device_makes_everything_and_says_how() -> None:
    table = offers(POLICIES[0])
    assert len(table) == len(RESOLUTIONS) * 2 * len(RATES)
    hd, uhd = table["1080p", "final", 24], table["2160p", "final", 24]
    assert (hd.max_duration_s, hd.whole_up_to_s, hd.tiled, hd.upscaled, hd.made_in_s) == (20, 20, False, False, None)
    assert (uhd.max_duration_s, uhd.whole_up_to_s, uhd.tiled, uhd.beyond_training) == (20, 20, True, False)
    assert uhd.made_in_s == 7.0
    assert table["2160p", "draft", 24].beyond_training


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_what_is_offered_is_planned_and_the_next_longer_is_refused(policy: MemoryPolicy) -> None:
    def made(offer: Offer, duration_s: float) -> Plan:
        asked = {"resolution": offer.resolution, "quality": offer.quality, "fps": offer.fps, "duration_s": duration_s}
        return plan(GenerateRequest.model_validate({"prompt": "-", **asked}), card(policy), seed=1)

    for offer in offers(policy).values():
        longest = made(offer, offer.max_duration_s)
        assert (longest.width, longest.height) == (offer.width, offer.height)
        assert longest.upscaled is (offer.whole_up_to_s < offer.max_duration_s)
        if offer.max_duration_s < 10:  # further apart the table is coarse
            with pytest.raises(TooLarge):
                made(offer, offer.max_duration_s + 2)


def test_a_small_device_scales_up_what_it_cannot_make() -> None:
    small = offers(POLICIES[-1])
    assert small["1080p", "final", 24].whole_up_to_s < small["1080p", "final", 24].max_duration_s
    assert all(offer.max_duration_s > 0 for offer in small.values())
    assert {offer.upscaled for offer in small.values()} == {True, False}


def test_in_short_only_exceptions_are_told() -> None:
    told = capabilities(card(POLICIES[-1]), lambda made: 7.04 if made.tiles else None)
    table = offers(POLICIES[-1])
    assert set(told.sizes) == {resolution for resolution, _, _ in table}
    exceptions = [offer for offer in table.values() if offer.max_duration_s < 20 or offer.whole_up_to_s < 20]
    assert len(told.limits) == len(exceptions) > 0
    assert any(limit.startswith("2160p final at 24 fps: at most ") for limit in told.limits)
    assert all("240p" not in limit for limit in capabilities(card(POLICIES[0]), lambda made: None).limits)
    timed = {f"{each.resolution} {each.quality}" for each in table.values() if each.tiled and each.fps == 24}
    assert set(told.made_in_s) == timed

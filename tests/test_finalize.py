"""finalize_draft: bit for bit the final that the draft's seed would have given, where a draft can be finalized."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agents import an_agent, data, text
from engine_kit import Listener, frames_of, same
from media_kit import packets
from PIL import Image

from ltx_mcp.engine.base import Condition, Materials
from ltx_mcp.engine.diffusers_ltx.engine import LtxEngine
from ltx_mcp.engine.plan.planning import plan
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.engine.weights.source import MicroSource
from ltx_mcp.errors import BadInput
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import GenerateRequest
from ltx_mcp.types.sizes import ASPECTS, RESOLUTIONS, delivered_size, doubled

DRAFT = Plan(
    prompt="a red ball",
    width=60,
    height=30,
    frames=9,
    fps=24,
    duration_s=9 / 24,
    resolution="240p",
    quality="draft",
    audio=True,
    seed=11,
    model="micro",
    made_width=64,
    made_height=32,
    made_frames=9,
)
FINAL = DRAFT.model_copy(
    update={"quality": "final", "width": 120, "height": 60, "made_width": 128, "made_height": 64, "resolution": "480p"}
)


FAST = {"fps": 50, "frames": 10, "duration_s": 10 / 50, "made_frames": 17, "doubled_rate": True}
"""Made at 25 fps and doubled: latents of 9 frames become a clip of 17."""


@pytest.fixture(scope="module")
def engine(micro_engine: LtxEngine) -> LtxEngine:
    return micro_engine


@pytest.mark.parametrize("rate", [{}, FAST])
def test_a_finalized_draft_is_bit_for_bit_the_final_of_its_seed(engine: LtxEngine, rate: dict[str, Any]) -> None:
    final = FINAL.model_copy(update=rate)
    at_once = engine.render(final, Listener())
    expected = list(at_once.frames)
    draft = engine.render(DRAFT.model_copy(update=rate), Listener())
    assert len(list(draft.frames)) == len(expected) == final.frames
    assert draft.latents is not None
    watch = Listener()
    finished = engine.render(final, watch, Materials(draft_latents=draft.latents))
    assert same(list(finished.frames), expected)
    assert at_once.audio is not None
    assert finished.audio is not None
    assert np.array_equal(finished.audio, at_once.audio)
    assert watch.steps == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.slow
def test_another_draft_gives_another_final(engine: LtxEngine) -> None:
    other = engine.render(DRAFT.model_copy(update={"seed": 12}), Listener()).latents
    assert not same(
        list(engine.render(FINAL, Listener(), Materials(draft_latents=other)).frames), frames_of(engine, FINAL)
    )


def test_only_drafts_from_words_and_images_have_latents(engine: LtxEngine) -> None:
    still = np.zeros((DRAFT.height, DRAFT.width, 3), np.uint8)
    animated = engine.render(DRAFT, Listener(), Materials((Condition([still]),)))
    repainted, anew = (
        engine.render(DRAFT, Listener(), Materials(repaint=[still] * DRAFT.frames, repaint_strength=strength))
        for strength in (0.6, 1.0)
    )
    final = engine.render(FINAL, Listener())
    assert animated.latents is not None
    assert animated.latents.video.dtype == animated.latents.audio.dtype == np.float32
    assert repainted.latents is None
    assert anew.latents is None, "all is new, and yet it is made for another sound"
    assert final.latents is None


def test_latents_of_another_size_are_refused_before_anything_is_loaded() -> None:
    begun = StandInEngine().render(DRAFT, Listener()).latents
    for other in ({"made_frames": 17}, {"made_width": 192}, {"doubled_rate": True, "made_frames": 33}):
        wrong = FINAL.model_copy(update=other)
        with pytest.raises(BadInput, match="latents are"):
            LtxEngine(MicroSource(), device="cpu").render(wrong, Listener(), Materials(draft_latents=begun))


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@pytest.mark.parametrize("aspect", ASPECTS)
def test_a_draft_is_half_of_a_final_in_every_aspect(aspect: Any, resolution: Any) -> None:
    """Delivered and made sizes both, or the latents would not fit."""
    larger = doubled(resolution)
    assert larger == {"240p": "480p", "540p": "1080p", "720p": "1440p", "1080p": "2160p"}.get(resolution)
    if larger is None:
        return
    card = StandInEngine(max_pixel_frames=10**12).card
    asked = GenerateRequest(prompt="-", aspect=aspect, resolution=resolution, quality="draft")
    draft = plan(asked, card, 1)
    final = plan(asked.model_copy(update={"resolution": larger, "quality": "final"}), card, 1)
    assert delivered_size(aspect, larger) == (2 * draft.width, 2 * draft.height)
    assert (final.made_width, final.made_height) == (2 * draft.made_width, 2 * draft.made_height)
    assert (final.made_frames, final.frames) == (draft.made_frames, draft.frames)


# As an agent meets it.

pytestmark = pytest.mark.anyio
SHORT = {"prompt": "a red circle", "duration_s": 0.5, "quality": "draft", "seed": 5}


async def test_finalizing_is_not_proposed_where_it_makes_no_clip_better(tmp_path: Path) -> None:
    engine = StandInEngine()
    engine.card = replace(engine.card, finals_improve=False)
    async with an_agent(tmp_path, "auto", engine=engine) as agent:
        draft = data(await agent.call_tool("generate_video", SHORT))
        assert "finalize_draft" not in draft["next"]
        finished = await agent.call_tool("finalize_draft", {"clip": draft["clip"]["clip_id"]})
    assert not finished.is_error


async def test_an_agent_finishes_a_draft_and_gets_what_a_final_would_be(tmp_path: Path, mode: str) -> None:
    async with an_agent(tmp_path, mode) as agent:
        draft = await agent.call_tool("generate_video", {**SHORT, "camera": "dolly_in"})
        clip_id = data(draft)["clip"]["clip_id"]
        assert "finalize_draft" in data(draft)["next"]
        finished = data(await agent.call_tool("finalize_draft", {"clip": clip_id}))
        asked = {**SHORT, "camera": "dolly_in", "quality": "final", "resolution": "480p"}
        at_once = data(await agent.call_tool("generate_video", asked))
        again = await agent.call_tool("finalize_draft", {"clip": finished["clip"]["clip_id"]})
    clip = finished["clip"]
    assert (clip["kind"], clip["recipe"], clip["source"]) == ("generated", "final", clip_id)
    assert (clip["width"], clip["height"], clip["seed"], clip["duration_s"]) == (832, 480, 5, 0.5)
    assert packets(Path(clip["path"])) == packets(Path(at_once["clip"]["path"]))
    assert finished["effective"] == at_once["effective"]
    assert again.is_error
    assert "is not a draft" in text(again)
    assert [path.name for path in (tmp_path / "draft_latents").iterdir()] == [f"{clip_id}.safetensors"]


async def test_a_draft_whose_latents_are_gone_says_how_to_make_it_again(tmp_path: Path) -> None:
    async with an_agent(tmp_path) as agent:
        clip = data(await agent.call_tool("generate_video", SHORT))["clip"]
        (tmp_path / "draft_latents" / f"{clip['clip_id']}.safetensors").unlink()
        gone = await agent.call_tool("finalize_draft", {"clip": clip["clip_id"]})
        jobs = data(await agent.call_tool("get_job", {}))["recent"]
    assert gone.is_error
    assert "generate_video with seed 5, quality final and resolution 480p" in text(gone)
    assert [job["status"] for job in jobs] == ["succeeded"], "what was asked wrongly leaves no job"


async def test_an_animated_draft_is_finalized_with_the_same_images_only(tmp_path: Path) -> None:
    picture = tmp_path / "still.png"
    Image.new("RGB", (832, 480), (200, 30, 30)).save(picture)
    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:
        asked = {**SHORT, "image": str(picture)}
        clip_id = data(await agent.call_tool("animate_image", asked))["clip"]["clip_id"]
        finished = data(await agent.call_tool("finalize_draft", {"clip": clip_id}))["clip"]
        Image.new("RGB", (832, 480), (30, 30, 200)).save(picture)
        changed = await agent.call_tool("finalize_draft", {"clip": clip_id})
        picture.unlink()
        missing = await agent.call_tool("finalize_draft", {"clip": clip_id})
    assert (finished["kind"], finished["width"]) == ("animated", 832)
    assert changed.is_error
    assert "has changed since" in text(changed)
    assert missing.is_error
    assert "still.png" in text(missing)


class Renamed(StandInEngine):
    """The same twin under the name of another model."""

    def __init__(self) -> None:
        super().__init__()
        self.card = replace(self.card, name="another")


class Doubling(StandInEngine):
    """The same twin with a temporal upsampler."""

    def __init__(self) -> None:
        super().__init__()
        self.card = replace(self.card, doubles_rate=True)


@pytest.mark.slow
async def test_a_draft_of_50_fps_is_finished_by_a_model_that_doubles_rates_as_it_did_then(tmp_path: Path) -> None:
    fast = {**SHORT, "fps": 50}
    async with an_agent(tmp_path, engine=Doubling()) as agent:
        draft = data(await agent.call_tool("generate_video", fast))
        clip_id = draft["clip"]["clip_id"]
        finished = data(await agent.call_tool("finalize_draft", {"clip": clip_id}))
        asked = {**fast, "quality": "final", "resolution": "480p"}
        at_once = data(await agent.call_tool("generate_video", asked))
    assert "finalize_draft" in draft["next"]
    assert finished["effective"]["doubled_rate"]
    assert (finished["clip"]["frames"], finished["clip"]["fps"]) == (25, 50)
    assert packets(Path(finished["clip"]["path"])) == packets(Path(at_once["clip"]["path"]))
    async with an_agent(tmp_path) as agent:
        refused = await agent.call_tool("finalize_draft", {"clip": clip_id})
    assert refused.is_error
    assert "Make the clip again as a final" in text(refused)


async def test_another_model_does_not_finish_the_draft(tmp_path: Path) -> None:
    async with an_agent(tmp_path) as agent:
        clip_id = data(await agent.call_tool("generate_video", SHORT))["clip"]["clip_id"]
    async with an_agent(tmp_path, engine=Renamed()) as agent:
        refused = await agent.call_tool("finalize_draft", {"clip": clip_id})
    assert refused.is_error
    assert "LTX_MCP_MODEL=stand-in" in text(refused)


async def test_a_final_too_large_for_this_machine_is_refused_before_it_is_queued(tmp_path: Path) -> None:
    small = StandInEngine(max_pixel_frames=416 * 256 * 17 + 1)
    async with an_agent(tmp_path / "small", engine=small) as agent:
        clip_id = data(await agent.call_tool("generate_video", SHORT))["clip"]["clip_id"]
        refused = await agent.call_tool("finalize_draft", {"clip": clip_id})
    assert refused.is_error
    assert "is more than stand-in can make" in text(refused)
    assert "No draft can be finished at 480p here: keep this one." in text(refused)
    larger = StandInEngine(max_pixel_frames=832 * 512 * 25)
    async with an_agent(tmp_path / "larger", engine=larger) as agent:
        long, short = [
            data(await agent.call_tool("generate_video", {**SHORT, "duration_s": seconds}))["clip"]["clip_id"]
            for seconds in (2, 1)
        ]
        refused = await agent.call_tool("finalize_draft", {"clip": long})
        finished = await agent.call_tool("finalize_draft", {"clip": short})
    assert "Drafts of at most 1 s can be finished at 480p here" in text(refused)
    assert data(finished)["clip"]["height"] == 480
    assert not [path for path in (tmp_path / "larger" / "staging").rglob("*") if path.is_file()]


@pytest.mark.parametrize("reference", ["{}@0.2", "{}@0.1-0.3", "no-such-clip-01234567", "/etc/passwd"])
async def test_only_a_whole_clip_can_be_finished(tmp_path: Path, reference: str) -> None:
    async with an_agent(tmp_path) as agent:
        clip_id = data(await agent.call_tool("generate_video", SHORT))["clip"]["clip_id"]
        refused = await agent.call_tool("finalize_draft", {"clip": reference.format(clip_id)})
    assert refused.is_error


async def test_a_draft_of_several_shots_is_not_kept_and_says_why(tmp_path: Path) -> None:
    async with an_agent(tmp_path) as agent:
        first = data(await agent.call_tool("generate_video", {**SHORT, "duration_s": 1}))["clip"]["clip_id"]
        asked = {"prompt": "a blue square", "extend": first, "duration_s": 1, "quality": "draft"}
        longer = data(await agent.call_tool("generate_video", asked))
        refused = await agent.call_tool("finalize_draft", {"clip": longer["clip"]["clip_id"]})
    assert "finalize_draft" not in longer["next"]
    assert "its recipe is 'extend'" in text(refused)
    assert [path.name for path in (tmp_path / "draft_latents").iterdir()] == [f"{first}.safetensors"]


async def test_a_refused_draft_leaves_no_latents(tmp_path: Path) -> None:
    async with an_agent(tmp_path) as agent:
        refused = data(await agent.call_tool("generate_video", {**SHORT, "prompt": "a magenta screen"}))
    assert refused["status"] == "refused"
    assert not list((tmp_path / "draft_latents").glob("*"))


async def test_a_negative_prompt_is_moderated_and_kept_nowhere(tmp_path: Path) -> None:
    words = "a child, naked, in bed"
    async with an_agent(tmp_path) as agent:
        refused = data(await agent.call_tool("generate_video", {**SHORT, "negative_prompt": words}))
    assert refused["status"] == "refused"
    assert "the request's negative_prompt" in refused["error"]["message"]
    stored = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not [content for content in stored if words.encode() in content]

"""The server as an agent meets it: real client, real studio, stand-ins for the models; both protocol eras."""

import base64
import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import numpy as np
import pytest
from agents import SHORT, an_agent, data, text, whole
from gates import Gate
from mcp.shared.exceptions import MCPError
from mcp.types import BlobResourceContents, ImageContent, ResourceLink, TextContent
from PIL import Image

from ltx_mcp.engine.base import NO_MATERIALS, Materials, Rendering, Watch
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.media.contact_sheet import ContactSheet
from ltx_mcp.media.images import read_image
from ltx_mcp.media.probe import probe
from ltx_mcp.server.server import INSTRUCTIONS
from ltx_mcp.tools import TOOLS
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.stages import Stage

pytestmark = pytest.mark.anyio


MAKERS = ["generate_video", "animate_image", "restyle_video", "finalize_draft"]


# -- tools/list ------------------------------------------------------------------------------------------


async def test_the_tools_are_listed_with_honest_annotations_and_short_texts(tmp_path: Path, mode: str) -> None:
    async with an_agent(tmp_path, mode) as agent:
        tools = {tool.name: tool for tool in (await agent.list_tools()).tools}
    assert list(tools) == [
        *MAKERS,
        "edit_video",
        "search_clips",
        "view_clip",
        "import_video",
        "get_job",
        "cancel_job",
        "export_clip",
        "update_clip",
        "delete_clip",
    ]
    for tool in tools.values():
        assert tool.annotations is not None
        assert tool.annotations.open_world_hint is False
        assert tool.title
        assert len((tool.description or "").encode()) < 2048
        assert tool.input_schema["additionalProperties"] is False
        assert tool.output_schema is None, "the same in ten tools; the structured data says what it is"
    assert [name for name, tool in tools.items() if tool.annotations and tool.annotations.read_only_hint] == [
        "search_clips",
        "view_clip",
        "get_job",
    ]
    assert [name for name, tool in tools.items() if tool.annotations and tool.annotations.destructive_hint] == [
        "cancel_job",
        "delete_clip",
    ]


def test_long_tools_are_async_because_a_sync_one_cannot_be_cancelled() -> None:
    assert all(tool.is_async for tool in TOOLS)


def test_the_instructions_fit_the_hosts_that_cut_them() -> None:
    assert len(INSTRUCTIONS.encode()) < 2048


# -- generate_video --------------------------------------------------------------------------------------


async def test_a_prompt_becomes_a_clip_that_plays_with_sound_of_its_length(tmp_path: Path, mode: str) -> None:
    async with an_agent(tmp_path, mode) as agent:
        arguments = {"prompt": "a red circle", "duration_s": 1, "fps": 25, "aspect": "9:16", "seed": 7}
        result = await agent.call_tool("generate_video", arguments)
    job = data(result)
    assert job["status"] == "succeeded"
    clip = job["clip"]
    facts = probe(Path(clip["path"]))
    assert (facts.width, facts.height, facts.frames, facts.fps) == (240, 416, 25, 25)
    assert (clip["width"], clip["height"], clip["frames"], clip["seed"]) == (240, 416, 25, 7)
    assert facts.has_audio
    assert facts.audio_duration_s == pytest.approx(facts.duration_s, abs=0.025)
    assert clip["moderation"]["verdict"] == "passed"
    assert clip["searchable"] is True
    assert whole(clip)["requested"]["aspect"] == "9:16"
    assert (job["effective"]["made_width"], job["effective"]["made_height"], job["effective"]["made_frames"]) == (
        256,
        448,
        25,
    )


async def test_the_answer_is_enough_in_words_alone_with_one_sheet_and_a_link_under_the_hosts_limits(
    tmp_path: Path, mode: str
) -> None:
    async with an_agent(tmp_path, mode) as agent:
        result = await agent.call_tool("generate_video", {"prompt": "word " * 790, **SHORT})
        clip = data(result)["clip"]
        words, sheet, link = result.content
        assert isinstance(words, TextContent)
        assert words.text.startswith(clip["path"])
        assert len(words.text) < 4 * 600
        assert isinstance(sheet, ImageContent)
        assert base64.b64decode(sheet.data)[:2] == b"\xff\xd8"
        assert isinstance(link, ResourceLink)
        assert len(result.model_dump_json()) < 900 * 1024
        read = await agent.read_resource(str(link.uri))
        assert base64.b64decode(read.contents[0].model_dump()["blob"]) == Path(clip["path"]).read_bytes()


async def test_the_same_request_and_seed_give_the_same_frames(tmp_path: Path) -> None:
    async with an_agent(tmp_path) as agent:
        clips = [
            data(await agent.call_tool("generate_video", {"prompt": "a red ring", "seed": seed, **SHORT}))["clip"]
            for seed in (1, 1, 2)
        ]
    # As frames: no two files have the same signature.
    first, again, other = (read_image(Path(clip["sheet_path"]).read_bytes(), "sheet") for clip in clips)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len({clip["clip_id"] for clip in clips}) == 3


async def test_progress_is_reported_for_every_step_and_strictly_increases(tmp_path: Path, mode: str) -> None:
    reported: list[float] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        reported.append(progress)

    async with an_agent(tmp_path, mode) as agent:
        await agent.call_tool("generate_video", {"prompt": "a red circle", **SHORT}, progress_callback=on_progress)
    assert len(reported) >= 5
    assert all(earlier < later for earlier, later in pairwise(reported))


async def test_progress_is_reported_throughout_a_long_stage(tmp_path: Path, mode: str) -> None:
    gate = Gate(Stage.DENOISING)
    reported: list[float] = []
    enough = anyio.Event()

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        reported.append(progress)
        if len(reported) >= 20:
            enough.set()

    async with an_agent(tmp_path, mode, StandInEngine(gate)) as agent, anyio.create_task_group() as calls:
        calls.start_soon(
            lambda: agent.call_tool("generate_video", {"prompt": "x", **SHORT}, progress_callback=on_progress)
        )
        await gate.arrived()
        await enough.wait()
        gate.open()
    assert all(earlier < later for earlier, later in pairwise(reported))


async def test_the_file_itself_says_that_a_model_made_it(tmp_path: Path) -> None:
    async with an_agent(tmp_path) as agent:
        clip = data(await agent.call_tool("generate_video", {"prompt": "a red circle", **SHORT}))["clip"]
    assert b"AI-generated video. Model: stand-in." in Path(clip["path"]).read_bytes()
    assert clip["provenance"]["digital_source_type"].endswith("trainedAlgorithmicMedia")


async def test_a_job_longer_than_the_wait_answers_with_a_handle_and_get_job_brings_the_clip(
    tmp_path: Path, mode: str
) -> None:
    gate = Gate(Stage.DENOISING)
    async with an_agent(tmp_path, mode, StandInEngine(gate)) as agent:
        result = await agent.call_tool("generate_video", {"prompt": "a red circle", "wait_s": 0, **SHORT})
        job = data(result)
        assert job["status"] in ("queued", "running")
        assert job["job_id"] in job["next"]
        assert len(result.model_dump_json()) < 4 * 300 * 2  # the structured data and the text, 300 tokens each
        await gate.arrived()
        waiting = data(await agent.call_tool("get_job", {"job_id": job["job_id"], "wait_s": 0}))
        assert (waiting["status"], waiting["stage"]) == ("running", "denoising")
        gate.open()
        done = data(await agent.call_tool("get_job", {"job_id": job["job_id"]}))
        assert done["status"] == "succeeded"
        recent = data(await agent.call_tool("get_job", {}))["recent"]
        assert recent[0]["clip_id"] == done["clip"]["clip_id"]


async def test_no_wait_is_longer_than_the_cap(tmp_path: Path) -> None:
    gate = Gate(Stage.DENOISING)
    async with an_agent(tmp_path, engine=StandInEngine(gate), max_wait_s=0.05) as agent:
        job = data(await agent.call_tool("generate_video", {"prompt": "a red circle", "wait_s": 10_000, **SHORT}))
        assert job["status"] in ("queued", "running")
        gate.open()


# -- cancelling ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [Stage.LOADING, Stage.DENOISING, Stage.DECODING])
async def test_a_cancelled_job_says_so_at_once_stays_so_and_leaves_nothing(
    tmp_path: Path, mode: str, stage: Stage
) -> None:
    gate = Gate(stage)
    async with an_agent(tmp_path, mode, StandInEngine(gate)) as agent:
        job = data(await agent.call_tool("generate_video", {"prompt": "a red circle", "wait_s": 0, **SHORT}))
        await gate.arrived()
        for _ in range(2):  # idempotent
            assert data(await agent.call_tool("cancel_job", {"job_id": job["job_id"]}))["status"] == "cancelled"
        gate.open()
        assert data(await agent.call_tool("get_job", {"job_id": job["job_id"]}))["status"] == "cancelled"
        assert data(await agent.call_tool("search_clips", {}))["total_clips"] == 0
    assert not list((tmp_path / "clips").glob("*"))
    assert not list((tmp_path / "staging").rglob("*.mp4"))


async def test_a_client_that_gives_up_before_it_has_the_id_stops_the_job(tmp_path: Path, mode: str) -> None:
    gate = Gate(Stage.DENOISING)
    async with an_agent(tmp_path, mode, StandInEngine(gate)) as agent:
        async with anyio.create_task_group() as calls:
            calls.start_soon(agent.call_tool, "generate_video", {"prompt": "a red circle", **SHORT})
            await gate.arrived()
            calls.cancel_scope.cancel()
        with anyio.fail_after(5):
            while data(await agent.call_tool("get_job", {}))["recent"][0]["status"] != "cancelled":
                await anyio.lowlevel.checkpoint()
        gate.open()


async def test_a_client_that_gives_up_a_later_wait_leaves_the_job_alone(tmp_path: Path, mode: str) -> None:
    gate = Gate(Stage.DENOISING)
    async with an_agent(tmp_path, mode, StandInEngine(gate)) as agent:
        job = data(await agent.call_tool("generate_video", {"prompt": "a red circle", "wait_s": 0, **SHORT}))
        await gate.arrived()
        async with anyio.create_task_group() as calls:
            calls.start_soon(agent.call_tool, "get_job", {"job_id": job["job_id"]})
            await anyio.wait_all_tasks_blocked()
            calls.cancel_scope.cancel()
        gate.open()
        assert data(await agent.call_tool("get_job", {"job_id": job["job_id"]}))["status"] == "succeeded"


async def test_the_same_call_joins_its_running_job_and_another_seed_does_not(tmp_path: Path) -> None:
    gate = Gate(Stage.DENOISING)
    ask = {"prompt": "a red circle", "wait_s": 0, **SHORT}
    async with an_agent(tmp_path, engine=StandInEngine(gate)) as agent:
        first = data(await agent.call_tool("generate_video", ask))
        await gate.arrived()
        again = data(await agent.call_tool("generate_video", ask))
        other = data(await agent.call_tool("generate_video", {**ask, "seed": 1}))
        assert again["job_id"] == first["job_id"] != other["job_id"]
        gate.open()
        assert data(await agent.call_tool("get_job", {"job_id": first["job_id"]}))["status"] == "succeeded"
        later = data(await agent.call_tool("generate_video", ask))
        assert later["job_id"] != first["job_id"], "what has ended is made again"


async def test_of_two_calls_for_one_job_the_last_that_gives_up_stops_it(tmp_path: Path) -> None:
    gate = Gate(Stage.DENOISING)
    notes: list[str] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        notes.append(message or "")

    async def call(scope: anyio.CancelScope) -> None:
        with scope:
            await agent.call_tool("generate_video", {"prompt": "x", **SHORT}, progress_callback=on_progress)

    first, second = anyio.CancelScope(), anyio.CancelScope()
    async with an_agent(tmp_path, engine=StandInEngine(gate)) as agent, anyio.create_task_group() as calls:
        calls.start_soon(call, first)
        await gate.arrived()
        calls.start_soon(call, second)
        await anyio.wait_all_tasks_blocked()
        [line] = data(await agent.call_tool("get_job", {}))["recent"]
        assert notes[0].endswith(line["job_id"]), "a client that gives up knows what to ask for"
        first.cancel()
        await anyio.wait_all_tasks_blocked()
        assert data(await agent.call_tool("get_job", {}))["recent"][0]["status"] == "running"
        second.cancel()
        with anyio.fail_after(5):
            while data(await agent.call_tool("get_job", {}))["recent"][0]["status"] != "cancelled":
                await anyio.lowlevel.checkpoint()
        gate.open()


async def test_a_full_queue_is_refused_at_once_and_the_waiting_jobs_are_not_hurt(tmp_path: Path, mode: str) -> None:
    gate = Gate(Stage.DENOISING)
    ask = {"prompt": "a red circle", "wait_s": 0, **SHORT}
    async with an_agent(tmp_path, mode, StandInEngine(gate)) as agent:
        running = data(await agent.call_tool("generate_video", {**ask, "seed": 1}))
        await gate.arrived()
        waiting = data(await agent.call_tool("generate_video", {**ask, "seed": 2}))
        assert waiting["queue_position"] == 0
        full = await agent.call_tool("generate_video", {**ask, "seed": 3})
        assert full.is_error
        assert "get_job" in text(full)
        gate.open()
        for job in (running, waiting):
            assert data(await agent.call_tool("get_job", {"job_id": job["job_id"]}))["status"] == "succeeded"


# -- moderation ------------------------------------------------------------------------------------------


async def test_a_refused_prompt_is_a_job_with_the_category_and_never_reaches_the_engine(
    tmp_path: Path, mode: str
) -> None:
    gate = Gate(Stage.LOADING)
    async with an_agent(tmp_path, mode, StandInEngine(gate)) as agent:
        result = await agent.call_tool("generate_video", {"prompt": "hardcore p0rn", **SHORT})
        job = data(result)
        assert result.is_error
        assert job["status"] == "refused"
        assert job["error"]["hint"]
        assert data(await agent.call_tool("get_job", {"job_id": job["job_id"]}))["status"] == "refused"
    assert gate.passes == 0
    audit = (tmp_path / "audit.jsonl").read_text()
    assert job["job_id"] in audit
    assert "p0rn" not in audit


async def test_a_refused_clip_never_leaves_staging_and_is_gone(tmp_path: Path, mode: str) -> None:
    async with an_agent(tmp_path, mode) as agent:
        job = data(await agent.call_tool("generate_video", {"prompt": "a magenta screen", **SHORT}))
        assert job["status"] == "refused"
        assert "clip" not in job
        assert data(await agent.call_tool("search_clips", {"query": "magenta screen"}))["moments"] == []
    assert not list((tmp_path / "clips").glob("*"))
    assert not list((tmp_path / "staging").rglob("*.mp4"))
    assert json.loads((tmp_path / "audit.jsonl").read_text())["category"] == "explicit"


# -- searching -------------------------------------------------------------------------------------------


async def test_a_moment_is_found_by_its_frames_and_can_be_looked_at(tmp_path: Path, mode: str) -> None:
    for name, colour in (("blue", (0, 0, 255)), ("magenta", (255, 0, 255))):
        Image.new("RGB", (64, 48), colour).save(tmp_path / f"{name}.png")
    async with an_agent(tmp_path / "data", mode, roots=[tmp_path]) as agent:
        for prompt in ("a green screen", "first a red screen, then a blue screen", "a yellow screen"):
            await agent.call_tool("generate_video", {"prompt": prompt, "duration_s": 4, "quality": "draft"})
        result = await agent.call_tool("search_clips", {"query": "blue"})
        found = data(result)
        best = found["moments"][0]
        assert best["prompt"].startswith("first a red")
        assert best["start_s"] >= 1.0, "the blue half"
        assert best["ref"] == f"{best['clip_id']}@{best['peak_s']:g}"
        assert any(isinstance(block, ImageContent) for block in result.content)
        alike = data(await agent.call_tool("search_clips", {"image": best["ref"], "images": False}))
        assert alike["moments"][0]["clip_id"] == best["clip_id"]
        alike = data(await agent.call_tool("search_clips", {"image": str(tmp_path / "blue.png"), "images": False}))
        assert alike["moments"][0]["clip_id"] == best["clip_id"]
        refused = await agent.call_tool("search_clips", {"image": str(tmp_path / "magenta.png")})
        assert refused.is_error
        assert "The image was refused" in text(refused)
        outside = await agent.call_tool("search_clips", {"image": "/etc/hostname"})
        assert outside.is_error
        inside = data(await agent.call_tool("search_clips", {"query": "red", "clip": best["clip_id"]}))
        assert {moment["clip_id"] for moment in inside["moments"]} == {best["clip_id"]}
        newest = data(await agent.call_tool("search_clips", {"limit": 2}))
        assert [moment["prompt"] for moment in newest["moments"]] == ["a yellow screen", best["prompt"]]


async def test_a_clip_that_was_deleted_by_hand_is_forgotten_and_the_others_are_found(tmp_path: Path, mode: str) -> None:
    async with an_agent(tmp_path, mode) as agent:
        clips = [
            data(await agent.call_tool("generate_video", {"prompt": f"a lighthouse in {place}", **SHORT}))["clip"]
            for place in ("fog", "rain")
        ]
        assert len(data(await agent.call_tool("search_clips", {"query": "lighthouse"}))["moments"]) == 2
        shutil.rmtree(Path(clips[0]["path"]).parent)
        for arguments in ({"query": "lighthouse"}, {}):
            found = data(await agent.call_tool("search_clips", arguments))
            assert [moment["clip_id"] for moment in found["moments"]] == [clips[1]["clip_id"]]


async def test_every_frame_that_the_sheet_shows_was_looked_at(tmp_path: Path, mode: str) -> None:
    class Flashing(StandInEngine):
        def render(self, plan: Plan, watch: Watch, materials: Materials = NO_MATERIALS) -> Rendering:
            shown = ContactSheet(plan.frames, plan.fps).wanted - {0, plan.frames - 1}
            rendering = super().render(plan, watch, materials)
            magenta = np.full((plan.height, plan.width, 3), (255, 0, 255), dtype=np.uint8)
            frames = (magenta if index == min(shown) else frame for index, frame in enumerate(rendering.frames))
            return Rendering(frames, rendering.audio, rendering.sample_rate)

    async with an_agent(tmp_path, mode, Flashing()) as agent:
        job = data(await agent.call_tool("generate_video", {"prompt": "x", "duration_s": 5, "quality": "draft"}))
    assert job["status"] == "refused"


async def test_refused_words_are_never_shown_again(tmp_path: Path, mode: str) -> None:
    async with an_agent(tmp_path, mode) as agent:
        refused = await agent.call_tool("generate_video", {"prompt": "hardcore porn", **SHORT})
        recent = await agent.call_tool("get_job", {})
    assert "porn" not in refused.model_dump_json() + recent.model_dump_json()
    assert b"hardcore porn" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


async def test_a_second_studio_on_the_same_folder_finds_the_clip(tmp_path: Path) -> None:
    async with an_agent(tmp_path) as maker, an_agent(tmp_path) as reader:
        made = data(await maker.call_tool("generate_video", {"prompt": "a lighthouse in fog", **SHORT}))
        found = data(await reader.call_tool("search_clips", {"query": "foggy lighthouse"}))
        assert found["moments"][0]["clip_id"] == made["clip"]["clip_id"]
        assert data(await reader.call_tool("get_job", {"job_id": made["job_id"]}))["status"] == "succeeded"


# -- bad input -------------------------------------------------------------------------------------------

BAD_CALLS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("generate_video", {}, ["prompt", "missing"]),
    ("generate_video", {"prompt": ""}, ["prompt", "1 to 4,000"]),
    ("generate_video", {"prompt": "   \n"}, ["prompt", "1 to 4,000"]),
    ("generate_video", {"prompt": "x" * 20_000}, ["prompt", "20,0", "1 to 4,000"]),
    ("generate_video", {"prompt": True}, ["prompt"]),
    ("generate_video", {"prompt": "x", "duration_s": "NaN"}, ["duration_s", "0.5", "20"]),
    ("generate_video", {"prompt": "x", "duration_s": 0.1}, ["duration_s", "0.5", "20"]),
    ("generate_video", {"prompt": "x", "duration_s": 1e308}, ["duration_s", "0.5", "20"]),
    ("generate_video", {"prompt": "x", "fps": 1000}, ["fps", "8", "60"]),
    ("generate_video", {"prompt": "x", "resolution": "99999p"}, ["resolution", "240p", "2160p"]),
    ("generate_video", {"prompt": "x", "aspect": "3:2"}, ["aspect", "16:9"]),
    ("generate_video", {"prompt": "x", "quality": "ultra"}, ["quality", "draft, final"]),
    ("generate_video", {"prompt": "x", "seed": -2}, ["seed", "0"]),
    ("generate_video", {"prompt": "x", "seed": 2**63}, ["seed"]),
    ("generate_video", {"prompt": "x", "seed": 1.5}, ["seed"]),
    ("generate_video", {"prompt": "x", "wait_s": -1}, ["wait_s"]),
    ("generate_video", {"prompt": "x", "width": 512, "steps": 3}, ["width", "steps", "arguments are prompt"]),
    ("generate_video", {"prompt": "x", "camera": "spin"}, ["camera", "dolly_in"]),
    ("generate_video", {"prompt": "x", "extend": "a", "retake": "b"}, ["extend and retake", "together"]),
    ("generate_video", {"prompt": "x", "loras": [{"name": "nothing"}]}, ["There is no LoRA 'nothing'"]),
    ("animate_image", {"prompt": "x", "image": "gone-aaaaaaaa@1"}, ["no clip"]),
    ("get_job", {"job_id": "job-000000000000"}, ["job-000000000000", "without an id"]),
    ("get_job", {"job_id": "../../etc/passwd"}, ["without an id"]),
    ("cancel_job", {}, ["job_id", "missing"]),
    ("cancel_job", {"job_id": "nothing"}, ["nothing"]),
    ("search_clips", {"limit": 0}, ["limit", "1 to 20"]),
    ("search_clips", {"limit": 21}, ["limit", "1 to 20"]),
    ("search_clips", {"query": "x" * 20_001}, ["query", "20,000"]),
    ("search_clips", {"created_after": "tomorrow"}, ["created_after"]),
    ("search_clips", {"clip": "no-such-clip-aaaaaaaa"}, ["no-such-clip"]),
    ("search_clips", {"image": "/etc/passwd"}, ["LTX_MCP_ROOTS"]),
]


@pytest.mark.parametrize(("tool", "arguments", "words"), BAD_CALLS, ids=lambda value: str(value)[:40])
async def test_a_bad_call_says_what_came_and_what_is_allowed(
    tmp_path: Path, tool: str, arguments: dict[str, Any], words: list[str]
) -> None:
    async with an_agent(tmp_path) as agent:
        result = await agent.call_tool(tool, arguments)
        said = text(result)
        assert result.is_error
        assert not [word for word in words if word not in said], said
        assert "pydantic" not in said
        assert "http" not in said
        assert len(said) < 1500
        assert data(await agent.call_tool("get_job", {}))["recent"] == [], "a call that was wrong leaves no job"


async def test_more_than_the_machine_can_make_is_refused_with_what_fits(tmp_path: Path, mode: str) -> None:
    small = StandInEngine(max_pixel_frames=448 * 256 * 50)
    async with an_agent(tmp_path, mode, small) as agent:
        result = await agent.call_tool("generate_video", {"prompt": "a red circle", "duration_s": 20})
        assert result.is_error
        assert "2 s at 240p" in text(result)
        assert data(await agent.call_tool("get_job", {}))["recent"][0]["status"] == "failed"


async def test_an_engine_that_breaks_fails_its_job_and_not_the_server(tmp_path: Path, mode: str) -> None:
    def broken(stage: Stage, step: int) -> None:
        if stage is Stage.DECODING and step == 3:
            raise ZeroDivisionError("a secret of the inside")

    async with an_agent(tmp_path, mode, StandInEngine(broken)) as agent:
        result = await agent.call_tool("generate_video", {"prompt": "a red circle", **SHORT})
        job = data(result)
        assert (job["status"], job["error"]["code"]) == ("failed", "render_failed")
        assert job["error"]["hint"]
        assert (await agent.list_tools()).tools
    assert not list((tmp_path / "staging").rglob("*.mp4"))


async def test_a_studio_that_cannot_open_says_why_and_opens_once_the_cause_is_gone(tmp_path: Path, mode: str) -> None:
    obstacle = tmp_path / "data"
    obstacle.write_text("not a folder")
    async with an_agent(obstacle, mode) as agent:
        failed = await agent.call_tool("generate_video", {"prompt": "a red circle", **SHORT})
        assert failed.is_error
        assert "LTX_MCP_DATA_DIR" in text(failed)
        obstacle.unlink()
        assert data(await agent.call_tool("generate_video", {"prompt": "a red circle", **SHORT}))["clip"]


# -- resources -------------------------------------------------------------------------------------------


async def test_capabilities_say_what_fits_and_how_long_it_takes(tmp_path: Path, mode: str) -> None:
    async with an_agent(tmp_path, mode) as agent:
        await agent.call_tool("generate_video", {"prompt": "a red circle", **SHORT})
        read = await agent.read_resource("ltx://capabilities")
        told = json.loads(read.contents[0].model_dump()["text"])
        read = await agent.read_resource("ltx://capabilities/240p")
        offers = json.loads(read.contents[0].model_dump()["text"])
        with pytest.raises(MCPError, match="240p, 480p"):
            await agent.read_resource("ltx://capabilities/9p")
        licence = json.loads((await agent.read_resource("ltx://licence")).contents[0].model_dump()["text"])
    draft = next(offer for offer in offers if (offer["resolution"], offer["quality"]) == ("240p", "draft"))
    assert draft["max_duration_s"] == 20
    assert draft["made_in_s"] > 0
    assert told["made_in_s"]["240p draft"] == draft["made_in_s"]
    assert told["sizes"]["2160p"] == "3840x2160"
    assert licence["code"] == "Apache-2.0"


async def test_a_prompt_that_cannot_be_given_says_why(tmp_path: Path, mode: str) -> None:
    async with an_agent(tmp_path, mode) as agent:
        with pytest.raises(MCPError, match="There is no prompt 'film'; the prompts are shot, storyboard"):
            await agent.get_prompt("film", {})
        with pytest.raises(MCPError, match="idea"):
            await agent.get_prompt("shot", {})


async def test_a_video_is_read_whole_or_in_parts(tmp_path: Path) -> None:
    async with an_agent(tmp_path) as agent:
        clip = data(await agent.call_tool("generate_video", {"prompt": "a red circle", **SHORT}))["clip"]
        video = f"clip://{clip['clip_id']}/video"
        for uri in (video, f"{video}/0"):
            [content] = (await agent.read_resource(uri)).contents
            assert isinstance(content, BlobResourceContents)
            assert base64.b64decode(content.blob) == Path(clip["path"]).read_bytes()
        for part in (-1, 1, "1e3", "0x1", 10**30):
            with pytest.raises(MCPError):
                await agent.read_resource(f"{video}/{part}")


@pytest.mark.parametrize("uri", ["clip://no-such-clip-aaaaaaaa", "clip://..%2F..%2Fetc/video", "clip://a%00b/sheet"])
async def test_an_unknown_clip_resource_is_a_protocol_error(tmp_path: Path, mode: str, uri: str) -> None:
    async with an_agent(tmp_path, mode) as agent:
        with pytest.raises(MCPError):
            await agent.read_resource(uri)

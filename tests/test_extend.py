"""extend, retake and then of generate_video, as an agent meets them."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
import numpy as np
import pytest
from agents import an_agent as agent_within
from agents import data, text, whole
from mcp import Client
from media_kit import film

from ltx_mcp.engine.stand_in import COLOURS, StandInEngine
from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.media.footage import open_footage, read_video
from ltx_mcp.media.probe import probe, read_frames
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.stages import Stage

pytestmark = pytest.mark.anyio

FAST = {"duration_s": 1, "quality": "draft", "wait_s": 100}
FPS, FRAMES, SIZE = 8.0, 48, (64, 48)
LIMIT_S = 120.0  # several clips in one test
TONE = (0.3 * np.sin(np.linspace(0, 4000, 288_000)))[None].astype(np.float32)


an_agent = partial(agent_within, limit_s=LIMIT_S, max_wait_s=LIMIT_S)


def a_video(folder: Path, frames: int = FRAMES) -> Path:
    """Six seconds of a pattern that moves, with a tone."""
    path, base = folder / "source.mp4", np.random.default_rng(1).integers(0, 200, (*SIZE[::-1], 3), dtype=np.uint8)
    with VideoWriter(path, *SIZE, FPS, frames, audio=TONE) as writer:
        for index in range(frames):
            writer.write(np.roll(base, index, axis=1))
    return path


async def imported(agent: Client, folder: Path, frames: int = FRAMES) -> dict[str, Any]:
    arguments = {"video": str(a_video(folder, frames)), "title": "a wall", "wait_s": 100}
    clip: dict[str, Any] = data(await agent.call_tool("import_video", arguments))["clip"]
    return clip


def frames_of(path: str | Path, frames: int = FRAMES) -> list[Frame]:
    return list(read_video(open_footage(Path(path), ""), *SIZE, FPS, frames))


def shows(clip: dict[str, Any], at_s: float, colour: str) -> bool:
    [(_, frame)] = read_frames(Path(clip["path"]), [at_s])
    return bool(np.abs(frame.reshape(-1, 3).mean(0) - COLOURS[colour]).max() < 25)


async def test_prompts_that_follow_each_other_become_one_clip_and_each_is_found_at_its_time(
    tmp_path: Path, mode: str
) -> None:
    ask = {"prompt": "a red screen", "then": ["a blue screen", "a green screen"], "fps": 8, "seed": 2**63 - 1}
    async with an_agent(tmp_path, mode) as agent:
        job = data(await agent.call_tool("generate_video", {**ask, **FAST, "duration_s": 2}))
        blue, green = [
            data(await agent.call_tool("search_clips", {"query": colour}))["moments"][0] for colour in ("blue", "green")
        ]
    clip, facts = job["clip"], probe(Path(job["clip"]["path"]))
    assert (facts.frames, facts.fps, facts.has_audio) == (48, 8, True)
    assert facts.audio_duration_s == pytest.approx(6, abs=1 / 48_000)
    assert (clip["kind"], clip["recipe"], clip.get("source"), clip["duration_s"]) == ("generated", "chain", None, 6)
    assert (clip["frames"], clip["seed"]) == (48, 2**63 - 1)
    assert job["effective"]["made_frames"] == 17 + 2 * 25, "nine frames of each later shot are the one before"
    assert all(shows(clip, at_s, colour) for at_s, colour in ((0.5, "red"), (3, "blue"), (5.5, "green")))
    assert 1.5 <= blue["start_s"] < blue["end_s"] <= 4.6
    assert 3.5 <= green["start_s"] < green["end_s"] <= 6
    assert "green" in whole(clip)["prompt"], "found by the words of every shot"


async def test_a_clip_is_continued_and_is_in_part_its_own_bytes(tmp_path: Path, mode: str) -> None:
    async with an_agent(tmp_path / "data", mode, roots=[tmp_path]) as agent:
        source = await imported(agent, tmp_path)
        ask = {"prompt": "a red screen", "extend": source["clip_id"], **FAST}
        job = data(await agent.call_tool("generate_video", ask))
        clip = job["clip"]
        again = data(await agent.call_tool("generate_video", {**ask, "extend": clip["clip_id"], "aspect": "4:3"}))
    facts = probe(Path(clip["path"]))
    assert (facts.width, facts.height, facts.fps, facts.frames) == (*SIZE, 8, FRAMES + 8)
    assert (clip["kind"], clip["recipe"], clip["source"]) == ("generated", "extend", source["clip_id"])
    assert clip["provenance"]["digital_source_type"].endswith("/compositeWithTrainedAlgorithmicMedia")
    assert b"Partly AI-generated video" in Path(clip["path"]).read_bytes()
    before, after = frames_of(source["path"]), frames_of(clip["path"], FRAMES + 8)
    assert all(map(np.array_equal, before[:32], after[:32])), "up to the last key frame before the join"
    assert max(np.abs(one - two.astype(float)).mean() for one, two in zip(before[32:40], after[32:40], strict=True)) < 6
    assert shows(clip, 6.5, "red")
    assert any("bit for bit" in note and "before 4.000 s" in note for note in job["effective"]["notes"])
    assert again["clip"]["frames"] == FRAMES + 16
    kept = again["clip"]["provenance"]["digital_source_type"]
    assert kept == clip["provenance"]["digital_source_type"], "what is in part a file's stays so"


async def test_a_video_file_is_continued_at_the_nearest_shape_with_its_audio(tmp_path: Path) -> None:
    bunny = film("bigbuckbunny.mp4")
    async with an_agent(tmp_path, roots=[bunny.parent]) as agent:
        ask = {"prompt": "a red screen", "extend": str(bunny), "resolution": "240p", "fps": 12, **FAST}
        job = data(await agent.call_tool("generate_video", ask))
    clip, facts = job["clip"], probe(Path(job["clip"]["path"]))
    assert (facts.width, facts.height, facts.fps, facts.frames) == (416, 240, 12, round(5.28 * 12) + 12)
    assert facts.audio_duration_s == pytest.approx(facts.duration_s, abs=1 / 48_000)
    assert (clip["source"], clip["recipe"]) == (str(bunny), "extend")
    assert clip["provenance"]["digital_source_type"].endswith("/compositeWithTrainedAlgorithmicMedia")
    assert shows(clip, 6, "red")
    assert any("ropped" in note for note in job["effective"]["notes"])


async def test_a_span_is_regenerated_and_the_rest_is_the_same_bit_for_bit(tmp_path: Path, mode: str) -> None:
    async with an_agent(tmp_path / "data", mode, roots=[tmp_path]) as agent:
        source = await imported(agent, tmp_path)
        span = f"{source['clip_id']}@2.5-3.4"
        job = data(await agent.call_tool("generate_video", {"prompt": "a blue screen", "retake": span, "wait_s": 100}))
    clip, facts = job["clip"], probe(Path(job["clip"]["path"]))
    assert (facts.width, facts.height, facts.fps, facts.frames) == (*SIZE, 8, FRAMES)
    assert facts.audio_duration_s == pytest.approx(6, abs=1 / 48_000)
    assert (clip["kind"], clip["recipe"], clip["source"]) == ("generated", "retake", span)
    before, after = frames_of(source["path"]), frames_of(clip["path"])
    kept = [np.array_equal(one, two) for one, two in zip(before, after, strict=True)]
    assert kept[:16] == [True] * 16
    assert kept[32:] == [True] * 16
    assert not any(kept[20:27])
    times_s = [time_s for time_s, _ in read_frames(Path(clip["path"]), [place / FPS for place in range(FRAMES)])]
    assert times_s == pytest.approx([place / FPS for place in range(FRAMES)], abs=1e-4)
    assert shows(clip, 3, "blue")


BAD: list[tuple[dict[str, Any], list[str]]] = [
    ({"extend": "{id}", "retake": "{id}@1-2"}, ["extend and retake", "second"]),
    ({"retake": "{id}@1-2", "then": ["x"]}, ["then adds shots", "Leave then out"]),
    ({"retake": "{id}@1-2", "duration_s": 2}, ["as long as the span", "Leave duration_s out"]),
    ({"retake": "{id}"}, ["names no span", "{id}@1-6"]),
    ({"retake": "{id}@2"}, ["names no span"]),
    ({"retake": "{id}@0-6"}, ["the whole clip", "leave retake out"]),
    ({"retake": "{id}@5-7"}, ["no frame at 7 s"]),
    ({"retake": "{file}"}, ["Only clips of the archive", "import_video"]),
    ({"extend": "{id}@2"}, ["one frame"]),
    ({"extend": "no-such-clip-aaaaaaaa"}, ["no-such-clip"]),
    ({"extend": "/etc/passwd"}, ["Files may come from"]),
    ({"extend": "{id}", "aspect": "9:16"}, ["aspect=4:3", "Leave aspect, resolution and fps out"]),
    ({"extend": "{id}", "resolution": "540p"}, ["resolution=240p"]),
    ({"retake": "{id}@1-2", "fps": 30}, ["fps=8"]),
    ({"extend": "{id}", "duration_s": 20}, ["20 s at once", "duration_s=18.8"]),
    ({"extend": "{id}", "duration_s": 15, "then": ["x"] * 4}, ["81.0 s", "duration_s of 10.8 fits"]),
    ({"duration_s": 20, "fps": 8, "then": ["x", "y", "z"]}, ["80.0 s", "60 s", "duration_s of 15 fits"]),
    ({"duration_s": 20, "then": ["x"]}, ["20 s at once", "duration_s=19.2"]),
    ({"then": ["x", ""]}, ["Then 2: ", "1 to 4,000 characters"]),
    ({"then": ["x"] * 31}, ["then", "30"]),
]


async def test_what_cannot_be_joined_is_refused_with_what_can(tmp_path: Path) -> None:
    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:
        clip_id = (await imported(agent, tmp_path))["clip_id"]
        places = {"id": clip_id, "file": str(tmp_path / "source.mp4")}
        for arguments, words in BAD:
            placed = {
                name: value.format(**places) if isinstance(value, str) else value for name, value in arguments.items()
            }
            result = await agent.call_tool("generate_video", {"prompt": "a red screen", **placed})
            assert result.is_error, arguments
            missing = [word for word in words if word.format(**places) not in text(result)]
            assert not missing, (arguments, text(result))
    assert not list((tmp_path / "data" / "staging").rglob("*.mp4"))


async def test_a_shot_that_does_not_fit_says_how_long_it_may_be_without_what_it_is_shown(tmp_path: Path) -> None:
    small = StandInEngine(max_pixel_frames=64 * 64 * 30)
    async with an_agent(tmp_path / "data", engine=small, roots=[tmp_path]) as agent:
        clip_id = (await imported(agent, tmp_path))["clip_id"]
        ask = {"prompt": "a red screen", "extend": clip_id, "quality": "draft", "wait_s": 100}
        refused = await agent.call_tool("generate_video", {**ask, "duration_s": 10})
        assert refused.is_error
        assert "At most 2 s at a time" in text(refused)
        assert data(await agent.call_tool("generate_video", {**ask, "duration_s": 2}))["clip"]["duration_s"] == 8


async def test_every_prompt_is_moderated_and_forgotten_if_refused(tmp_path: Path, mode: str) -> None:
    async with an_agent(tmp_path, mode) as agent:
        ask = {"prompt": "a red screen", "then": ["a blue screen", "hardcore porn"], **FAST}
        result = await agent.call_tool("generate_video", ask)
        recent = await agent.call_tool("get_job", {})
    assert (result.is_error, data(result)["status"]) == (True, "refused")
    assert "porn" not in result.model_dump_json() + recent.model_dump_json()
    assert b"hardcore porn" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert json.loads((tmp_path / "audit.jsonl").read_text())["verdict"] == "refused"


async def test_a_later_shot_that_may_not_be_shown_costs_the_whole_film(tmp_path: Path) -> None:
    async with an_agent(tmp_path) as agent:
        ask = {"prompt": "a red screen", "then": ["a magenta screen"], "fps": 8, **FAST}
        assert data(await agent.call_tool("generate_video", ask))["status"] == "refused"
    assert not list((tmp_path / "clips").iterdir())
    assert not list((tmp_path / "staging").rglob("*.*"))


async def test_a_cancel_in_the_second_shot_leaves_nothing(tmp_path: Path, mode: str) -> None:
    from gates import Gate

    gate, renders = Gate(Stage.DENOISING), 0

    def pause(stage: Stage, step: int) -> None:
        nonlocal renders
        renders += stage is Stage.DENOISING and step == 0
        if renders == 2:
            gate(stage, step)

    async with an_agent(tmp_path, mode, StandInEngine(pause)) as agent:
        ask = {"prompt": "a red screen", "then": ["a blue screen"], "fps": 8, **FAST, "wait_s": 0}
        job = data(await agent.call_tool("generate_video", ask))
        await gate.arrived()
        assert data(await agent.call_tool("cancel_job", {"job_id": job["job_id"]}))["status"] == "cancelled"
        gate.open()
        await anyio.to_thread.run_sync(lambda: None)
        assert data(await agent.call_tool("search_clips", {}))["total_clips"] == 0
    assert gate.passes == 1, "it went on after the cancel"
    assert not list((tmp_path / "clips").iterdir())
    assert not list((tmp_path / "staging").rglob("*.*"))

"""animate_image and restyle_video as an agent meets them: inputs named, moderated, used, and found by their source."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agents import SHORT, an_agent, data, text
from gates import Gate
from PIL import Image

from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.media.footage import open_footage, read_audio
from ltx_mcp.media.probe import probe, read_frames
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.stages import Stage

pytestmark = pytest.mark.anyio

TONE = (0.3 * np.sin(np.linspace(0, 2000, 96_000)))[None].astype(np.float32)


def an_image(folder: Path, colour: tuple[int, int, int], size: tuple[int, int] = (640, 360)) -> Path:
    path = folder / f"{'-'.join(map(str, colour))}.png"
    Image.new("RGB", size, colour).save(path)
    return path


def a_video(
    folder: Path, colour: tuple[int, int, int], frames: int = 40, fps: float = 20, with_audio: bool = True
) -> Path:
    path = folder / "source.mp4"
    with VideoWriter(path, 320, 180, fps, frames, audio=TONE if with_audio else None) as writer:
        for _ in range(frames):
            writer.write(np.full((180, 320, 3), colour, dtype=np.uint8))
    return path


def frames_of(clip: dict[str, Any], *times_s: float) -> list[Frame]:
    return [frame for _, frame in read_frames(Path(clip["path"]), times_s)]


def distance(frame: Frame, colour: tuple[int, int, int]) -> float:
    return float(np.abs(frame.astype(int) - colour).mean())


RED, GREEN, BLUE = (200, 30, 30), (30, 160, 60), (30, 60, 200)


async def test_a_clip_begins_ends_and_passes_where_its_images_say(tmp_path: Path, mode: str) -> None:
    images = [an_image(tmp_path, colour) for colour in (RED, GREEN, BLUE)]
    async with an_agent(tmp_path / "data", mode, roots=[tmp_path]) as agent:
        arguments = {
            "image": str(images[0]),
            "end_image": images[2].as_uri(),
            "keyframes": [{"image": str(images[1]), "at_s": 0.5}],
            "prompt": "the colour drifts",
            "duration_s": 1,
        }
        job = data(await agent.call_tool("animate_image", arguments))
    clip = job["clip"]
    assert (clip["kind"], clip["source"], clip["width"], clip["height"]) == ("animated", str(images[0]), 416, 240)
    first, between, middle, last = frames_of(clip, 0, 0.3, 0.5, 23 / 24)
    assert distance(first, RED) < 15
    assert distance(middle, GREEN) < 15
    assert distance(last, BLUE) < 15
    assert min(distance(between, colour) for colour in (RED, GREEN, BLUE)) > 30, "elsewhere it is the model's own"


async def test_the_shape_is_the_images_own_and_what_is_cropped_is_said(tmp_path: Path, mode: str) -> None:
    tall = an_image(tmp_path, RED, (300, 600))
    async with an_agent(tmp_path / "data", mode, roots=[tmp_path]) as agent:
        job = data(await agent.call_tool("animate_image", {"image": str(tall), "prompt": "it sways", **SHORT}))
        wide = {"image": str(tall), "prompt": "it sways", "aspect": "16:9", **SHORT}
        cropped = data(await agent.call_tool("animate_image", wide))
    assert (job["clip"]["width"], job["clip"]["height"]) == (240, 416)
    assert any("ropped" in note for note in cropped["effective"]["notes"])


async def test_a_moment_that_was_found_is_the_next_input(tmp_path: Path, mode: str) -> None:
    async with an_agent(tmp_path, mode) as agent:
        await agent.call_tool("generate_video", {"prompt": "a blue screen", "duration_s": 2, "quality": "draft"})
        found = data(await agent.call_tool("search_clips", {"query": "blue"}))["moments"][0]
        animated = data(
            await agent.call_tool("animate_image", {"image": found["ref"], "prompt": "it shimmers", **SHORT})
        )["clip"]
        restyled = data(await agent.call_tool("restyle_video", {"video": animated["clip_id"], "prompt": "in clay"}))
        kinds = data(await agent.call_tool("search_clips", {"kind": "restyled"}))["moments"]
    assert animated["source"] == found["ref"]
    assert distance(frames_of(animated, 0)[0], (40, 80, 220)) < 20
    assert restyled["clip"]["source"] == animated["clip_id"]
    assert [moment["clip_id"] for moment in kinds] == [restyled["clip"]["clip_id"]]


async def test_a_restyled_video_keeps_length_rate_shape_and_audio(tmp_path: Path, mode: str) -> None:
    video = a_video(tmp_path, GREEN)
    async with an_agent(tmp_path / "data", mode, roots=[tmp_path]) as agent:
        ask = {"video": str(video), "prompt": "a red ring in watercolour"}
        near, far = [
            data(await agent.call_tool("restyle_video", {**ask, "strength": strength})) for strength in (0.1, 0.9)
        ]
        new_audio = data(await agent.call_tool("restyle_video", {**ask, "keep_audio": False}))["clip"]
    clip = near["clip"]
    facts = probe(Path(clip["path"]))
    assert (facts.frames, facts.fps, facts.width, facts.height) == (40, 20, 416, 240)
    assert (clip["kind"], clip["recipe"]) == ("restyled", "repaint")
    assert any("epaint" in note for note in near["effective"]["notes"])
    assert distance(frames_of(clip, 1)[0], GREEN) < 25 < distance(frames_of(far["clip"], 1)[0], GREEN)
    kept, source, made = (
        read_audio(open_footage(path, "")) for path in (Path(clip["path"]), video, Path(new_audio["path"]))
    )
    assert kept is not None
    assert source is not None
    assert made is not None
    assert pitch(kept) == pytest.approx(pitch(source), rel=0.02)
    assert pitch(made) != pytest.approx(pitch(source), rel=0.02)


def pitch(audio: np.ndarray[Any, Any]) -> float:
    """The strongest frequency in Hz, at 48 kHz."""
    return float(np.abs(np.fft.rfft(audio[0])).argmax() * 48_000 / audio.shape[1])


async def test_a_span_is_cut_exactly(tmp_path: Path, mode: str) -> None:
    async with an_agent(tmp_path, mode) as agent:
        made = data(
            await agent.call_tool(
                "generate_video", {"prompt": "a red screen, then a blue screen", "duration_s": 2, "quality": "draft"}
            )
        )["clip"]
        span = {"video": f"{made['clip_id']}@1-1.75", "prompt": "in clay", "strength": 0}
        clip = data(await agent.call_tool("restyle_video", span))["clip"]
    assert clip["frames"] == 18
    assert distance(frames_of(clip, 0)[0], (40, 80, 220)) < 20


async def test_inputs_are_moderated_before_the_engine_sees_them(tmp_path: Path, mode: str) -> None:
    gate = Gate(Stage.LOADING)
    image, video = an_image(tmp_path, (255, 0, 255)), a_video(tmp_path, (255, 0, 255))
    async with an_agent(tmp_path / "data", mode, StandInEngine(gate), roots=[tmp_path]) as agent:
        for tool, arguments in (("animate_image", {"image": str(image)}), ("restyle_video", {"video": str(video)})):
            result = await agent.call_tool(tool, {**arguments, "prompt": "it glows"})
            assert result.is_error
            assert data(result)["status"] == "refused"
            assert "input" in data(result)["error"]["message"]
    assert gate.passes == 0
    assert not list((tmp_path / "data" / "clips").iterdir())


async def test_a_video_is_imported_whole_found_by_its_title_and_not_marked_as_generated(
    tmp_path: Path, mode: str
) -> None:
    gate = Gate(Stage.LOADING)
    video = a_video(tmp_path, GREEN, frames=30, fps=15)
    async with an_agent(tmp_path / "data", mode, StandInEngine(gate), roots=[tmp_path]) as agent:
        job = data(await agent.call_tool("import_video", {"video": str(video), "title": "a meadow in June"}))
        found = data(await agent.call_tool("search_clips", {"query": "june meadows", "kind": "imported"}))["moments"]
    clip = job["clip"]
    facts = probe(Path(clip["path"]))
    assert (facts.frames, facts.fps, facts.width, facts.height, facts.has_audio) == (30, 15, 320, 180, True)
    assert distance(frames_of(clip, 1)[0], GREEN) < 10
    assert (clip["kind"], clip.get("seed"), clip["source"]) == ("imported", None, str(video))
    assert "digital_source_type" not in clip["provenance"]
    assert b"AI-generated" not in Path(clip["path"]).read_bytes()
    assert [moment["clip_id"] for moment in found] == [clip["clip_id"]]
    assert gate.passes == 0, "the device was never asked"
    assert video.is_file()


async def test_an_import_that_shows_what_may_not_be_shown_is_refused_and_gone(tmp_path: Path, mode: str) -> None:
    video = a_video(tmp_path, (255, 0, 255))
    async with an_agent(tmp_path / "data", mode, roots=[tmp_path]) as agent:
        result = await agent.call_tool("import_video", {"video": str(video), "title": "a wall"})
        assert (result.is_error, data(result)["status"]) == (True, "refused")
        titled = await agent.call_tool("import_video", {"video": str(video), "title": "hardcore porn"})
        assert data(titled)["status"] == "refused"
    assert not list((tmp_path / "data" / "clips").iterdir())
    assert not list((tmp_path / "data" / "staging").rglob("*.mp4"))


BAD_CALLS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("animate_image", {"prompt": "x"}, ["image", "missing"]),
    ("animate_image", {"image": "no-such-clip-aaaaaaaa@1", "prompt": "x"}, ["no-such-clip"]),
    ("animate_image", {"image": "https://example.org/a.png", "prompt": "x"}, ["URLs are not fetched"]),
    ("animate_image", {"image": "{video}", "prompt": "x"}, ["image"]),
    ("animate_image", {"image": "{image}", "prompt": "x", "strength": 1.5}, ["strength", "0 to 1"]),
    (
        "animate_image",
        {"image": "{image}", "prompt": "x", "keyframes": [{"image": "{image}"}]},
        ["at_s", "missing"],
    ),
    (
        "animate_image",
        {"image": "{image}", "prompt": "x", "keyframes": [{"image": "{image}", "at_s": 9}]},
        ["keyframe at 9 s"],
    ),
    (
        "animate_image",
        {"image": "{image}", "prompt": "x", "keyframes": [{"image": "{image}", "at_s": 0}]},
        ["Two images", "0.00 s"],
    ),
    ("restyle_video", {"video": "{image}", "prompt": "x"}, ["image.png"]),
    ("restyle_video", {"video": "{video}", "prompt": "x", "mode": "magic"}, ["mode", "repaint"]),
    ("restyle_video", {"video": "/etc/passwd", "prompt": "x"}, ["Files may come from"]),
    ("import_video", {"video": "{video}", "title": "x" * 500}, ["title", "1 to 400"]),
    ("restyle_video", {"video": "{video}", "prompt": ""}, ["prompt", "1 to 4,000"]),
]


@pytest.mark.parametrize(("tool", "arguments", "words"), BAD_CALLS, ids=lambda value: str(value)[:50])
async def test_a_bad_input_says_what_came_and_what_to_do(
    tmp_path: Path, tool: str, arguments: dict[str, Any], words: list[str]
) -> None:
    image = an_image(tmp_path, RED).rename(tmp_path / "image.png")
    places = {"image": str(image), "video": str(a_video(tmp_path, RED))}

    def placed(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: placed(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [placed(inner) for inner in value]
        return value.format(**places) if isinstance(value, str) else value

    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:
        result = await agent.call_tool(tool, placed(arguments))
    assert result.is_error
    assert not [word for word in words if word not in text(result)], text(result)
    assert not list((tmp_path / "data" / "staging").rglob("*.mp4"))

"""Footage of any length is taken in where it is: watched whole, found by its moments, never copied, never changed."""

import json
import shutil
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from agents import an_agent, data, text
from media_kit import ffmpeg
from numpy.typing import NDArray
from PIL import Image

from ltx_mcp.cli.main import main
from ltx_mcp.compose import open_studio
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.errors import NotFound
from ltx_mcp.index.stand_in import COLOURS, ColourEmbedder
from ltx_mcp.jobs.record import Job
from ltx_mcp.media.audio import SAMPLE_RATE
from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.media.footage import open_footage, read_audio
from ltx_mcp.moderation.stand_in import MagentaClassifier
from ltx_mcp.settings import Settings
from ltx_mcp.studio.studio import Studio
from ltx_mcp.types import states
from ltx_mcp.types.clip_requests import ViewRequest
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.requests import ImportRequest
from ltx_mcp.types.searches import SearchRequest

pytestmark = pytest.mark.anyio

FPS = 4.0
MAGENTA = (255, 0, 255)


def write_film(
    path: Path,
    shots: Sequence[str | tuple[int, int, int]],
    shot_s: float = 2.0,
    audio: NDArray[np.float32] | None = None,
) -> Path:
    """A film of 64x48 that shows a plain colour in each shot."""
    each = round(shot_s * FPS)
    with VideoWriter(path, 64, 48, FPS, each * len(shots), audio=audio) as writer:
        for shot in shots:
            colour = COLOURS[shot] if isinstance(shot, str) else shot
            for _ in range(each):
                writer.write(np.full((48, 64, 3), colour, dtype=np.uint8))
    return path


@asynccontextmanager
async def a_studio(folder: Path) -> AsyncGenerator[Studio]:
    settings = Settings(data_dir=folder / "data", roots=(folder,))
    with anyio.fail_after(30):
        async with open_studio(
            settings,
            engine=StandInEngine(),
            classifier=MagentaClassifier(),
            embedder=ColourEmbedder(),
            heartbeat_s=0.02,
        ) as studio:
            yield studio


async def imported(studio: Studio, video: Path, title: str = "my film", copy_file: bool = False) -> Clip:
    async def ignore(job: Job) -> None:
        """Nobody watches."""

    job = await studio.start(ImportRequest(video=str(video), title=title, copy_file=copy_file))
    state = (await studio.jobs.wait(job.job_id, 30, ignore)).state
    assert isinstance(state, states.Succeeded), state
    return await studio.archive.clip(state.clip_id)


async def test_a_film_of_over_a_minute_stays_where_it_is_and_its_moments_are_found(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", ["red", "green", "blue", "green"], shot_s=16)
    before = film.read_bytes()
    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:
        done = await agent.call_tool("import_video", {"video": str(film), "title": "walls"})
        clip = data(done)["clip"]
        assert (clip["path"], clip["duration_s"], clip["in_place"]) == (str(film), 64.0, True)
        found = data(await agent.call_tool("search_clips", {"query": "blue"}))["moments"][0]
        assert (found["start_s"], found["end_s"], found["path"]) == (32.0, 48.0, str(film))
        seen = data(await agent.call_tool("view_clip", {"clip": clip["clip_id"]}))["clips"][0]
        assert seen["cuts_s"] == [16.0, 32.0, 48.0]
        moved = await agent.call_tool("animate_image", {"image": found["ref"], "prompt": "it moves", "duration_s": 0.5})
        assert data(moved)["status"] == "succeeded"
        assert data(await agent.call_tool("delete_clip", {"clip": clip["clip_id"]}))
    assert film.read_bytes() == before
    assert not list((tmp_path / "data" / "clips").glob(f"{clip['clip_id']}*"))


async def test_a_copy_of_long_footage_keeps_its_audio_in_time(tmp_path: Path) -> None:
    audio = np.zeros((2, 64 * SAMPLE_RATE), dtype=np.float32)
    audio[:, 63 * SAMPLE_RATE : 63 * SAMPLE_RATE + 4800] = 0.5 * np.sin(np.arange(4800) * 0.1)
    film = write_film(tmp_path / "film.mp4", ["red", "green"], shot_s=32, audio=audio)
    async with a_studio(tmp_path) as studio:
        clip = await imported(studio, film, copy_file=True)
    assert (clip.duration_s, clip.has_audio, clip.in_place) == (64.0, True, False)
    heard = read_audio(open_footage(clip.path, "copy", longest_s=70))
    assert heard is not None
    assert int(np.argmax(np.abs(heard[0]) > 0.1)) / SAMPLE_RATE == pytest.approx(63.0, abs=0.02)


async def test_the_same_file_is_the_same_clip_wherever_it_goes(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", ["red", "green"])
    async with a_studio(tmp_path) as studio:
        clip = await imported(studio, film)
        assert (await imported(studio, film, "another title")).clip_id == clip.clip_id
        copy = Path(shutil.copy(film, tmp_path / "copy.mp4"))
        assert (await imported(studio, copy)).path == film, "a copy beside it is the same footage"
        film.unlink()
        with pytest.raises(NotFound, match="is not there any more"):
            await studio.clips.view(ViewRequest(clip=clip.clip_id))
        assert (await studio.search(SearchRequest(query="green"))).moments, "it is found all the same"
        again = await imported(studio, copy)
        assert (again.clip_id, again.path) == (clip.clip_id, copy)
        await studio.clips.view(ViewRequest(clip=clip.clip_id))
        assert len(await studio.archive.clips()) == 1


async def test_a_file_that_was_changed_is_not_shown_as_what_was_moderated(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", ["red", "green"])
    async with a_studio(tmp_path) as studio:
        clip = await imported(studio, film)
        shown = await studio.archive.board((await studio.search(SearchRequest(query="green"))).moments)
        write_film(film, [MAGENTA, "green"])
        hidden = await studio.archive.board((await studio.search(SearchRequest(query="green"))).moments)
        assert hidden != shown
        for reference in (clip.clip_id, f"{clip.clip_id}@1", f"{clip.clip_id}@1-2"):
            with pytest.raises(NotFound, match=r"was changed since it was imported.*Import it"):
                await studio.clips.view(ViewRequest(clip=reference))


async def test_one_unsafe_frame_anywhere_refuses_it_and_leaves_the_file(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", ["red"] * 40 + [MAGENTA] + ["red"] * 40, shot_s=1.0)
    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:
        done = await agent.call_tool("import_video", {"video": str(film), "title": "walls"})
        assert data(done)["status"] == "refused"
        assert not data(await agent.call_tool("search_clips", {}))["moments"]
    assert film.exists()
    assert not list((tmp_path / "data" / "clips").iterdir())


async def test_an_index_that_is_lost_is_filled_again_from_the_file(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", ["red", "green", "blue"], shot_s=30)
    async with a_studio(tmp_path) as studio:
        await imported(studio, film)
        before = (await studio.search(SearchRequest(query="blue"))).moments[0]
    shutil.rmtree(tmp_path / "data" / "index")
    async with a_studio(tmp_path) as studio:
        report = await studio.archive.reconcile()
        assert not report.failed
        assert (await studio.search(SearchRequest(query="blue"))).moments[0] == before


async def test_footage_whose_folder_was_deleted_elsewhere_leaves_the_index(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", ["red", "green"])
    async with a_studio(tmp_path) as studio:
        clip = await imported(studio, film)
        shutil.rmtree(tmp_path / "data" / "clips" / clip.clip_id)
        assert not (await studio.search(SearchRequest(query="green"))).moments


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_folder_is_taken_in_once_with_what_cannot_be_read_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("DATA_DIR", str(tmp_path / "data")), ("MODEL", "stand-in"), ("EMBEDDER", "stand-in")):
        monkeypatch.setenv(f"LTX_MCP_{name}", value)
    folder = tmp_path / "trips"
    (folder / "2026" / ".thumbnails").mkdir(parents=True)
    one = write_film(folder / "beach_trip-01.mp4", ["red", "green"])
    two = write_film(folder / "2026" / "Snow.MP4", ["blue", "green"])
    write_film(folder / "2026" / ".thumbnails" / "small.mp4", ["red"])
    (folder / "broken.mov").write_bytes(b"no film at all")
    (folder / "notes.txt").write_text("packing list")

    code, first = told(capsys, "import", str(folder))
    assert (code, set(first["new"]), first["known"]) == (1, {str(one), str(two)}, {})
    assert list(first["skipped"]) == [str(folder / "broken.mov")]
    assert "cannot be read" in first["skipped"][str(folder / "broken.mov")]
    (folder / "broken.mov").unlink()

    three = write_film(folder / "third.mp4", ["green"])
    code, second = told(capsys, "import", str(folder))
    assert (code, list(second["new"]), second["known"]) == (0, [str(three)], first["new"])

    found = told(capsys, "search", "beach")[1]["moments"]
    assert [moment["title"] for moment in found] == ["beach trip 01"]
    code, copied = told(
        capsys, "import", str(write_film(tmp_path / "other.mp4", ["red"])), "--copy", "--title", "my kite"
    )
    copy = next(clip for clip in told(capsys, "clips")[1] if clip["clip_id"] in copied["new"].values())
    assert (copy["title"], Path(copy["path"]).is_relative_to(tmp_path / "data")) == ("my kite", True)


async def test_a_photo_is_found_beside_moments_and_used_as_an_image(tmp_path: Path) -> None:
    photo = tmp_path / "wall.png"
    Image.new("RGB", (96, 64), COLOURS["blue"]).save(photo)
    write_film(tmp_path / "film.mp4", ["red", "green"])
    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:
        copied = data(await agent.call_tool("import_video", {"video": str(photo)}))["clip"]
        assert (copied["kind"], copied["title"], copied["codec"]) == ("photo", "wall", "jpeg")
        assert Path(copied["path"]).is_relative_to(tmp_path / "data")
        await agent.call_tool("import_video", {"video": str(tmp_path / "film.mp4"), "title": "a film"})
        found = data(await agent.call_tool("search_clips", {"query": "blue"}))["moments"]
        assert [moment["ref"] for moment in found] == [copied["clip_id"]]
        for tool, arguments in (
            ("view_clip", {"clip": copied["clip_id"]}),
            ("animate_image", {"image": copied["clip_id"], "prompt": "it moves", "duration_s": 0.5}),
            ("edit_video", {"shots": [{"source": copied["clip_id"], "duration_s": 1}]}),
            ("import_video", {"video": str(photo)}),
        ):
            result = await agent.call_tool(tool, arguments)
            assert not result.is_error, result
        again = data(result)["clip"]["clip_id"]
        assert again == copied["clip_id"], "the same photo"
        refused = await agent.call_tool("restyle_video", {"video": copied["clip_id"], "prompt": "snow"})
        assert refused.is_error
        assert "is a photo" in text(refused)
        assert "animate_image" in text(refused)


async def test_a_photo_in_place_is_its_file(tmp_path: Path) -> None:
    photo = tmp_path / "wall.png"
    Image.new("RGB", (96, 64), COLOURS["blue"]).save(photo)
    async with a_studio(tmp_path) as studio:
        clip = await imported(studio, photo)
        assert (clip.kind, clip.path, clip.in_place) == ("photo", photo, True)
    shutil.rmtree(tmp_path / "data" / "index")
    async with a_studio(tmp_path) as studio:
        assert not (await studio.archive.reconcile()).failed
        assert (await studio.search(SearchRequest(query="blue"))).moments[0].clip_id == clip.clip_id


CUES = """1
00:00:01,000 --> 00:00:03,000
Leave the lighthouse burning tonight.

2
00:00:05,500 --> 00:00:07,000
She says goodbye
to the harbour.
"""


@pytest.mark.parametrize("inside", [False, True])
async def test_what_is_said_is_found_at_its_time(tmp_path: Path, inside: bool) -> None:
    film = write_film(tmp_path / "film.mp4", ["red", "green", "blue", "red"])
    (tmp_path / "film.en.srt").write_text(CUES, encoding="utf-8")
    if inside:
        whole = tmp_path / "whole.mkv"
        ffmpeg("-i", film, "-i", tmp_path / "film.en.srt", "-c", "copy", "-c:s", "srt", whole)
        film = whole
    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:
        done = await agent.call_tool("import_video", {"video": str(film), "title": "a walk"})
        assert "What is said was read from" in text(done)
        found = await agent.call_tool("search_clips", {"query": "where she says goodbye"})
        moment = data(found)["moments"][0]
        assert (moment["matched"], moment["said"]) == ("speech", "She says goodbye to the harbour.")
        assert (moment["start_s"], moment["end_s"]) == pytest.approx((5.5, 7.0), abs=0.05)
        assert moment["ref"].endswith("@5.5")
        assert 'says "She says goodbye to the harbour."' in text(found)
        assert not data(await agent.call_tool("search_clips", {"query": "a goodbye party for the astronauts"}))[
            "moments"
        ]
    shutil.rmtree(tmp_path / "data" / "index")
    async with a_studio(tmp_path) as studio:
        [again] = (await studio.search(SearchRequest(query="burning lighthouse"))).moments
        assert again.matched == "speech"
        assert again.start_s == pytest.approx(1.0, abs=0.05)


async def test_subtitles_that_cannot_be_read_are_told_and_cost_nothing(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", ["red", "green"])
    (tmp_path / "film.srt").write_text("no cue at all", encoding="utf-8")
    async with a_studio(tmp_path) as studio:
        clip = await imported(studio, film)
    assert any("could not be read" in note for note in clip.effective["notes"])

"""edit_video as an agent meets it: shots in, one moderated and searchable film out, and a change by its base."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agents import SHORT, an_agent, data, text, whole
from gates import Gate
from media_kit import ffmpeg, write_counting
from PIL import Image

from ltx_mcp.archive.library import Library
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.errors import MediaError
from ltx_mcp.jobs.process_lock import ProcessLock
from ltx_mcp.media.footage import open_footage, read_audio
from ltx_mcp.media.probe import probe, read_frames
from ltx_mcp.narration.stand_in import TONES_HZ, ToneNarrator
from ltx_mcp.preparation.edit import prepare_edit
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.stages import Stage
from ltx_mcp.types.timeline import EditRequest

COLOURS = {"red": (220, 40, 40), "green": (40, 180, 60), "blue": (40, 80, 220), "magenta": (255, 0, 255)}
SMALL = {"resolution": "240p", "fps": 10}


@pytest.fixture
def images(tmp_path: Path) -> dict[str, str]:
    """A still of each colour, by its name."""
    for name, colour in COLOURS.items():
        Image.new("RGB", (416, 240), colour).save(tmp_path / f"{name}.png")
    return {name: str(tmp_path / f"{name}.png") for name in COLOURS}


def a_tone(path: Path, seconds: float = 2, frequency: int = 300) -> str:
    ffmpeg("-f", "lavfi", "-i", f"sine={frequency}:d={seconds}", path)
    return str(path)


def level(path: str, start_s: float, end_s: float, frequency: float) -> float:
    """How strong a frequency is between two times, 0 where it is silent."""
    audio = read_audio(open_footage(Path(path), "film", (start_s, end_s)))
    assert audio is not None
    times_s = np.arange(audio.shape[1]) / 48_000
    return float(np.abs(np.mean(audio[0] * np.exp(-2j * np.pi * frequency * times_s))))


@pytest.mark.anyio
async def test_shots_become_one_film(tmp_path: Path, mode: str, images: dict[str, str]) -> None:
    async with an_agent(tmp_path / "data", mode, roots=[tmp_path]) as agent:
        clip_id = data(await agent.call_tool("generate_video", {"prompt": "a red circle", **SHORT}))["clip"]["clip_id"]
        shots: list[dict[str, Any]] = [
            {"source": f"{clip_id}@0-0.4"},
            {"source": images["green"], "duration_s": 1, "motion": "push_in"},
            {"source": images["blue"], "duration_s": 1, "transition": "dissolve", "transition_s": 0.2},
        ]
        result = await agent.call_tool("edit_video", {"shots": shots, "title": "Three colours", **SMALL})
        film = data(result)["clip"]
        found = data(await agent.call_tool("search_clips", {"query": "blue", "clip": film["clip_id"]}))["moments"]
        timeline = await agent.read_resource(f"clip://{film['clip_id']}/timeline")
        views = [
            data(await agent.call_tool("view_clip", {"clip": f"{film['clip_id']}{span}", "frames": 1}))["clips"][0]
            for span in ("", "@1-2")
        ]
    assert [view["cuts_s"] for view in views] == [[0.4, 1.2], [1.2]], "a dissolve is known by the film's timeline"
    assert (film["kind"], film["frames"], film["fps"], film.get("seed")) == ("edited", 22, 10, None)
    assert probe(Path(film["path"])).frames == 22
    assert [each["reference"] for each in film["sources"]] == [shot["source"] for shot in shots]
    assert film["sources"][0]["end_s"] == pytest.approx(0.4)
    assert [shot["start_s"] for shot in data(result)["effective"]["shots"]] == [0.0, 0.4, 1.2]
    assert film["provenance"]["digital_source_type"].endswith("/compositeWithTrainedAlgorithmicMedia")
    assert film["model"] == "stand-in"
    assert "Shots begin at 1: 0 s, 2: 0.4 s, 3: 1.2 s." in text(result)
    assert 1.2 <= found[0]["peak_s"] <= 2.2
    assert json.loads(timeline.contents[0].text)["OTIO_SCHEMA"].startswith("Timeline")  # type: ignore[union-attr]
    for place, name in ((4, "green"), (11, "green"), (14, "blue"), (21, "blue")):
        [(_, frame)] = read_frames(Path(film["path"]), [place / 10])
        assert np.abs(frame.astype(int) - COLOURS[name]).mean() < 12, place


@pytest.mark.anyio
async def test_a_title_stands_on_black_before_footage_of_any_shape(tmp_path: Path) -> None:
    Image.new("RGB", (240, 426), COLOURS["green"]).save(tmp_path / "tall.png")
    shots = [
        {"source": "black", "duration_s": 1, "title": "Before"},
        {"source": str(tmp_path / "tall.png"), "duration_s": 1, "transition": "dissolve", "transition_s": 0.2},
    ]
    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:
        film = data(await agent.call_tool("edit_video", {"shots": shots, "fps": 10}))["clip"]
        alone = data(await agent.call_tool("edit_video", {"shots": [{**shots[0], "duration_s": 0.2}]}))["clip"]
    assert (film["width"], film["height"]) == (240, 416), "black has no shape of its own"
    assert (alone["width"], alone["height"]) == (1280, 720)
    frames = [frame for _, frame in read_frames(Path(film["path"]), [0.4, 1.5])]
    assert frames[0].max() > 200
    assert (frames[0].max(axis=2) < 40).mean() > 0.8
    assert np.abs(frames[1].astype(int) - COLOURS["green"]).mean() < 12


@pytest.mark.anyio
async def test_one_shot_is_changed_by_the_films_base(tmp_path: Path, images: dict[str, str]) -> None:
    shots = [{"source": images[name], "duration_s": 1, "title": name} for name in ("red", "green", "blue")]
    said = [{"text": f"Shot {number}.", "shot": number} for number in (1, 2, 3)]
    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:
        film = {"shots": shots, "narration": said, "quality": "draft", **SMALL}
        proof = data(await agent.call_tool("edit_video", film))
        fewer = {"base": proof["clip"]["clip_id"], "changes": [{"shot": 2, "remove": True}], "quality": "draft"}
        without = data(await agent.call_tool("edit_video", fewer))
        arguments = {
            "base": proof["clip"]["clip_id"],
            "codec": "hevc",
            "changes": [{"shot": 2, "duration_s": 0.5, "title": ""}, {"shot": 3, "remove": True}],
            "title": "Shorter",
        }
        assert f"base={arguments['base']!r} makes the final" in proof["next"]
        final = data(await agent.call_tool("edit_video", arguments))
        lost = await agent.call_tool("edit_video", {"base": arguments["base"], "changes": [{"shot": 7}]})
    passages = [(each["text"], each["shot"]) for each in whole(without["clip"])["requested"]["narration"]]
    assert passages == [("Shot 1.", 1), ("Shot 3.", 2)], "narration stays with its shot"
    assert final["clip"]["frames"] == 15
    assert final["clip"]["codec"] == probe(Path(final["clip"]["path"])).codec == "hevc"
    assert final["clip"]["source"] == arguments["base"]
    assert whole(final["clip"])["requested"]["quality"] == "final"
    assert [shot.get("title") for shot in whole(final["clip"])["requested"]["shots"]] == ["red", None]
    assert lost.is_error
    assert "There is no shot 7 in base, which has 3" in text(lost)


@pytest.mark.anyio
async def test_the_voice_is_where_it_was_put_and_the_music_gives_way(tmp_path: Path, images: dict[str, str]) -> None:
    arguments = {
        "shots": [{"source": images["red"], "duration_s": 6}],
        "narration": [{"text": "One two three four five.", "at_s": 2}],
        "subtitles": {"from_narration": True, "burn_in": False},
        **SMALL,
    }
    music = {"source": a_tone(tmp_path / "m.wav", 1), "volume_db": -6, "fade_s": 0}
    async with an_agent(tmp_path / "data", roots=[tmp_path], limit_s=60) as agent:
        spoken = data(await agent.call_tool("edit_video", arguments))
        found = data(await agent.call_tool("search_clips", {"query": "three four"}))["moments"][0]
        assert (found["matched"], found["said"]) == ("speech", "One two three four five.")
        assert 2.0 <= found["start_s"] < found["end_s"] < 4.0, "where the voice says it"
        scored = data(await agent.call_tool("edit_video", {"base": spoken["clip"]["clip_id"], "music": music}))
        german = data(
            await agent.call_tool(
                "edit_video",
                {"base": spoken["clip"]["clip_id"], "narration": [{"text": "Eins.", "language": "de", "at_s": 1}]},
            )
        )
        heard = await agent.read_resource("ltx://capabilities")
    voices = json.loads(getattr(heard.contents[0], "text", "{}"))["voices"]
    assert [(each["language"], each["voices"], each["megabytes"]) for each in voices] == [
        ("en-US", ["tone"], 0),
        ("de-DE", ["ton"], 0),
    ]
    assert level(german["clip"]["path"], 1, 1.3, TONES_HZ["ton"]) > 0.05
    voice = TONES_HZ["tone"]
    path = spoken["clip"]["path"]
    assert level(path, 2.2, 3.3, voice) > 0.05
    assert max(level(path, 0, 1.9, voice), level(path, 3.8, 5.9, voice)) < 0.001
    path = scored["clip"]["path"]
    assert level(path, 2.4, 3.3, 300) < 0.5 * level(path, 0.2, 1.8, 300)
    assert abs(scored["effective"]["loudness"]["integrated_lufs"] + 14) <= 0.5
    assert scored["effective"]["loudness"]["true_peak_dbtp"] <= -1


@pytest.mark.anyio
async def test_a_films_progress_is_that_of_its_frames(tmp_path: Path, images: dict[str, str]) -> None:
    shares: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        if message and message.startswith("rendering"):
            shares.append(progress)

    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:
        film = {"shots": [{"source": images["red"], "duration_s": 20}], **SMALL}
        await agent.call_tool("edit_video", film, progress_callback=hear)
    assert min(shares) < 0.4
    assert max(shares) > 0.6
    assert shares == sorted(shares)


@pytest.mark.anyio
async def test_a_film_never_waits_for_the_device(tmp_path: Path, images: dict[str, str]) -> None:
    gate = Gate(Stage.DENOISING)
    async with an_agent(tmp_path / "data", engine=StandInEngine(pause=gate), roots=[tmp_path]) as agent:
        await agent.call_tool("generate_video", {"prompt": "a red circle", "wait_s": 0, **SHORT})
        await gate.arrived()
        film = data(await agent.call_tool("edit_video", {"shots": [{"source": images["red"], "duration_s": 0.5}]}))
        gate.open()
    assert film["status"] == "succeeded"


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"narration": [{"text": "Some words.", "shot": 9}]}, "Narration 1: there is no shot 9; the film has 2."),
        ({"narration": [{"text": "Ein langer deutscher Satz ist das.", "voice": "tone"}]}, "Narration 1: The text is"),
        (
            {"narration": [{"text": "Bonjour.", "language": "fr"}]},
            "Narration 1: The text is French and no installed voice speaks it.",
        ),
        ({"narration": [{"text": "Words.", "language": "ja-JP"}]}, "Narration 1: The text is in the language 'ja-JP'"),
        (
            {"narration": [{"text": "Words.", "language": "the best"}]},
            "Narration 1: language = 'the best' cannot be used",
        ),
        ({"narration": [{"text": "Some words.", "at_s": 30}]}, "Narration 1: it begins at 30 s, and the film ends at"),
        (
            {"narration": [{"text": "This is a plain sentence in the English language. " * 4}]},
            "Narration 1: it lasts 1",
        ),
        ({"titles": [{"text": "late", "at_s": 5}]}, "Title 1 begins at 5 s, and the film ends at 1.000 s."),
        ({"titles": [{"text": "\u1200\u1208", "at_s": 0}]}, "The title 1: No font on this machine can show"),
        ({"subtitles": {"text": "no cues"}}, "The subtitles"),
        ({"music": {"source": "{folder}/list.m3u"}}, "The music: "),
        ({"shots": [{"source": "{folder}/none.mp4"}]}, "Shot 1: "),
        ({"shots": [{"source": "{folder}/list.m3u"}]}, "can be read neither as a video nor as an image"),
        ({"shots": [{"source": "{folder}/red.png"}, {"source": "gone-film-3f9k2m7q"}]}, "Shot 2: There is no clip"),
        (
            {"narration": ["Hello."]},
            "Narration 1: 'Hello.' cannot be used: it must be an object with some of text, audio",
        ),
        ({"shots": []}, "film needs at least one shot"),
    ],
)
@pytest.mark.anyio
async def test_what_cannot_be_made_says_why(
    more: dict[str, Any], problem: str, tmp_path: Path, images: dict[str, str]
) -> None:
    (tmp_path / "list.m3u").write_text("#EXTM3U\n/etc/hostname\n")
    shots = [{"source": images["red"], "duration_s": 0.5}, {"source": images["blue"], "duration_s": 0.5}]
    arguments = json.loads(json.dumps({"shots": shots, **SMALL, **more}).replace("{folder}", str(tmp_path)))
    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:
        result = await agent.call_tool("edit_video", arguments)
    assert result.is_error
    assert problem in text(result)
    assert not list((tmp_path / "data" / "clips").glob("*"))


@pytest.mark.anyio
async def test_what_is_refused_names_its_shot(tmp_path: Path, images: dict[str, str]) -> None:
    plain = [{"source": images["red"], "duration_s": 0.2} for _ in range(8)]
    worded = [*plain[:6], {**plain[6], "title": "child pornography"}, plain[7]]
    shown = [*plain[:4], {**plain[4], "source": images["magenta"]}]
    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:
        by_words = await agent.call_tool("edit_video", {"shots": worded, **SMALL})
        by_frames = await agent.call_tool("edit_video", {"shots": shown, **SMALL})
    assert data(by_words)["status"] == data(by_frames)["status"] == "refused"
    assert "title of shot 7" in text(by_words)
    assert "Shot 5 was refused" in text(by_frames)
    assert not list((tmp_path / "data" / "clips").glob("*"))


@pytest.mark.anyio
async def test_a_subtitle_files_words_are_moderated_and_kept(tmp_path: Path, images: dict[str, str]) -> None:
    cue = "1\n00:00:00,000 --> 00:00:01,000\n{}\n"
    (tmp_path / "good.srt").write_text(cue.format("Hello."))
    (tmp_path / "bad.srt").write_text(cue.format("child pornography"))
    shots = [{"source": images["red"], "duration_s": 1}]
    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:
        jobs = [
            data(await agent.call_tool("edit_video", {"shots": shots, "subtitles": {"file": str(path)}, **SMALL}))
            for path in (tmp_path / "good.srt", tmp_path / "bad.srt")
        ]
    assert whole(jobs[0]["clip"])["requested"]["subtitles"]["text"] == cue.format("Hello.")
    assert jobs[1]["status"] == "refused"


def test_a_shot_that_is_deleted_before_the_render_is_named(tmp_path: Path) -> None:
    with ProcessLock(tmp_path / "data") as lock:
        inputs = Inputs(Library(tmp_path / "data", lock), [tmp_path])
        sources = [str(write_counting(tmp_path / f"{name}.mp4")) for name in "ab"]
        request = EditRequest.model_validate({"shots": [{"source": source} for source in sources]})
        job = prepare_edit(request, inputs, ToneNarrator())
        assert isinstance(job.shot, Plan)
        Path(sources[1]).unlink()
        rendering = job.gather(job.shot, Patient()).finished
        assert rendering is not None
        with pytest.raises(MediaError, match="Shot 2: "):
            list(rendering.frames)
        rendering.close()


class Patient:
    """A watch that never cancels."""

    def check(self) -> None: ...

    def stage(self, stage: Stage) -> None: ...

    def step(self, done: int, total: int) -> None: ...


@pytest.mark.anyio
async def test_a_clip_that_is_taken_in_again_stays_what_it_is(tmp_path: Path) -> None:
    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:
        made = data(await agent.call_tool("generate_video", {"prompt": "a red circle", **SHORT}))["clip"]
        copy = tmp_path / "copy.mp4"
        copy.write_bytes(Path(made["path"]).read_bytes())
        again = [
            data(await agent.call_tool("import_video", {"video": video, "title": "again"}))["clip"]
            for video in (f"{made['clip_id']}@0-0.3", made["path"], str(copy))
        ]
        cut = data(await agent.call_tool("edit_video", {"shots": [{"source": str(copy)}]}))["clip"]
        base = await agent.call_tool("edit_video", {"base": again[0]["clip_id"], "title": "new"})
    for clip in again:
        assert (clip["kind"], clip["model"], clip["source"]) == ("edited", made["model"], made["clip_id"])
        assert clip["provenance"]["digital_source_type"] == made["provenance"]["digital_source_type"]
    assert again[0]["sources"][0]["end_s"] == pytest.approx(0.3)
    assert cut["model"] == made["model"]
    assert cut["provenance"]["digital_source_type"].endswith("/compositeWithTrainedAlgorithmicMedia")
    assert "was not made by edit_video" in text(base)

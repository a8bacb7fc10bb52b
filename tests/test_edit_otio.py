"""Timelines as OpenTimelineIO: what we write we read back, and what others write is a film."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import opentimelineio as otio
import pytest
from edit_kit import plain, video
from media_kit import write_counting

from ltx_mcp.cli.command_table import CHANGE_EXAMPLE, FILM_EXAMPLE
from ltx_mcp.edit.film import FilmShot, lay_out
from ltx_mcp.edit.film_file import read_film_file
from ltx_mcp.edit.otio import read_timeline, write_timeline
from ltx_mcp.edit.otio_audio import MUSIC, PlacedAudio
from ltx_mcp.edit.sources import BLACK_STILL, Source
from ltx_mcp.errors import BadInput
from ltx_mcp.types.film_request import film_request
from ltx_mcp.types.timeline import EditRequest, Music

FPS = 24.0


@pytest.fixture
def asked(tmp_path: Path) -> EditRequest:
    """A film that uses every part of the request."""
    source = str(write_counting(tmp_path / "a.mp4"))
    return EditRequest.model_validate(
        {
            "title": "Everything",
            "shots": [
                {"source": source, "start_s": 0.5, "duration_s": 1.013, "title": "one", "volume_db": -6},
                {"source": source, "transition": "dissolve"},
                {"source": "still.png", "transition": "fade_black", "transition_s": 0.75, "motion": "push_in"},
                {"source": source, "speed": 2, "transition": "slide_left", "transition_s": 0.3},
            ],
            "titles": [{"text": "A title", "at_s": 1, "position": "top", "style": "caption"}],
            "subtitles": {"text": "1\n00:00:00,000 --> 00:00:01,000\nwords", "burn_in": False},
            "narration": [{"text": "Spoken.", "shot": 2}, {"audio": "/a.wav", "at_s": 3}],
            "music": {"source": "/m.mp3", "volume_db": -20, "loop": False},
            "aspect": "1:1",
            "resolution": "240p",
            "fps": 24,
            "fit": "blur",
            "quality": "draft",
        }
    )


def laid(request: EditRequest) -> tuple[FilmShot, ...]:
    sources = [plain(9) if shot.source == "still.png" else video(Path(shot.source)) for shot in request.shots]
    return lay_out(request.shots, sources, FPS)


def written(request: EditRequest) -> str:
    return write_timeline(request, laid(request), FPS, [f"file:///media/{each.source}" for each in request.shots])


def test_what_is_written_is_read_back_whole(asked: EditRequest, tmp_path: Path) -> None:
    assert film_request(read_timeline(written(asked), tmp_path)) == asked


def test_the_standard_fields_alone_say_where_each_shot_is(asked: EditRequest) -> None:
    timeline = otio.adapters.read_from_string(written(asked), "otio_json")
    [track] = timeline.video_tracks()
    shots = laid(asked)
    assert round(track.duration().to_frames()) == shots[-1].end
    starts = [track.range_of_child(clip).start_time.to_frames() for clip in track.find_clips()]
    assert starts == [shot.start + shot.lead_in // 2 for shot in shots]  # cuts stand in the middle of transitions


def test_what_another_editor_changed_counts(asked: EditRequest, tmp_path: Path) -> None:
    timeline = otio.adapters.read_from_string(written(asked), "otio_json")
    clip = next(iter(timeline.find_clips()))
    shown = clip.source_range
    clip.source_range = otio.opentime.TimeRange(shown.start_time, shown.duration + otio.opentime.RationalTime(6, FPS))
    changed = film_request(read_timeline(timeline.to_json_string(), tmp_path))
    assert changed.shots[0].duration_s == pytest.approx(laid(asked)[0].frames / FPS + 0.25)
    assert changed.shots[0].title == "one"
    assert changed.shots[1:] == asked.shots[1:]


def test_a_foreign_timeline_is_a_film(tmp_path: Path) -> None:
    (tmp_path / "b c.mp4").write_bytes(b"")
    track = otio.schema.Track(kind=otio.schema.TrackKind.Video)
    shown = otio.opentime.TimeRange(otio.opentime.RationalTime(10, 25), otio.opentime.RationalTime(50, 25))
    for url in ("file:///x/a%20b.mp4", "b%20c.mp4"):
        track.append(otio.schema.Clip("c", otio.schema.ExternalReference(url), shown))
    half = otio.opentime.RationalTime(5, 25)
    track.insert(1, otio.schema.Transition("t", otio.schema.TransitionTypes.SMPTE_Dissolve, half, half))
    timeline = otio.schema.Timeline("Foreign")
    timeline.tracks.append(track)
    path = tmp_path / "film.otio"
    path.write_text(timeline.to_json_string())
    request = read_film_file(path)
    assert request.title == "Foreign"
    assert [shot.source for shot in request.shots] == ["/x/a b.mp4", str(tmp_path / "b c.mp4")]
    assert [shot.start_s for shot in request.shots] == pytest.approx([0.4, 0.2])
    assert [shot.duration_s for shot in request.shots] == pytest.approx([2.2, 2.2])
    assert request.shots[1].transition == "dissolve"
    assert request.shots[1].transition_s == pytest.approx(0.4)


def test_json_and_otio_describe_the_same_film(asked: EditRequest, tmp_path: Path) -> None:
    (tmp_path / "film.otio").write_text(written(asked))
    (tmp_path / "film.json").write_text(asked.model_dump_json(exclude_none=True))
    assert read_film_file(tmp_path / "film.otio") == read_film_file(tmp_path / "film.json")


def test_the_films_that_the_command_shows_are_films(tmp_path: Path) -> None:
    for name, example in (("film", FILM_EXAMPLE), ("change", CHANGE_EXAMPLE)):
        (tmp_path / f"{name}.json").write_text(example)
    assert len(read_film_file(tmp_path / "film.json").shots) == 2
    assert read_film_file(tmp_path / "change.json").changes[0].duration_s == 3


def test_files_beside_a_film_need_no_path(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    film = {"shots": [{"source": "a.mp4"}, {"source": "some-clip-3f9k2m7q"}], "music": {"source": "none.mp3"}}
    (tmp_path / "film.json").write_text(json.dumps(film))
    request = read_film_file(tmp_path / "film.json")
    assert [shot.source for shot in request.shots] == [str(tmp_path / "a.mp4"), "some-clip-3f9k2m7q"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not valid JSON"),
        ("[]", "holds a list"),
        (
            '{"shots": [{"source": "a"}, {"source": "a", "speed": 9}]}',
            "Shot 2: speed = 9 cannot be used: it must be",
        ),
        ('{"OTIO_SCHEMA": "Gap.1"}', "not a Timeline"),
        ('{"OTIO_SCHEMA": 7}', "cannot be read as OpenTimelineIO"),
    ],
)
def test_what_is_not_a_film_says_why(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "film.json").write_text(text)
    with pytest.raises(BadInput, match=problem):
        read_film_file(tmp_path / "film.json")
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        read_film_file(tmp_path / "nothing.json")


def a_timeline(*tracks: otio.schema.Track) -> str:
    found = otio.schema.Timeline("t")
    found.tracks.extend(tracks)
    return str(found.to_json_string())


def a_track(*items: otio.core.Composable, kind: str = otio.schema.TrackKind.Video) -> otio.schema.Track:
    return otio.schema.Track(kind=kind, children=list(items))


def seconds(start: float, duration: float) -> otio.opentime.TimeRange:
    times = [otio.opentime.RationalTime(at * 25, 25) for at in (start, duration)]
    return otio.opentime.TimeRange(*times)


def a_clip(name: str, start: float = 0, duration: float = 2) -> otio.schema.Clip:
    return otio.schema.Clip(name, otio.schema.ExternalReference(f"file:///{name}"), seconds(start, duration))


def test_missing_media_nested_and_further_tracks_are_errors(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="Shot 2: its media is missing"):
        read_timeline(a_timeline(a_track(a_clip("a.mp4"), otio.schema.Clip("b"))), tmp_path)
    with pytest.raises(BadInput, match="Shot 1: a Stack cannot be shown"):
        read_timeline(a_timeline(a_track(otio.schema.Stack())), tmp_path)
    with pytest.raises(BadInput, match=r"It has 2 video tracks with clips; one is read\. Flatten"):
        read_timeline(a_timeline(a_track(a_clip("a.mp4")), a_track(a_clip("b.mp4"))), tmp_path)


def test_a_gap_is_black(tmp_path: Path) -> None:
    nothing, gap = [otio.schema.Gap(source_range=seconds(0, length)) for length in (0, 1.5)]
    text = a_timeline(a_track(nothing, a_clip("a.mp4"), gap, a_clip("b.mp4")))
    shots = film_request(read_timeline(text, tmp_path)).shots
    assert [shot.source for shot in shots] == ["/a.mp4", "black", "/b.mp4"]
    assert [shot.duration_s for shot in shots] == [2.0, 1.5, 2.0]


def test_times_of_a_camera_are_counted_from_its_files_beginning(tmp_path: Path) -> None:
    """Its clock is the file's own time: 10:00:00 is where the file begins."""
    filmed, photo, frozen = a_clip("a.mp4", 36_002), a_clip("b.JPG", 3_600), a_clip("c.mp4")
    for clip, begins in ((filmed, 36_000), (photo, 0)):
        clip.media_reference.available_range = seconds(begins, 60)
    shots = film_request(read_timeline(a_timeline(a_track(filmed, photo)), tmp_path)).shots
    assert [shot.start_s for shot in shots] == [2.0, None]
    frozen.effects.append(otio.schema.FreezeFrame())
    with pytest.raises(BadInput, match="Shot 1: a frozen frame of another editor"):
        read_timeline(a_timeline(a_track(frozen)), tmp_path)


def test_a_span_of_a_clip_that_another_editor_lengthens_is_of_the_whole_clip(tmp_path: Path) -> None:
    path = write_counting(tmp_path / "a.mp4")
    asked = EditRequest.model_validate(
        {"shots": [{"source": "red-ball-3f9k2m7q@0.5-1.5"}, {"source": "red-ball-3f9k2m7q@1.2", "duration_s": 1}]}
    )
    sources: list[Source] = [video(path, (0.5, 1.5)), plain(9)]
    text = write_timeline(asked, lay_out(asked.shots, sources, 10), 10, [f"file://{path}"] * 2)
    timeline = otio.adapters.read_from_string(text, "otio_json")
    span, frame = timeline.find_clips()
    assert isinstance(frame.effects[0], otio.schema.FreezeFrame)
    assert frame.source_range.start_time.to_seconds() == pytest.approx(1.2)
    assert film_request(read_timeline(text, tmp_path)) == asked
    span.source_range = seconds(0.2, 2)
    shots = film_request(read_timeline(timeline.to_json_string(), tmp_path)).shots
    assert (shots[0].source, shots[0].duration_s) == (str(path), 2)
    assert shots[0].start_s == pytest.approx(0.2)
    assert shots[1] == asked.shots[1]


def test_audio_of_another_editor_is_music_or_narration(tmp_path: Path) -> None:
    linked, music, voice = a_clip("a.mp4"), a_clip("m.mp3"), a_clip("v.wav", duration=1)
    pause = otio.schema.Gap(source_range=seconds(0, 0.8))
    audio = [a_track(*items, kind="Audio") for items in ((linked,), (music,), (pause, voice))]
    request = film_request(read_timeline(a_timeline(a_track(a_clip("a.mp4")), *audio), tmp_path))
    assert isinstance(request.music, Music)
    assert (request.music.source, request.music.loop) == ("/m.mp3", False)
    assert [(passage.audio, passage.at_s) for passage in request.narration] == [("/v.wav", 0.8)]
    trimmed = a_track(a_clip("m.mp3", start=3), kind="Audio")
    with pytest.raises(BadInput, match=r"The audio at 0\.00 s begins 3\.00 s into its file"):
        read_timeline(a_timeline(a_track(a_clip("a.mp4")), trimmed), tmp_path)


def a_random_film(rng: Random, videos: Iterable[str]) -> EditRequest:
    """Any film that can be laid out: shots of video, stills and black, transitions within them, audio of each kind."""
    shots: list[dict[str, Any]] = []
    for _ in range(rng.randint(1, 6)):
        shot: dict[str, Any] = {"source": rng.choice([*videos, "still.png", "black"])}
        shot["duration_s"] = round(rng.uniform(0.5, 1), rng.randint(1, 3))
        if shot["source"] in videos:
            shot |= {"start_s": round(rng.uniform(0, 0.4), 2), "speed": rng.choice([0.5, 1, 1.5, 2])}
            shot["volume_db"] = rng.choice([0, -6])
        else:
            shot["motion"] = rng.choice(["none", "push_in"])
        if rng.random() < 0.5:
            shot["transition"] = rng.choice(["dissolve", "fade_black", "wipe_left"])
            shot["transition_s"] = round(rng.uniform(0.05, 0.2), 3)
        shots.append(shot)
    spoken = [{"text": "Words."}, {"audio": "/v.wav", "at_s": 0.3}, {"audio": "/w.wav", "shot": 1}]
    film: dict[str, Any] = {
        "shots": shots,
        "fps": rng.choice([None, 24]),
        "quality": rng.choice(["draft", "final"]),
        "narration": rng.sample(spoken, rng.randint(0, 3)),
        "music": rng.choice([None, "none", {"source": "/m.mp3", "volume_db": -20}]),
        "titles": [{"text": "Title", "at_s": 0.1}][: rng.randint(0, 1)],
    }
    return EditRequest.model_validate(film)


def with_audio(asked: EditRequest, sources: Mapping[str, Source], fps: float) -> str:
    """The timeline of a film whose audio lies in files."""
    placed = [
        PlacedAudio(number, f"file://{passage.audio}", passage.at_s or 0.0, 0.2)
        for number, passage in enumerate(asked.narration, 1)
        if passage.audio
    ]
    if isinstance(asked.music, Music):
        placed.append(PlacedAudio(MUSIC, "file:///m.mp3", 0.0, 1.0))
    shots = lay_out(asked.shots, [sources[shot.source] for shot in asked.shots], fps)
    urls = [shot.source if shot.source == "black" else f"file://{shot.source}" for shot in asked.shots]
    return write_timeline(asked, shots, fps, urls, placed)


def changed(text: str, change: Callable[[otio.schema.Timeline], None]) -> dict[str, Any]:
    """What is read of a timeline once another editor has changed it."""
    timeline = otio.adapters.read_from_string(text, "otio_json")
    change(timeline)
    return read_timeline(timeline.to_json_string(), Path())


def without_audio(timeline: otio.schema.Timeline) -> None:
    for track in timeline.audio_tracks():
        timeline.tracks.remove(track)


def a_second_later(timeline: otio.schema.Timeline) -> None:
    for track in timeline.audio_tracks():
        track.insert(0, otio.schema.Gap(duration=otio.opentime.RationalTime(25, 25)))


def test_any_film_is_read_back_as_it_was_and_its_audio_as_it_was_changed(tmp_path: Path) -> None:
    videos = {str(path): video(path) for path in (write_counting(tmp_path / f"{name}.mp4") for name in "ab")}
    sources: dict[str, Source] = {**videos, "still.png": plain(9), "black": BLACK_STILL}
    for seed in range(150):
        rng = Random(seed)
        asked = a_random_film(rng, videos)
        text = with_audio(asked, sources, rng.choice([10.0, 24.0, 30000 / 1001, 60.0]))
        assert film_request(read_timeline(text, tmp_path)) == asked, seed
        silent = film_request(changed(text, without_audio))
        assert silent.music == ("none" if asked.music == "none" else None), seed
        assert [each.text for each in silent.narration] == [each.text for each in asked.narration if each.text], seed
        later = film_request(changed(text, a_second_later)).narration
        for before, after in zip(asked.narration, later, strict=True):
            assert before.text or after.at_s == pytest.approx((before.at_s or 0) + 1, abs=1e-3), seed

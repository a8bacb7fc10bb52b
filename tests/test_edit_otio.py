"""Timelines as OpenTimelineIO: what we write we read back, and what others write is a film."""

import json
from pathlib import Path

import opentimelineio as otio
import pytest
from edit_kit import plain, video
from media_kit import write_counting

from ltx_mcp.edit.film import FilmShot, lay_out
from ltx_mcp.edit.film_file import read_film_file
from ltx_mcp.edit.otio import read_timeline, write_timeline
from ltx_mcp.errors import BadInput
from ltx_mcp.types.film_request import film_request
from ltx_mcp.types.timeline import EditRequest

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


def test_gaps_and_missing_media_name_their_shot(tmp_path: Path) -> None:
    def timeline(*items: otio.core.Item) -> str:
        track = otio.schema.Track(kind=otio.schema.TrackKind.Video, children=list(items))
        found = otio.schema.Timeline("t")
        found.tracks.append(track)
        return str(found.to_json_string())

    there = otio.schema.Clip("a", otio.schema.ExternalReference("file:///a.mp4"))
    with pytest.raises(BadInput, match="Shot 2: its media is missing"):
        read_timeline(timeline(there, otio.schema.Clip("b")), tmp_path)
    gap = otio.schema.Gap(duration=otio.opentime.RationalTime(5, 25))
    with pytest.raises(BadInput, match="Shot 1: a Gap cannot be shown"):
        read_timeline(timeline(gap), tmp_path)

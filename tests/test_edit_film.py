"""Shots on a timeline: whole frames, no drift, and errors that name the shot."""

from pathlib import Path

import pytest
from edit_kit import a_film, plain, video
from media_kit import write_counting

from ltx_mcp.edit.film import lay_out, shot_audio, shot_times, source_uses
from ltx_mcp.edit.segments import segments
from ltx_mcp.errors import BadInput
from ltx_mcp.types.timeline import MAX_SHOTS, EditRequest, Shot

GREY = plain(100)


def test_lengths_do_not_drift() -> None:
    film = a_film(*[(GREY, {"duration_s": 0.33})] * 100, fps=24)
    assert film.frames == round(100 * 0.33 * 24)
    assert [shot.start for shot in film.shots[:4]] == [0, 8, 16, 24]  # 0, 7.92, 15.84, 23.76
    assert {shot.frames for shot in film.shots} == {7, 8}


def test_transitions_overlap_their_shots() -> None:
    film = a_film(
        (GREY, {"duration_s": 2}),
        (GREY, {"duration_s": 2, "transition": "dissolve", "transition_s": 0.4}),
        (GREY, {"duration_s": 1, "transition": "fade_black"}),
    )
    assert [(shot.start, shot.frames, shot.lead_in, shot.lead_out) for shot in film.shots] == [
        (0, 20, 0, 4),
        (16, 20, 4, 5),
        (31, 10, 5, 0),
    ]
    assert film.frames == 41


def test_the_frame_that_stands_for_a_shot_is_one_of_its_own() -> None:
    whole = {"duration_s": 0.5, "transition": "dissolve", "transition_s": 0.5}
    film = a_film((GREY, {"duration_s": 1}), (GREY, whole), (GREY, {"duration_s": 0.1}))
    assert [each.middle_frame for each in shot_times(film.shots, film.fps)] == [2, 7, 10]


def test_segments_are_the_whole_film() -> None:
    film = a_film(
        (GREY, {"duration_s": 1}),
        (GREY, {"duration_s": 0.8, "transition": "dissolve", "transition_s": 0.4}),
        (GREY, {"duration_s": 0.4, "transition": "wipe_left", "transition_s": 0.4}),
        (GREY, {"duration_s": 0.1}),
    )
    found = segments(film)
    assert [(each.start, each.frames, each.numbers) for each in found] == [
        (0, 6, (1,)),
        (6, 4, (1, 2)),
        (10, 4, (2, 3)),
        (14, 1, (4,)),
    ]
    assert sum(each.frames for each in found) == film.frames


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"duration_s": 0.01}, "Shot 2: 0.01 s is less than one frame at 10 fps."),
        ({"duration_s": 0.5, "transition": "dissolve", "transition_s": 0.8}, "Shot 2: its dissolve of 0.800 s is lon"),
        ({"duration_s": 9, "transition": "dissolve", "transition_s": 2}, "does not fit into shot 1, which has 1.000 s"),
        ({"duration_s": 1, "speed": 2}, "Shot 2: a still has no speed"),
    ],
)
def test_what_does_not_fit_names_its_shot(fields: dict[str, object], problem: str) -> None:
    with pytest.raises(BadInput) as caught:
        a_film((GREY, {"duration_s": 1}), (GREY, fields))
    assert problem in str(caught.value)


def test_transitions_of_one_frame_shots_are_refused_by_name() -> None:
    one_frame = {"duration_s": 0.1, "transition": "dissolve", "transition_s": 0.1}
    with pytest.raises(BadInput, match=r"Shot 3: .*shot 2, which has 0\.000 s left"):
        a_film(*[(GREY, one_frame)] * 30)


def test_a_source_that_is_too_short_is_refused(tmp_path: Path) -> None:
    counting = video(write_counting(tmp_path / "a.mp4"))  # 2.5 s
    with pytest.raises(BadInput, match=r"Shot 1: it is asked to last 3 s, and its source lasts 2\.500 s at speed 1"):
        a_film((counting, {"duration_s": 3}))
    with pytest.raises(BadInput, match=r"lasts 1\.250 s at speed 2"):
        a_film((counting, {"duration_s": 2, "speed": 2}))
    with pytest.raises(BadInput, match=r"start_s 4 is past its end"):
        a_film((counting, {"start_s": 4}))
    with pytest.raises(BadInput, match="motion push_in is for stills"):
        a_film((counting, {"motion": "push_in"}))


def test_what_was_used_and_where_it_stands(tmp_path: Path) -> None:
    counting = video(write_counting(tmp_path / "a.mp4"), (0.5, 2.5))
    film = a_film((counting, {"speed": 2}), (GREY, {"duration_s": 1, "transition": "dissolve"}))
    times = [(each.start_s, each.end_s, each.start_frame, each.frames) for each in shot_times(film.shots, film.fps)]
    assert times == [(0.0, 1.0, 0, 10), (0.5, 1.5, 5, 10)]
    assert [(use.start_s, use.end_s) for use in source_uses(film.shots, film.fps)] == [(0.5, 2.5), (None, None)]
    assert shot_audio(film.shots, film.fps) == ()


def test_a_request_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match="at least one shot"):
        EditRequest()
    with pytest.raises(ValueError, match="at most 100"):
        EditRequest(shots=(Shot(source="a"),) * (MAX_SHOTS + 1))
    with pytest.raises(ValueError, match="give base and leave shots out"):
        EditRequest.model_validate({"shots": [{"source": "a"}], "changes": [{"shot": 1}]})


def test_every_text_of_a_request_is_listed() -> None:
    request = EditRequest.model_validate(
        {
            "title": "name",
            "shots": [{"source": "a", "title": "over"}],
            "titles": [{"text": "card", "at_s": 0}],
            "narration": [{"text": "spoken"}],
            "subtitles": {"text": "1\n00:00:00,000 --> 00:00:01,000\nwritten"},
        }
    )
    assert [text for text in request.texts if "written" not in text] == ["name", "card", "over", "spoken"]
    assert "written" in request.texts[-1]


def test_lay_out_takes_one_source_a_shot() -> None:
    with pytest.raises(ValueError, match="zip"):
        lay_out([Shot(source="a")], [], 10)

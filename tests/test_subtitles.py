"""Subtitles: what SRT and WebVTT say, what is refused with its line, and the track that a player switches on."""

import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from media_kit import ffmpeg, write_counting
from typeset_kit import rendered

from ltx_mcp.errors import BadInput
from ltx_mcp.media.ffmpeg import FFmpeg
from ltx_mcp.types.film import TimedText
from ltx_mcp.typeset.fonts import FONTS
from ltx_mcp.typeset.subtitles import MAX_CUES, parse_subtitles, read_subtitles, soft_track, spoken_cues, write_srt
from ltx_mcp.typeset.titles import write_titles

SRT = """1
00:00:01,000 --> 00:00:02,500
Good <i>morning</i>,
ladies.

2
00:00:03,000 --> 00:00:04,000
{\\an8}And {\\b1}gentlemen &amp; all.
"""
VTT = """WEBVTT - a title

STYLE
::cue { color: red }

NOTE
a note --- with a dash

intro
00:01.000 --> 00:02.500 align:start position:10%
<v Ada>Good <b>morning</b>,
<00:00:01.500>ladies.

NOTE another

00:00:03.000 --> 00:00:04.000
And &lt;gentlemen&gt;.
"""


def cue(start_s: float, end_s: float, text: str) -> TimedText:
    return TimedText(text=text, start_s=start_s, end_s=end_s, style="subtitle")


def test_srt_gives_plain_texts_with_their_times() -> None:
    assert parse_subtitles(SRT) == (cue(1, 2.5, "Good morning,\nladies."), cue(3, 4, "And gentlemen & all."))


def test_webvtt_gives_the_same_without_notes_styles_and_names() -> None:
    assert parse_subtitles(VTT) == (cue(1, 2.5, "Good morning,\nladies."), cue(3, 4, "And <gentlemen>."))


@pytest.mark.parametrize("change", ["\ufeff{}", "\n\n{}"])
def test_marks_and_blank_lines_at_the_start_do_no_harm(change: str) -> None:
    assert parse_subtitles(
        change.format(SRT.replace("{", "{{").replace("}", "}}")).replace("{{", "{").replace("}}", "}")
    )


def test_carriage_returns_are_line_ends() -> None:
    assert parse_subtitles(SRT.replace("\n", "\r\n")) == parse_subtitles(SRT)


def test_cues_are_put_in_order_of_time() -> None:
    later, earlier = SRT.split("\n\n")
    assert [found.start_s for found in parse_subtitles(f"{earlier}\n\n{later}")] == [1, 3]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("utf-8", "naïve 夜"), ("utf-8-sig", "naïve 夜"), ("cp1252", "naïve “é”"), ("utf-16", "naïve 夜")],
)
def test_a_file_is_read_in_its_encoding(tmp_path: Path, encoding: str, text: str) -> None:
    path = tmp_path / "film.srt"
    path.write_bytes(f"1\n00:00:01,000 --> 00:00:02,000\n{text}\n".encode(encoding))
    assert read_subtitles(path) == (cue(1, 2, text),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no cue"),
        ("hello\nworld", "no cue"),
        ("1\n00:00:01,000 --> 00:00:xx,000\nhello", "line 2 is not a time span"),
        ("1\n00:00:01,000 --> 00:00:02,000\nhello\n\n2\n00:03 --> \nworld", "line 6 is not a time span"),
        ("1\n00:00:02,000 --> 00:00:01,000\nhello", "line 2 ends before it begins"),
        ("WEBVTT\n\n00:00:01,000 --> 00:00:02,000\nhello", "line 3 is not a time span"),
        ("1\n00:00:01,000 --> 00:00:02,000\nhello\n\n" * (MAX_CUES + 1), "10,001 cues"),
        ("x" * 2_000_001, "characters"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        parse_subtitles(text)
    assert caught.value.hint


def test_a_file_that_is_not_there_or_too_large_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_subtitles(tmp_path / "missing.srt")
    large = tmp_path / "large.srt"
    with large.open("wb") as file:
        file.truncate(9_000_000)
    with pytest.raises(BadInput, match="MB"):
        read_subtitles(large)


def test_ten_thousand_cues_are_read_and_set_in_time(tmp_path: Path) -> None:
    times = [f"{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}" for at in range(MAX_CUES + 1)]
    text = "".join(f"{n}\n{times[n]},000 --> {times[n + 1]},000\nLine {n}\n\n" for n in range(MAX_CUES))
    began = time.monotonic()
    cues = parse_subtitles(text)
    write_titles(tmp_path / "all.ass", cues, 640, 360)
    frame = rendered(tmp_path / "all.ass", FONTS, 640, 360, at_s=5.0)
    assert time.monotonic() - began < 60
    assert len(cues) == MAX_CUES
    assert (frame > 220).any()


def test_override_tags_of_a_subtitle_do_not_act(tmp_path: Path) -> None:
    hostile = "1\n00:00:00,000 --> 00:00:09,000\n{\\an8\\fs200\\p1}m 0 0 l 900 0 900 900{\\p0}\\N<font size=99>hi\n"
    write_titles(tmp_path / "a.ass", parse_subtitles(hostile), 640, 360)
    frame = rendered(tmp_path / "a.ass", FONTS, 640, 360)
    rows = np.flatnonzero((frame > 220).max(axis=1))
    assert rows.min() > 250, "a line at the bottom, not a drawing over the whole"


def test_a_soft_track_is_what_was_written(tmp_path: Path) -> None:
    film, srt, out = write_counting(tmp_path / "film.mp4"), tmp_path / "film.srt", tmp_path / "out.mp4"
    write_srt(srt, [cue(0.5, 1.5, "Good morning\n\n{\\an8}all"), cue(1.5, 2.0, "夜")])
    given, mapped = soft_track(srt, 1, "eng")
    with FFmpeg(["-i", str(film), *given, "-map", "0:v", "-c:v", "copy", *mapped, "-y", str(out)]) as run:
        run.finish(30)
    back = tmp_path / "back.srt"
    ffmpeg("-i", out, "-map", "0:s:0", back)
    found = read_subtitles(back)
    assert [text.text for text in found] == ["Good morning\n(/an8)all", "夜"]
    assert [(text.start_s, text.end_s) for text in found] == [(0.5, 1.5), (1.5, 2.0)]


def test_a_language_is_a_code_of_three_letters(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a language code"):
        soft_track(tmp_path / "film.srt", 1, "English -y /etc/passwd")


def test_spoken_sentences_become_cues_that_can_be_read() -> None:
    long = "This sentence has quite a lot of words. " * 6
    cues = spoken_cues([("Short.", 1.0, 2.0), (long, 2.5, 12.5), ("", 13, 14)])
    assert cues[0] == cue(1, 2, "Short.")
    assert len(cues) == 4
    assert max(len(text.text) for text in cues) <= 84
    assert " ".join(text.text for text in cues[1:]) == long.strip()
    assert cues[1].start_s == 2.5
    assert cues[-1].end_s == pytest.approx(12.5)
    assert all(one.end_s == other.start_s for one, other in pairwise(cues[1:]))

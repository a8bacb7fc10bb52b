"""What is read of a source: its streams, their times and rate, and one pass over its frames on the player's clock."""

from fractions import Fraction
from pathlib import Path

import pytest
from media_kit import ffmpeg
from source_kit import LAVFI, RECIPES, TEST, TONE, X264

from ltx_mcp.media.passes import frames_with_times
from ltx_mcp.media.probe import read_frames
from ltx_mcp.media.rates import frame_rate, grid_start
from ltx_mcp.media.read_source import read_source
from ltx_mcp.media.source import Source

SMALL = (32, 18)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Source]:
    folder = tmp_path_factory.mktemp("sources")
    return {name: read_source(make(folder)) for name, make in RECIPES.items()}


def test_every_kind_of_file_is_described(sources: dict[str, Source], subtests: pytest.Subtests) -> None:
    expected = {  # frames a second, size, interlaced, alpha, seconds
        "hlg": (30, (640, 360), False, False, 0.5),
        "late video": (30, (320, 180), False, False, 2.7),
        "late audio": (30, (320, 180), False, False, 2.7),
        "varying": (30, (320, 180), False, False, 3),
        "resting": (30, (320, 180), False, False, 6),
        "fragmented": (30, (640, 360), False, False, 2.03),
        "interlaced": (25, (720, 576), True, False, 2),
        "untagged": (30, (1280, 720), False, False, 2),
        "camcorder": (25, (720, 576), True, False, 2),
        "dvd": (25, (720, 576), False, False, 2),
        "windows media": (25, (720, 576), False, False, 2),
        "flash": (30, (640, 360), False, False, 2.03),
        "ogg": (30, (640, 360), False, False, 2),
        "alpha": (25, (320, 180), False, True, 2),
        "two tracks": (30, (640, 360), False, False, 2),
        "mono": (30, (640, 360), False, False, 2),
    }
    assert expected.keys() == sources.keys()
    for name, (fps, size, interlaced, alpha, seconds) in expected.items():
        with subtests.test(name):
            source = sources[name]
            assert (source.fps, source.video.size) == (fps, size)
            assert (source.video.interlaced, source.video.has_alpha) == (interlaced, alpha)
            assert source.end_s == pytest.approx(seconds, abs=0.03)
            assert source.is_whole


def test_one_pass_gives_each_frame_its_time_on_the_players_clock(sources: dict[str, Source]) -> None:
    for name, first_s, frames in (("late video", 0.7, 60), ("mono", 0, 60), ("camcorder", 0, 50), ("dvd", 0, 50)):
        times_s = [time_s for _, time_s in frames_with_times(sources[name], SMALL)]
        assert len(times_s) == frames, name
        assert times_s == pytest.approx([first_s + place / sources[name].fps for place in range(frames)], abs=0.001)


def test_a_pass_over_a_span_begins_with_what_is_on_screen_and_ends_with_the_span(sources: dict[str, Source]) -> None:
    for name in ("varying", "camcorder", "flash"):
        whole = [(time_s, int(frame.sum())) for frame, time_s in frames_with_times(sources[name], SMALL)]
        part = [(time_s, int(frame.sum())) for frame, time_s in frames_with_times(sources[name], SMALL, 1.0, 1.5)]
        begun = max(time_s for time_s, _ in whole if time_s <= 1.001)
        wanted = [each for each in whole if begun - 0.001 <= each[0] < 1.499]
        tail = part[-len(wanted) :]
        assert [total for _, total in tail] == [total for _, total in wanted], name
        assert [time_s for time_s, _ in tail] == pytest.approx([time_s for time_s, _ in wanted], abs=0.001)
        assert part[0][0] <= 1.0


def test_a_pass_takes_only_what_a_filter_chooses(sources: dict[str, Source]) -> None:
    times_s = [time_s for _, time_s in frames_with_times(sources["mono"], SMALL, select=["fps=2"])]
    assert times_s == pytest.approx([0, 0.5, 1, 1.5], abs=0.3)


def test_frames_at_times_are_those_of_the_pass(sources: dict[str, Source], subtests: pytest.Subtests) -> None:
    wanted_s = [0.0, 0.31, 1.0, 1.72, 9.0]
    for name in ("late video", "varying", "camcorder", "dvd", "windows media", "flash", "ogg"):
        with subtests.test(name):
            passed = [(time_s, int(frame.sum())) for frame, time_s in frames_with_times(sources[name], SMALL)]
            at_s = [max((t for t, _ in passed if t <= wanted + 0.001), default=passed[0][0]) for wanted in wanted_s]
            found = [(t, int(frame.sum())) for t, frame in read_frames(sources[name], wanted_s, max_side=SMALL[0])]
            assert [t for t, _ in found] == pytest.approx(sorted(set(at_s)), abs=0.001)


def test_tracks_are_told_apart_by_flag_language_and_title(tmp_path: Path) -> None:
    subtitle = tmp_path / "said.srt"
    subtitle.write_text("1\n00:00:00,000 --> 00:00:01,000\nhello\n")
    path = tmp_path / "film.mkv"
    ffmpeg(*LAVFI, TEST, *LAVFI, TONE, *LAVFI, TONE, "-i", subtitle, "-map", 0, "-map", 1, "-map", 2, "-map", 3,
           *X264, "-disposition:a:0", 0, "-disposition:a:1", "default", "-metadata:s:a:1", "language=ger",
           "-metadata:s:a:0", "title=Stream #0:9: Video: h264", "-metadata:s:s", "language=eng", path)  # fmt: skip
    source = read_source(path)
    assert source.audio is not None
    assert (source.audio.index, source.audio.language) == (2, "ger")
    assert [(track.index, track.title) for track in source.others("audio")] == [(1, "Stream #0:9: Video: h264")]
    assert [(track.index, track.codec, track.language) for track in source.texts] == [(3, "ass", "eng")]


RATES: dict[str, tuple[list[float], float, Fraction]] = {  # frame times, what the file says, what is right
    "constant": ([place / 24 for place in range(48)], 24, Fraction(24)),
    "a film's": ([place * 1.001 / 24 for place in range(480)], 24, Fraction(24000, 1001)),
    "in milliseconds": ([round(place / 60, 3) for place in range(120)], 0, Fraction(60)),
    "jitter": ([place / 30 + (place * 7 % 5 - 2) / 1000 for place in range(90)], 28.9, Fraction(30)),
    "dropped frames": ([place / 50 for place in range(100) if place % 9], 44.4, Fraction(50)),
    "a fast part": ([*(p / 30 for p in range(30)), *(1 + p / 10 for p in range(50))], 16, Fraction(30)),
    "one late frame": ([*(place / 25 for place in range(25)), 60], 1, Fraction(25)),
    "fast": ([place / 240 for place in range(480)], 240, Fraction(240)),
    "slow": ([place / 12 for place in range(24)], 12, Fraction(12)),
    "one frame": ([0.5], 25, Fraction(25)),
}


def test_the_commonest_interval_is_the_rate(subtests: pytest.Subtests) -> None:
    tick_s = Fraction(1, 90_000)
    for name, (times_s, declared, rate) in RATES.items():
        with subtests.test(name):
            ticks = sorted(round(time_s / tick_s) for time_s in times_s)
            assert frame_rate(ticks, tick_s, Fraction(declared).limit_denominator(1001))[0] == rate


def test_a_first_frame_that_is_shown_longer_does_not_move_the_grid() -> None:
    ticks = [0, 869, *(1381 + place * 512 for place in range(58))]  # as in a fragmented file: sound begins meanwhile
    start_s = grid_start(ticks, Fraction(1, 15_360), Fraction(30))
    assert start_s == pytest.approx((869 - 2 * 512) / 15_360, abs=1e-4)

"""What is read of a source: its streams, their times and rate, and one pass over its frames on the player's clock."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import edit_kit
import numpy as np
import pytest
from agents import an_agent, data
from media_kit import archive, ffmpeg
from paff import paff
from source_kit import CORNERS, LAVFI, RECIPES, TEST, TONE, X264, Shown, corner_colours, shown

from ltx_mcp.edit.sources import VideoSource
from ltx_mcp.media.footage import open_footage, read_audio, read_video
from ltx_mcp.media.passes import frames_with_times
from ltx_mcp.media.probe import read_frames
from ltx_mcp.media.rates import frame_rate, grid_start
from ltx_mcp.media.read_source import read_source
from ltx_mcp.media.source import Source
from ltx_mcp.preparation.import_file import prepare_import
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.moderated_frames import frames_to_moderate
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import ImportRequest

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


@pytest.mark.slow
def test_frames_at_times_are_those_of_the_pass(sources: dict[str, Source], subtests: pytest.Subtests) -> None:
    wanted_s = [0.0, 0.31, 1.0, 1.72, 9.0]
    for name in ("late video", "varying", "camcorder", "dvd", "windows media", "flash", "ogg"):
        with subtests.test(name):
            passed = [(time_s, int(frame.sum())) for frame, time_s in frames_with_times(sources[name], SMALL)]
            at_s = [max((t for t, _ in passed if t <= wanted + 0.001), default=passed[0][0]) for wanted in wanted_s]
            found = [(t, int(frame.sum())) for t, frame in read_frames(sources[name], wanted_s, max_side=SMALL[0])]
            assert [t for t, _ in found] == pytest.approx(sorted(set(at_s)), abs=0.001)


def test_packets_of_single_fields_are_not_taken_for_frames(tmp_path: Path) -> None:
    for name in ("fields.ts", "fields.mp4"):
        source = read_source(paff(tmp_path / name))
        video = source.video
        assert (source.fps, video.frames, video.interlaced, video.of_fields) == (25, 25, True, True)
        lights = [frame.mean() for frame in shown(source.path).frames]
        assert len(lights) == 25
        assert all(later - earlier > 5 for earlier, later in pairwise(lights)), "one frame each, none twice"
        at_s = [time_s for time_s, _ in read_frames(source, [0, 0.31, 0.5, 9])]
        assert at_s == pytest.approx([0, 0.28, 0.48, 0.96], abs=0.001)


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


@pytest.mark.parametrize("names", [("it.mkv", "it.ts"), pytest.param(("it.mp4", "it.flv"), marks=pytest.mark.slow)])
def test_a_long_film_is_known_by_its_first_minute_and_its_end(
    names: tuple[str, ...], tmp_path: Path, subtests: pytest.Subtests
) -> None:
    film = ("-f", "lavfi", "-i", "color=size=32x32:rate=5:duration=150", *LAVFI, "anullsrc=r=22050:cl=mono:d=151")
    for name in names:
        path = tmp_path / name
        ffmpeg(*film, *X264, "-bf", 0, "-g", 25, path)
        with subtests.test(name):
            source = read_source(path, until_s=1000)
            assert source.is_whole
            assert source.video.end_s == pytest.approx(150, abs=0.21)  # a frame, where sound begins a little before
            assert source.end_s == pytest.approx(151, abs=0.3)
            assert source.video.frames <= 61 * 5 + 1, "the packets between are not looked at"
            assert not read_source(path, until_s=100).is_whole


def test_of_a_long_film_that_was_cut_off_what_is_there_counts(tmp_path: Path) -> None:
    path = tmp_path / "it.mkv"
    ffmpeg(*LAVFI, "color=size=32x32:rate=5:duration=150", *X264, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    cut = read_source(path, until_s=1000)
    assert cut.is_whole
    assert 80 < cut.end_s < 120


# -- what becomes of it in a clip -------------------------------------------------------------------


@pytest.fixture(scope="module")
def clips(sources: dict[str, Source]) -> dict[str, Shown]:
    return {name: shown(source.path) for name, source in sources.items()}


@pytest.mark.anyio
async def test_an_import_holds_in_its_file_what_the_source_shows(
    sources: dict[str, Source], clips: dict[str, Shown], tmp_path: Path
) -> None:
    names = ("hlg", "late video")
    async with an_agent(tmp_path, roots=[sources["hlg"].path.parent], limit_s=100) as agent:
        calls = [{"video": str(sources[name].path), "title": name} for name in names]
        jobs = {call["title"]: data(await agent.call_tool("import_video", call)) for call in calls}
    for name, job in jobs.items():
        made, wanted = shown(Path(job["clip"]["path"])), clips[name]
        assert (made.fps, len(made.frames)) == (wanted.fps, len(wanted.frames)), name
        assert np.abs(made.middle().astype(int) - wanted.middle()).mean() < 3, name
        assert np.abs(made.audio - wanted.audio[:, : made.audio.shape[1]]).mean() < 0.005, name
        assert all(note in wanted.notes for note in job["effective"]["notes"]), name
        assert made.notes == "", "what was told of the source is over with it"


def test_all_readers_see_the_same_frames(sources: dict[str, Source], tmp_path: Path) -> None:
    for name in ("hlg", "untagged", "alpha"):
        footage = open_footage(sources[name].path, name)
        width, height = footage.width, footage.height
        one = edit_kit.a_film((VideoSource(footage), {"duration_s": 0.2}), fps=footage.fps, size=(width, height))
        seen = {
            "import, restyle, extend": next(iter(read_video(footage, width, height, footage.fps, 1))),
            "a long pass": next(frames_with_times(footage.source, (width, height)))[0],
            "moderation": next(iter(frames_to_moderate(footage).frames)),
            "edit": edit_kit.rendered(one, tmp_path / name)[0],
        }
        wanted = corner_colours(seen.pop("import, restyle, extend"))
        for reader, frame in seen.items():
            assert np.abs(corner_colours(frame) - wanted).max() <= 4, (name, reader)


def test_hdr_is_tone_mapped_and_red_and_white_stay_what_they_are(clips: dict[str, Shown]) -> None:
    red, green, blue, white = corner_colours(clips["hlg"].middle())
    assert red == pytest.approx((253, 0, 0), abs=15)
    assert green == pytest.approx((0, 253, 0), abs=15)
    assert blue == pytest.approx((0, 0, 253), abs=15)
    assert white == pytest.approx((255, 255, 255), abs=10)
    assert "HDR (HLG, BT.2020) was tone-mapped" in clips["hlg"].notes


def test_whichever_stream_is_late_all_sound_is_kept_at_its_time(clips: dict[str, Shown]) -> None:
    for name, heard_s, said in (("late video", (0.0, 2.0), "video begins 0.70 s after its audio"),
                                ("late audio", (0.7, 2.7), "audio begins 0.68 s after its video")):  # fmt: skip
        clip = clips[name]
        assert len(clip.frames) == 81
        assert clip.sounds_from_to() == pytest.approx(heard_s, abs=0.02)
        assert said in clip.notes
    moves = [place for place in range(1, 81) if differs(clips["late video"].frames, place)]
    assert moves[0] in (22, 23), "the first frame stays for 0.7 s"


def differs(frames: list[Frame], place: int) -> bool:
    return bool(np.abs(frames[place].astype(int) - frames[place - 1]).mean() > 0.1)


def test_the_motion_of_a_varying_rate_is_kept(clips: dict[str, Shown]) -> None:
    for name, seconds in (("varying", 3), ("resting", 6)):
        clip = clips[name]
        assert (clip.fps, len(clip.frames)) == (30, seconds * 30)
        assert all(differs(clip.frames, place) for place in range(1, 30))
        assert "varying intervals" in clip.notes
    assert [place for place in range(31, 180) if differs(clips["resting"].frames, place)] == [179]


def test_interlaced_fields_leave_no_comb(clips: dict[str, Shown]) -> None:
    for name in ("interlaced", "camcorder"):
        edges = [int(np.argmax(line > 128)) for line in clips[name].middle()[20:200, :, 1]]
        assert max(abs(a - b) for a, b in pairwise(edges)) <= 1, name
        assert "deinterlaced" in clips[name].notes


def test_untagged_hd_is_bt709(clips: dict[str, Shown]) -> None:
    assert np.abs(corner_colours(clips["untagged"].middle()) - CORNERS).max() <= 3
    assert "BT.709, as in HD" in clips["untagged"].notes


def test_old_containers_are_taken_whole(clips: dict[str, Shown], subtests: pytest.Subtests) -> None:
    for name, frames in (("camcorder", 50), ("dvd", 50), ("windows media", 50), ("flash", 61), ("ogg", 60)):
        with subtests.test(name):
            assert len(clips[name].frames) == frames
            assert clips[name].sounds_from_to() == pytest.approx((0, 2), abs=0.06)
    for name in ("flash", "ogg", "fragmented"):
        assert np.abs(corner_colours(clips[name].middle()) - CORNERS).max() <= 6, name


def test_transparent_parts_stand_on_white(clips: dict[str, Shown]) -> None:
    frame = clips["alpha"].middle()
    assert frame[5, 5].min() > 230
    assert frame[90, 160].astype(float) == pytest.approx((0, 255, 0), abs=40)
    assert "stands on white" in clips["alpha"].notes


def test_the_default_track_is_taken_silence_is_called_silent_and_the_others_are_named(
    clips: dict[str, Shown],
) -> None:
    assert np.abs(clips["two tracks"].audio).max() < 0.001
    assert "track 1, the default, was used; track 2 was left out" in clips["two tracks"].notes
    assert "Its audio is silent, and track 2 sounds." in clips["two tracks"].notes


def test_mono_is_as_loud_on_both_sides(clips: dict[str, Shown]) -> None:
    for channel in clips["mono"].audio:
        assert 20 * np.log10(np.sqrt((channel[:96_000] ** 2).mean()) / 0.0882) == pytest.approx(0, abs=0.2)
    assert "mono audio is on both channels" in clips["mono"].notes


CHANGED: dict[str, tuple[str, int, str, int, list[str]]] = {  # size, fps, layout, sample rate, what is told
    "2160p60.mp4": ("3840x2160", 60, "stereo", 48_000, ["3840x2160 became 1920x1080."]),
    "fast.mkv": ("64x36", 240, "mono", 44_100,
                 ["240 fps became 60.", "Its mono audio is on both channels.", "44.1 kHz became 48 kHz."]),
    "odd.mkv": ("67x36", 25, "5.1", 48_000,
                ["67x36 became 66x36: a line was cropped, because a clip's sides are even.", "5.1 became stereo."]),
}  # fmt: skip


def test_each_thing_that_an_import_changes_is_told_in_one_note(tmp_path: Path, subtests: pytest.Subtests) -> None:
    with archive(tmp_path / "data") as library:
        for name, (size, fps, layout, sample_rate, wanted) in CHANGED.items():
            path = tmp_path / name
            tone = "|".join(["0.2*sin(2000*t)"] * CHANNELS[layout])
            heard = f"aevalsrc='{tone}':c={layout}:s={sample_rate}:d=0.1"
            ffmpeg(*LAVFI, f"testsrc=s={size}:r={fps}:d=0.1", *LAVFI, heard, *X264[:4], "-pix_fmt", "yuv444p",
                   "-colorspace", "bt709", "-c:a", "flac", "-shortest", path)  # fmt: skip
            plan = prepare_import(ImportRequest(video=str(path)), Inputs(library, [tmp_path])).shot
            with subtests.test(name):
                assert isinstance(plan, Plan)
                assert list(plan.notes) == wanted


LEVELS: dict[str, tuple[str, int, tuple[float, float]]] = {  # layout, sounding channel, dB on the left and right
    "mono": ("mono", 0, (0, 0)),
    "left": ("stereo", 0, (0, -99)),
    "centre of 5.1": ("5.1", 2, (-3.01, -3.01)),
    "front of 5.1": ("5.1", 1, (-99, 0)),
    "low frequencies of 5.1": ("5.1", 3, (-99, -99)),
    "back of 5.1": ("5.1", 4, (-3.01, -99)),
    "side of 7.1": ("7.1", 7, (-99, -3.01)),
    "centre of 7.1": ("7.1", 2, (-3.01, -3.01)),
}
CHANNELS = {"mono": 1, "stereo": 2, "5.1": 6, "7.1": 8}


def test_every_layout_and_rate_becomes_stereo_by_the_standard_downmix(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    for place, (name, (layout, sounding, wanted_db)) in enumerate(LEVELS.items()):
        rate = (8_000, 22_050, 44_100, 96_000)[place % 4]
        tone = "|".join("0.2*sin(2*PI*440*t)" if each == sounding else "0" for each in range(CHANNELS[layout]))
        path = tmp_path / f"{place}.mkv"
        heard = f"aevalsrc='{tone}':c={layout}:s={rate}:d=0.5"
        coded = ("pcm_s16le", "pcm_f32le")[place % 2]  # the downmix of whole numbers would be turned down by its sum
        ffmpeg(*LAVFI, "color=size=32x32:rate=10:duration=0.5", *LAVFI, heard, "-c:v", "ffv1", "-c:a", coded, path)
        audio = read_audio(open_footage(path, name))
        assert audio is not None
        rms = np.sqrt((audio[:, 2400:21_600] ** 2).mean(axis=1))
        with subtests.test(name):
            assert audio.shape == (2, 24_000)
            for level_db, db in zip(20 * np.log10(np.maximum(rms, 1e-6) / (0.2 / np.sqrt(2))), wanted_db, strict=True):
                assert (level_db < -60) if db == -99 else level_db == pytest.approx(db, abs=0.1)

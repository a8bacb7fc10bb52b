"""Stretches of video: the right frame at every tick, cut exactly, at the asked size, with its own audio."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from media_kit import CLIP_FRAMES, ffmpeg, film, number, write_counting

from ltx_mcp.errors import MediaError
from ltx_mcp.media.footage import MAX_DURATION_S, open_footage, read_audio, read_video
from ltx_mcp.media.framing import fit


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """25 frames at 10 fps, three seconds of B-frames and one key frame in twenty."""
    return write_counting(tmp_path_factory.mktemp("film") / "counting.mp4")


def numbers(path: Path, fps: float, frames: int, span_s: tuple[float, float] | None = None) -> list[int]:
    return [number(frame) for frame in read_video(open_footage(path, "film", span_s), 64, 48, fps, frames)]


# -- what is found ----------------------------------------------------------------------------------


def test_a_real_film_is_described() -> None:
    found = open_footage(film("bigbuckbunny.mp4"), "bunny")
    assert (found.width, found.height, found.fps, found.has_audio) == (1280, 720, 25.0, True)
    assert (found.start_s, found.end_s) == (0.0, None)
    assert found.duration_s == pytest.approx(5.28, abs=0.001)


def test_pixels_that_are_not_square_are_shown_square() -> None:
    found = open_footage(film("carphone_pristine.mp4"), "carphone")  # stored as 176x144, its pixels 128:117
    assert (found.width, found.height) == (193, 144)
    assert found.fps == pytest.approx(30000 / 1001)


def test_a_span_is_what_was_asked(counting: Path) -> None:
    found = open_footage(counting, "film", (0.5, 1.7))
    assert (found.start_s, found.end_s) == (0.5, 1.7)
    assert found.duration_s == pytest.approx(1.2)


def test_a_span_beyond_the_end_ends_with_the_film(counting: Path) -> None:
    found = open_footage(counting, "film", (2.0, 9.0))
    assert found.end_s is None
    assert found.duration_s == pytest.approx(0.5)
    with pytest.raises(MediaError, match=r"ends after 2\.500 s"):
        open_footage(counting, "film", (2.5, 9.0))


def test_of_a_long_film_only_a_minute_is_used(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=size=32x32:rate=5:duration=90", "-pix_fmt", "yuv420p", path)
    found = open_footage(path, "film")
    assert (found.end_s, found.duration_s) == (MAX_DURATION_S, MAX_DURATION_S)


# -- frames -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fps", [5.0, 10.0, 12.0, 24.0, 25.0, 30000 / 1001, 50.0, 60.0])
@pytest.mark.parametrize("span_s", [None, (0.0, 2.5), (0.25, 1.0), (0.3, 0.9), (1.95, 2.45)])
def test_each_tick_shows_what_is_on_screen_then(counting: Path, fps: float, span_s: tuple[float, float] | None) -> None:
    start_s, end_s = span_s or (0.0, 2.5)
    frames = round((end_s - start_s) * fps)
    shown = [int((start_s + tick / fps) * 10 + 0.006) for tick in range(frames)]  # half a millisecond of grace
    assert numbers(counting, fps, frames, span_s) == shown


def test_nothing_after_a_spans_end_is_seen_and_its_last_frame_stays(counting: Path) -> None:
    assert numbers(counting, 10.0, 8, (0.5, 0.8)) == [5, 6, 7, 7, 7, 7, 7, 7]


def test_a_short_film_holds_its_last_frame(counting: Path) -> None:
    assert numbers(counting, 10.0, 30) == [*range(25), 24, 24, 24, 24, 24]


def test_repeated_frames_are_each_their_own(counting: Path) -> None:
    frames = list(read_video(open_footage(counting, "film", (0.0, 0.1)), 64, 48, 10.0, 3))
    frames[1][:] = 255
    assert [number(frame) for frame in frames[::2]] == [0, 0]


def test_a_time_printed_with_three_decimals_means_its_own_frame(tmp_path: Path) -> None:
    path = write_counting(tmp_path / "film.mp4", fps=24.0)
    assert numbers(path, 24.0, 3, (0.208, 0.333)) == [5, 6, 7]  # 5 / 24 is 0.20833, 8 / 24 is 0.33333
    assert numbers(path, 24.0, 3, (0.292, 0.417)) == [7, 8, 9]  # 7 / 24 is 0.29167, 10 / 24 is 0.41667


@pytest.mark.parametrize("suffix", ["mov", "mkv", "webm", "avi", "gif"])
def test_every_container_is_read_and_cut_alike(counting: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"film.{suffix}"
    ffmpeg("-i", counting, *(["-c", "copy"] if suffix in ("mov", "mkv") else ["-q:v", "1"]), path)
    assert numbers(path, 10.0, CLIP_FRAMES) == list(range(CLIP_FRAMES))
    assert numbers(path, 20.0, 6, (1.3, 1.6)) == [13, 13, 14, 14, 15, 15]


def test_a_variable_frame_rate_becomes_a_constant_one(counting: Path, tmp_path: Path) -> None:
    path = tmp_path / "varying.mp4"
    ffmpeg("-i", counting, "-vf", "select='lt(n,5)+not(mod(n,10))'", "-fps_mode", "vfr", "-crf", 5, path)
    assert numbers(path, 10.0, 22) == [0, 1, 2, 3, 4, 4, 4, 4, 4, 4, *[10] * 10, 20, 20]
    assert numbers(path, 10.0, 4, (1.7, 2.1)) == [10, 10, 10, 20]


def test_video_that_begins_late_begins_with_its_first_frame(counting: Path, tmp_path: Path) -> None:
    path = tmp_path / "late.mkv"
    tone = ("-f", "lavfi", "-i", "sine=duration=3")
    ffmpeg(*tone, "-itsoffset", 0.5, "-i", counting, "-map", "0:a", "-map", "1:v", "-c:v", "copy", path)
    assert numbers(path, 10.0, 8) == [0, 0, 0, 0, 0, 0, 1, 2]


def test_a_film_on_its_side_is_read_upright(counting: Path, tmp_path: Path) -> None:
    path = tmp_path / "phone.mp4"
    split = "geq=r='255*lt(X,32)':g=0:b=0"
    ffmpeg("-i", counting, "-vf", split, "-c:v", "libx264", tmp_path / "flat.mp4")
    ffmpeg("-display_rotation", 90, "-i", tmp_path / "flat.mp4", "-c", "copy", path)
    found = open_footage(path, "film")
    assert (found.width, found.height) == (48, 64)
    [frame] = read_video(found, 48, 64, 10.0, 1)
    top, bottom = frame[:28, :, 0].mean(), frame[36:, :, 0].mean()
    assert abs(top - bottom) > 200  # left and right have become top and bottom


def test_a_frame_is_covered_and_cropped_as_fit_says(tmp_path: Path) -> None:
    path = tmp_path / "ramp.mp4"
    ramp = "color=size=256x64:rate=5:duration=1,format=gray,geq=lum='X'"
    ffmpeg("-f", "lavfi", "-i", ramp, "-pix_fmt", "yuv444p", "-crf", 1, path)
    [frame] = read_video(open_footage(path, "film"), 96, 96, 5.0, 1)
    part = fit((256, 64), (96, 96))
    assert part.cropped == pytest.approx(0.75)
    columns = frame[48, :, 0].astype(float)  # brightness tells the column
    assert columns[0] == pytest.approx(part.left, abs=2)
    assert columns[-1] == pytest.approx(part.left + part.width, abs=2)


@pytest.mark.parametrize("size", [(416, 240), (240, 416), (64, 64), (34, 1000)])
def test_any_size_is_delivered_from_square_and_other_pixels(size: tuple[int, int]) -> None:
    for name in ("bikes.mp4", "carphone_pristine.mp4"):
        frames = list(read_video(open_footage(film(name), name, (1.0, 1.5)), *size, 24.0, 12))
        assert {frame.shape for frame in frames} == {(size[1], size[0], 3)}
        assert all(frame.dtype == np.uint8 and frame.flags.writeable for frame in frames)


def test_a_real_film_moves_at_its_own_pace() -> None:
    at_25 = list(read_video(open_footage(film("bikes.mp4"), "bikes", (4.0, 5.0)), 160, 68, 25.0, 25))
    at_50 = list(read_video(open_footage(film("bikes.mp4"), "bikes", (4.0, 5.0)), 160, 68, 50.0, 50))
    assert all((a == b).all() for a, b in zip(at_25, at_50[::2], strict=True))
    assert all((a == b).all() for a, b in zip(at_25, at_50[1::2], strict=True))
    assert np.abs(at_25[0].astype(int) - at_25[24]).mean() > 2


def test_a_minute_of_frames_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=30", "-pix_fmt", "yuv420p", path)
    found = open_footage(path, "film")
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_video(found, 320, 240, 20.0, 600))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 600
    assert peak < 20 * 320 * 240 * 3


# -- audio ------------------------------------------------------------------------------------------


def clicks(path: Path, at_s: tuple[float, ...], channels: str = "stereo", late_s: float = 0.0) -> Path:
    """A film of three seconds with a click of 10 ms at each of these times."""
    loud = "+".join(f"between(t,{time},{time}+0.01)" for time in at_s)
    source = f"aevalsrc='({loud})*sin(6000*t)':d=3:s=48000:c={channels}"
    if channels == "stereo":
        source = f"aevalsrc='({loud})*sin(6000*t)|0':d=3:s=48000"
    video = ("-f", "lavfi", "-i", "color=size=32x32:rate=10:duration=3")
    ffmpeg(*video, "-itsoffset", late_s, "-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", "-c:a", "flac", path)
    return path


def onsets(channel: np.ndarray[tuple[int], np.dtype[np.float32]], rate: int = 48_000) -> list[float]:
    loud = np.flatnonzero(np.abs(channel) > 0.1) / rate
    return [float(time) for time, before in zip(loud, [-1.0, *loud], strict=False) if time - before > 0.1]


def test_audio_is_cut_to_the_span_to_the_sample(tmp_path: Path) -> None:
    path = clicks(tmp_path / "film.mkv", (0.5, 1.2, 2.5))
    audio = read_audio(open_footage(path, "film", (1.0, 2.25)))
    assert audio is not None
    assert audio.shape == (2, 60_000)
    assert audio.dtype == np.float32
    assert onsets(audio[0]) == [pytest.approx(0.2, abs=0.001)]
    assert not audio[1].any()


def test_audio_that_begins_late_keeps_its_times(tmp_path: Path) -> None:
    path = clicks(tmp_path / "film.mkv", (0.5,), late_s=0.7)
    for span_s, at_s in ((None, 1.2), ((0.2, 2.0), 1.0), ((1.0, 2.0), 0.2)):
        audio = read_audio(open_footage(path, "film", span_s))
        assert audio is not None
        assert onsets(audio[0]) == [pytest.approx(at_s, abs=0.002)]


def test_audio_shorter_than_the_video_is_followed_by_silence(counting: Path, tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    ffmpeg("-i", counting, "-f", "lavfi", "-i", "sine=duration=1", "-c:v", "copy", "-c:a", "flac", path)
    audio = read_audio(open_footage(path, "film"))
    assert audio is not None
    assert audio.shape == (2, 120_000)
    assert np.abs(audio[:, 40_000:47_000]).max() > 0.05
    assert not audio[:, 48_100:].any()


def test_surround_sound_becomes_stereo_at_the_asked_rate() -> None:
    audio = read_audio(open_footage(film("bigbuckbunny.mp4"), "bunny", (1.0, 3.5)), sample_rate=16_000)
    assert audio is not None
    assert audio.shape == (2, 40_000)
    assert 0.01 < np.abs(audio).max() <= 1.0


def test_samples_that_are_no_numbers_or_too_loud_do_no_harm(counting: Path, tmp_path: Path) -> None:
    raw = np.full(96_000, np.nan, dtype="<f4")
    raw[1000:2000], raw[3000:4000] = np.inf, 7.0
    (tmp_path / "raw").write_bytes(raw.tobytes())
    path = tmp_path / "film.mkv"
    given = ("-f", "f32le", "-ar", 48_000, "-ch_layout", "mono", "-i", tmp_path / "raw")
    ffmpeg("-i", counting, *given, "-c:v", "copy", "-c:a", "pcm_f32le", path)
    audio = read_audio(open_footage(path, "film"))
    assert audio is not None
    assert np.isfinite(audio).all()
    assert np.abs(audio).max() <= 1.0


def test_a_silent_film_has_no_audio(counting: Path) -> None:
    found = open_footage(counting, "film")
    assert not found.has_audio
    assert read_audio(found) is None


def test_a_film_that_vanished_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    path = clicks(tmp_path / "film.mkv", (0.5,))
    found = open_footage(path, "film")
    path.unlink()
    for read in (lambda: list(read_video(found, 32, 32, 10.0, 3)), lambda: read_audio(found)):
        with pytest.raises(MediaError) as failure:
            read()
        assert failure.value.hint

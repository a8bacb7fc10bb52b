"""What view_clip looks at: the right frames with their times, small enough, and numbers that are true."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from media_kit import CLIP_FRAMES, ffmpeg, film, write_counting
from numpy.typing import NDArray
from PIL import Image

from ltx_mcp.errors import MediaError
from ltx_mcp.media.view import (
    MAX_VIEW_BYTES,
    SILENCE_DB,
    SILENCE_LUFS,
    Stretch,
    find_cuts,
    measure_loudness,
    spread,
    view_frames,
)
from ltx_mcp.types.clip_requests import MAX_VIEWED


def pixels(jpeg: bytes) -> NDArray[np.int64]:
    image = Image.open(BytesIO(jpeg))
    assert image.format == "JPEG"
    return np.asarray(image).astype(np.int64)


def stretch(path: Path, end_s: float, start_s: float = 0.0, has_audio: bool = False) -> Stretch:
    return Stretch(path, start_s, end_s, has_audio)


@pytest.fixture
def beeps(tmp_path: Path) -> Path:
    """Four seconds: two of black and silence with a full-scale sine in the second; white from 2.4 s on, red at 3 s."""
    path = tmp_path / "beeps.mp4"
    video = (
        "color=black:size=96x64:rate=25:duration=2.4[a];color=white:size=96x64:rate=25:duration=0.6[b];"
        "color=red:size=96x64:rate=25:duration=1[c];[a][b][c]concat=n=3,format=yuv420p[v];"
        "aevalsrc='if(between(t,1,2),0.5*sin(880*PI*t),0)':d=4:s=48000[s]"
    )
    ffmpeg("-filter_complex", video, "-map", "[v]", "-map", "[s]", "-c:a", "aac", path)
    return path


def test_frames_are_those_of_the_times(tmp_path: Path) -> None:
    path = write_counting(tmp_path / "film.mp4")
    page = pixels(view_frames([(stretch(path, 2.5), [0.2, 1.0, 2.0])]))
    shares = [float((np.abs(page - grey).max(axis=2) < 4).mean()) for grey in (20, 100, 200)]
    assert shares[1:] == pytest.approx([shares[0]] * 2, rel=0.05)
    assert min(shares) > 0.15


def test_a_single_frame_is_shown_whole_and_not_shrunk(tmp_path: Path) -> None:
    path = film("bigbuckbunny.mp4")
    page = pixels(view_frames([(stretch(path, 5), [1.0])], "medium"))
    assert page.shape[1] >= 1280
    assert page.shape[0] >= 720


def test_the_time_stands_beside_each_frame(tmp_path: Path) -> None:
    path = write_counting(tmp_path / "film.mp4")
    first, again, other = (
        pixels(view_frames([(Stretch(path, 0, 2.5, False, label), [1.0])])) for label in ("", "", "clip-a @")
    )
    assert (first == again).all()
    assert np.abs(first - other).max() > 100
    assert (first[-20:] > 200).any(), "light ink under the frame"


def test_several_clips_stand_on_one_page(tmp_path: Path) -> None:
    one, other = write_counting(tmp_path / "a.mp4"), film("bikes.mp4")
    page = pixels(view_frames([(stretch(one, 2.5), [0.5, 1.5]), (stretch(other, 10), [2.0])]))
    assert page.shape[1] <= 1280


@pytest.mark.slow
@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_sixteen_frames_of_noise_stay_under_the_limit(tmp_path: Path, size: str) -> None:
    path = tmp_path / "noise.mp4"
    ffmpeg("-f", "lavfi", "-i", "nullsrc=s=1280x720:r=8:d=2,geq=random(1)*255:128:128", "-crf", "10", path)
    jpeg = view_frames([(stretch(path, 2), spread(0, 2, MAX_VIEWED))], size)  # type: ignore[arg-type]
    assert len(jpeg) < MAX_VIEW_BYTES
    assert len(view_frames([(stretch(path, 2), [1.0])], size)) < MAX_VIEW_BYTES  # type: ignore[arg-type]


@pytest.mark.parametrize("times_s", [[], [0.1] * 17])
def test_no_frames_or_too_many_are_an_error(tmp_path: Path, times_s: list[float]) -> None:
    with pytest.raises(MediaError, match="1 to 16"):
        view_frames([(stretch(write_counting(tmp_path / "film.mp4"), 2.5), times_s)])


@pytest.mark.parametrize("count", [1, 2, 7, 16])
def test_times_are_spread_over_the_stretch(count: int) -> None:
    times_s = spread(2.0, 4.0, count)
    assert len(times_s) == count
    assert 2.0 < times_s[0] <= times_s[-1] < 4.0
    assert np.diff(times_s) == pytest.approx([2.0 / count] * (count - 1))


def test_loudness_is_told_for_each_second(beeps: Path) -> None:
    loudness = measure_loudness(stretch(beeps, 4, has_audio=True))
    assert loudness is not None
    silent, loud, *rest = loudness.per_second_db
    assert loud == pytest.approx(-9.0, abs=0.5), "a sine of half the full scale"
    assert max(silent, *rest) < -50
    assert len(loudness.per_second_db) == 4
    assert -20 < loudness.integrated_lufs < -3


def test_loudness_of_a_span_is_of_the_span_alone(beeps: Path) -> None:
    loudness = measure_loudness(stretch(beeps, 2.0, start_s=1.0, has_audio=True))
    assert loudness is not None
    assert list(loudness.per_second_db) == pytest.approx([-9.0], abs=0.5)


def test_silence_is_a_number_and_no_audio_is_none(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=s=64x64:d=1", "-f", "lavfi", "-i", "anullsrc", "-shortest", path)
    loudness = measure_loudness(stretch(path, 1, has_audio=True))
    assert loudness is not None
    assert loudness.integrated_lufs == SILENCE_LUFS
    assert set(loudness.per_second_db) == {SILENCE_DB}
    assert measure_loudness(stretch(write_counting(tmp_path / "film.mp4"), CLIP_FRAMES / 10)) is None


def test_cuts_are_found_at_their_frames(beeps: Path) -> None:
    assert find_cuts(stretch(beeps, 4)) == pytest.approx((2.4, 3.0), abs=0.001)
    assert find_cuts(stretch(beeps, 4, start_s=2.8)) == pytest.approx((3.0,), abs=0.021)


def test_a_film_without_a_cut_has_none() -> None:
    assert find_cuts(stretch(film("bigbuckbunny.mp4"), 5.3)) == ()

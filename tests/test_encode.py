"""The writer: exactly the promised frames and samples are in the file, or there is no file."""

import os
import re
import subprocess
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray

from ltx_mcp.errors import Cancelled, MediaError
from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.media.ffmpeg import FFmpeg
from ltx_mcp.media.probe import probe, read_frames
from ltx_mcp.types.codecs import Codec

WIDTH, HEIGHT = 64, 48


def flat(colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.full((HEIGHT, WIDTH, 3), colour, dtype=np.uint8)


def film(path: Path, frames: Iterable[NDArray[np.uint8]], promised: int, **options: Any) -> None:
    """Write `frames` as a 24 fps clip of WIDTH x HEIGHT, as the studio does."""
    with VideoWriter(path, WIDTH, HEIGHT, 24, promised, **options) as writer:
        for frame in frames:
            writer.write(frame)


def noise(frames: int) -> Iterator[NDArray[np.uint8]]:
    random = np.random.default_rng(0)
    for _ in range(frames):
        yield random.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def tone(seconds: float, channels: int = 2, rate: int = 48_000) -> NDArray[np.float32]:
    wave = np.sin(np.arange(round(seconds * rate)) * 440 * 2 * np.pi / rate).astype(np.float32)
    return np.stack([wave] * channels)


def loudness(path: Path) -> NDArray[np.float32]:
    """The audio as (samples,) float32 mono at 48 kHz, decoded."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-ac", "1", "-f", "f32le", "pipe:1"]
    return np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, dtype=np.float32)


def described(path: Path) -> str:
    """What ffmpeg says of the file to a person."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(path)]
    return subprocess.run(command, check=False, capture_output=True, text=True).stderr


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize(("fps", "frames"), [(24.0, 13), (29.97, 30), (8.0, 1), (60.0, 33)])
def test_exactly_the_written_frames_are_in_the_file(tmp_path: Path, codec: Codec, fps: float, frames: int) -> None:
    with VideoWriter(tmp_path / "clip.mp4", WIDTH, HEIGHT, fps, frames, codec=codec) as writer:
        for index in range(frames):
            writer.write(flat((index * 3, 0, 0)))
    found = probe(tmp_path / "clip.mp4")
    assert (found.width, found.height, found.frames, found.codec) == (WIDTH, HEIGHT, frames, codec)
    assert found.fps == pytest.approx(fps)
    assert not found.has_audio


@pytest.mark.parametrize(("seconds", "channels"), [(0.2, 2), (1.0, 2), (3.0, 2), (1.0, 1), (0.0, 2)])
def test_audio_is_padded_or_trimmed_to_the_length_of_the_video(tmp_path: Path, seconds: float, channels: int) -> None:
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, WIDTH, HEIGHT, 24, 24, audio=tone(seconds, channels)) as writer:
        for _ in range(24):
            writer.write(flat((0, 90, 0)))
    found = probe(path)
    assert found.audio_codec == "aac"
    assert found.audio_duration_s == pytest.approx(found.duration_s, abs=1 / 48_000)
    audio = np.abs(loudness(path))
    heard = round(min(seconds, 1.0) * 48_000)
    assert audio.size == 48_000
    assert heard == 0 or audio[: heard - 2400].max() > 0.9
    assert heard > 45_000 or audio[heard + 2400 :].max() < 0.01, "what was padded must be silent"
    assert sorted(tmp_path.iterdir()) == [path], "the temporary audio is gone"


def test_audio_of_another_rate_keeps_its_length_and_is_delivered_at_48_khz(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, WIDTH, HEIGHT, 24, 24, audio=tone(1.0, rate=24_000), sample_rate=24_000) as writer:
        for _ in range(24):
            writer.write(flat((0, 90, 0)))
    assert "48000 Hz, stereo" in described(path)
    assert probe(path).audio_duration_s == pytest.approx(1.0, abs=0.002)


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (120, 90, 200)])
def test_colours_survive_and_are_tagged_bt709(tmp_path: Path, colour: tuple[int, int, int]) -> None:
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, WIDTH, HEIGHT, 24, 2) as writer:
        writer.write(flat(colour))
        writer.write(flat(colour))
    [(_, frame)] = read_frames(path, [0.0])
    assert np.abs(frame.astype(int) - colour).max() <= 3
    assert "yuv420p(tv, bt709," in described(path)


def test_the_file_starts_with_its_index_and_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    words = {"comment": "AI-generated video.\nModel: micro\x00.", "title": "Ein Schloß = schön; $(true)"}
    with VideoWriter(path, WIDTH, HEIGHT, 24, 2, codec="hevc", metadata=words) as writer:
        writer.write(flat((1, 2, 3)))
        writer.write(flat((3, 2, 1)))
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "faststart"
    assert b"hvc1" in content
    text = described(path)
    assert "AI-generated video. Model: micro ." in text
    assert words["title"] in text


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_the_same_frames_give_the_same_bytes(tmp_path: Path, codec: Codec) -> None:
    files = [tmp_path / f"{name}.mp4" for name in ("one", "two", "three")]
    for path in files:
        film(path, noise(60), 60, codec=codec, audio=tone(2.5))
    assert len({path.read_bytes() for path in files}) == 1


def test_noise_the_worst_case_stays_small(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, 416, 240, 24, 120) as writer:
        for _ in range(120):
            writer.write(random.integers(0, 256, (240, 416, 3), dtype=np.uint8))
    assert path.stat().st_size < 1_500_000


def test_audio_that_comes_after_the_last_frame_is_the_same_as_audio_that_was_there_before(tmp_path: Path) -> None:
    before, after = tmp_path / "before.mp4", tmp_path / "after.mp4"
    film(before, noise(24), 24, audio=tone(0.8))
    with VideoWriter(after, WIDTH, HEIGHT, 24, 24) as writer:
        for frame in noise(24):
            writer.write(frame)
        writer.add_audio(tone(0.8))
    assert after.read_bytes() == before.read_bytes()
    assert sorted(tmp_path.iterdir()) == [after, before]


@pytest.mark.parametrize(("seconds", "channels", "rate"), [(0.8, 2, 48_000), (1.7, 1, 48_000), (0.8, 2, 24_000)])
def test_audio_from_a_file_of_samples_is_the_same_as_from_memory(
    tmp_path: Path, seconds: float, channels: int, rate: int
) -> None:
    held, filed, raw = tmp_path / "held.mp4", tmp_path / "filed.mp4", tmp_path / "raw"
    audio = np.float32(1.2) * tone(seconds, channels, rate)  # a little too loud
    raw.write_bytes(audio.T.astype("<f4").tobytes())
    film(held, noise(24), 24, audio=audio, sample_rate=rate)
    with VideoWriter(filed, WIDTH, HEIGHT, 24, 24) as writer:
        for frame in noise(24):
            writer.write(frame)
        writer.add_audio_file(raw, rate, channels)
    assert filed.read_bytes() == held.read_bytes()
    assert sorted(tmp_path.iterdir()) == [filed, held, raw]


def test_a_file_of_samples_is_never_held_whole(tmp_path: Path) -> None:
    """46 MB of samples for a clip of twelve frames, half of them in the file and half padded."""
    raw, clip, seconds = tmp_path / "raw", tmp_path / "clip.mp4", 120
    with raw.open("wb") as file:
        file.truncate(seconds // 2 * 48_000 * 2 * 4)  # a sparse file: silence
    with VideoWriter(clip, WIDTH, HEIGHT, 0.1, 12) as writer:
        for frame in noise(12):
            writer.write(frame)
        tracemalloc.start()
        writer.add_audio_file(raw)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert most < 8 * 2**20
    assert probe(clip).audio_duration_s == pytest.approx(seconds, abs=0.001)


@pytest.mark.parametrize(
    ("content", "channels", "words"),
    [
        (b"1234", 2, "ends within a sample"),
        (np.full(8, np.inf, "<f4").tobytes(), 2, "not numbers"),
        (bytes(24), 3, "3 channels"),
        (None, 2, "No such file"),
    ],
)
def test_a_file_that_is_not_samples_is_refused(
    tmp_path: Path, content: bytes | None, channels: int, words: str
) -> None:
    raw = tmp_path / "raw"
    if content is not None:
        raw.write_bytes(content)
    with VideoWriter(tmp_path / "clip.mp4", WIDTH, HEIGHT, 24, 1) as writer:
        writer.write(flat((0, 90, 0)))
        with pytest.raises(MediaError, match=words):
            writer.add_audio_file(raw, channels=channels)
    assert not probe(tmp_path / "clip.mp4").has_audio


@pytest.mark.parametrize(("codec", "fps", "every"), [("h264", 24.0, 48), ("hevc", 24.0, 48), ("h264", 8.5, 17)])
def test_key_frames_stand_at_the_same_frames_whatever_is_shown(
    tmp_path: Path, codec: Codec, fps: float, every: int
) -> None:
    """Cuts at odd places would draw other key frames."""
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, WIDTH, HEIGHT, fps, 110, codec=codec) as writer:
        for index in range(110):
            writer.write(flat(((index // 13) * 30, 255 - (index // 13) * 30, 90)))
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", path, "-c", "copy", "-f", "framecrc", "-"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    packets = [line.split(",") for line in listed if line[0] != "#"]
    keys = [int(fields[2]) // int(fields[3]) for fields in packets if len(fields) == 6]
    assert keys == list(range(0, 110, every))


def test_a_frame_from_a_strided_view_is_written_as_it_looks(tmp_path: Path) -> None:
    wide = np.zeros((HEIGHT, WIDTH * 2, 3), dtype=np.uint8)
    wide[:, WIDTH:] = (250, 10, 10)
    with VideoWriter(tmp_path / "clip.mp4", WIDTH, HEIGHT, 24, 1) as writer:
        writer.write(wide[:, WIDTH:])
    [(_, frame)] = read_frames(tmp_path / "clip.mp4", [0.0])
    assert frame[..., 0].min() > 240


@pytest.mark.parametrize("written", [0, 2, 4])
def test_a_count_that_was_not_promised_is_an_error_and_leaves_no_file(tmp_path: Path, written: int) -> None:
    with pytest.raises(MediaError, match="promised"):
        film(tmp_path / "clip.mp4", noise(written), promised=3, audio=tone(1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((WIDTH, HEIGHT, 3), dtype=np.uint8),
        np.zeros((HEIGHT, WIDTH), dtype=np.uint8),
        np.zeros((HEIGHT, WIDTH, 4), dtype=np.uint8),
        np.zeros((HEIGHT, WIDTH, 3), dtype=np.float32),
    ],
)
def test_a_wrong_frame_is_an_error_and_leaves_no_file(tmp_path: Path, frame: NDArray[np.uint8]) -> None:
    with pytest.raises(MediaError, match=re.escape("(48, 64, 3) uint8 was promised")):
        film(tmp_path / "clip.mp4", [frame], promised=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("interruption", [Cancelled(), KeyboardInterrupt(), ValueError("of the caller")])
def test_an_exception_in_the_body_passes_and_leaves_nothing(tmp_path: Path, interruption: BaseException) -> None:
    def frames() -> Iterator[NDArray[np.uint8]]:
        yield from noise(50)
        raise interruption

    with pytest.raises(type(interruption)):
        film(tmp_path / "clip.mp4", frames(), promised=100, audio=tone(1))
    assert list(tmp_path.iterdir()) == []
    assert children() == []


def test_a_full_disk_is_an_error_with_ffmpegs_own_words(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.symlink_to("/dev/full")
    with pytest.raises(MediaError, match="No space left on device"):
        film(path, noise(2000), promised=2000)
    assert not path.is_symlink()
    assert children() == []


def test_a_folder_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="No such file or directory"):
        film(tmp_path / "gone" / "clip.mp4", noise(10_000), promised=10_000)
    assert children() == []


def test_audio_that_cannot_be_stored_is_an_error(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "gone" / "clip.mp4", WIDTH, HEIGHT, 24, 1, audio=tone(1))
    with pytest.raises(MediaError, match="audio could not be stored"), writer:
        pass


@pytest.mark.parametrize(("width", "height"), [(63, 48), (64, 47), (0, 48), (64, -2)])
def test_odd_and_empty_sizes_are_refused(tmp_path: Path, width: int, height: int) -> None:
    with pytest.raises(MediaError, match="must be even"):
        VideoWriter(tmp_path / "clip.mp4", width, height, 24, 1)


@pytest.mark.parametrize(("fps", "frames"), [(0.0, 1), (float("nan"), 1), (float("inf"), 1), (24.0, 0)])
def test_clips_without_time_are_refused(tmp_path: Path, fps: float, frames: int) -> None:
    with pytest.raises(MediaError, match="cannot be encoded"):
        VideoWriter(tmp_path / "clip.mp4", WIDTH, HEIGHT, fps, frames)


def test_invalid_audio_is_refused(tmp_path: Path) -> None:
    for audio in (np.zeros((3, 100), np.float32), np.zeros(100, np.float32), np.full((2, 9), np.nan, np.float32)):
        with pytest.raises(MediaError, match=r"[Aa]udio"):
            VideoWriter(tmp_path / "clip.mp4", WIDTH, HEIGHT, 24, 1, audio=audio)


def test_a_flood_of_complaints_does_not_block_ffmpeg() -> None:
    """Every frame of this filter logs lines; together they are far more than a pipe holds."""
    source = "testsrc2=size=64x48:rate=25:duration=40,showinfo"
    with FFmpeg(["-loglevel", "info", "-f", "lavfi", "-i", source, "-f", "null", "-"]) as ffmpeg:
        ffmpeg.finish(60)


def test_an_ffmpeg_that_makes_no_progress_is_stopped() -> None:
    endless = ["-f", "rawvideo", "-video_size", "64x48", "-i", "pipe:0", "-f", "null", "-"]
    with FFmpeg(endless, pipe_in=True) as ffmpeg:
        assert children() != []
        with pytest.raises(MediaError, match=r"no progress within 0\.2 s"):
            ffmpeg.finish(0.2)
    assert children() == []


def children() -> list[str]:
    """Our ffmpeg processes, zombies too."""
    stats = [path.read_text() for path in Path("/proc").glob("[0-9]*/stat") if path.exists()]
    ours = re.compile(rf"\d+ \((ffmpeg[^)]*)\) \S {os.getpid()} ")
    return [found[1] for stat in stats if (found := ours.match(stat))]

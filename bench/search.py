"""How long the index takes: loading the embedder, one image, one text, one search among N clips.

    python bench/search.py [N] [--dry-run]

50 clips of 5 s by default, drawn in plain colours; nothing is downloaded. `--dry-run` does everything once.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import numpy as np

from ltx_mcp.index.embed import OpenClipEmbedder
from ltx_mcp.index.sample import Samples
from ltx_mcp.index.store import ClipIndex, SearchQuery
from ltx_mcp.types.clips import Clip, Provenance, Verdict
from ltx_mcp.types.frames import Frame

REPEATS = 20
WORDS = ["harbour", "piano", "forest", "desert", "market", "rocket", "violin", "castle", "river", "lighthouse"]


def timed(label: str, work: Callable[[], Any], per: int = 1) -> None:
    start = time.perf_counter()
    work()
    print(f"{label:<44}{(time.perf_counter() - start) * 1000 / per:10.1f} ms")


def frame(rng: np.random.Generator) -> Frame:
    drawn = np.full((240, 416, 3), rng.integers(0, 256, 3), dtype=np.uint8)
    drawn[60:180, 140:260] = rng.integers(0, 256, 3)
    return drawn


def clip(number: int) -> Clip:
    prompt = f"a {WORDS[number % 10]} by the {WORDS[number // 10 % 10]}, take {number}"
    return Clip(
        clip_id=f"clip-{number}", path=Path(f"/archive/{number}.mp4"), resource_uri=f"clip://clip-{number}",
        sheet_path=Path(f"/archive/{number}.jpg"), kind="generated", prompt=prompt, title=prompt, width=416, height=240,
        fps=24, frames=120, duration_s=5, has_audio=False, codec="h264", bytes=1, sha256=str(number), seed=1,
        model="bench", recipe="draft", created_at=datetime.now(UTC),
        moderation=Verdict(verdict="passed", model="bench", max_score=0), provenance=Provenance(),
    )  # fmt: skip


async def latency(index: ClipIndex, label: str, query: SearchQuery, repeats: int) -> None:
    await index.search(query)
    written = []
    for _ in range(repeats):
        start = time.perf_counter()
        await index.search(query)
        written.append((time.perf_counter() - start) * 1000)
    print(f"{label:<44}{statistics.median(written):10.1f} ms (p95 {sorted(written)[repeats * 19 // 20 - 1]:.1f})")


async def main(count: int, repeats: int) -> None:
    embedder, rng = OpenClipEmbedder(), np.random.default_rng(0)
    timed("import torch and open_clip", lambda: __import__("open_clip"))
    timed("load the embedder", embedder.load)
    timed("measure its background", embedder.background)
    frames = [frame(rng) for _ in range(6 * repeats)]
    timed("one image, in batches of 32", lambda: embedder.embed_frames(frames), len(frames))
    timed("one text", lambda: [embedder.embed_texts(["a red circle"]) for _ in range(repeats)], repeats)
    with tempfile.TemporaryDirectory() as folder:
        index = ClipIndex(Path(folder), embedder)
        start = time.perf_counter()
        await index.open()
        print(f"{'open the tables (imports lancedb)':<44}{(time.perf_counter() - start) * 1000:10.1f} ms")
        start = time.perf_counter()
        for number in range(count):
            times = np.arange(11, dtype=np.float64) / 2
            await index.add(clip(number), Samples(times, [frame(rng) for _ in times]))
        print(f"{'add a clip of 11 samples':<44}{(time.perf_counter() - start) * 1000 / count:10.1f} ms")
        await latency(
            index, f"search {count} clips by words alone", SearchQuery(query="a castle by the river"), repeats
        )
        await latency(index, f"search {count} clips by words and sight", SearchQuery(query="a red square"), repeats)
        await latency(index, f"search {count} clips by an image", SearchQuery(image=frames[0]), repeats)
        await latency(index, f"the newest of {count} clips", SearchQuery(), repeats)
        await index.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=int, nargs="?", default=50)
    parser.add_argument("--dry-run", action="store_true", help="only check that every part works, in seconds")
    given = parser.parse_args()
    print(f"command: {' '.join(sys.argv)}")
    print(f"machine: {platform.machine()}, {os.cpu_count()} cores")
    anyio.run(main, *((1, 1) if given.dry_run else (given.clips, REPEATS)))

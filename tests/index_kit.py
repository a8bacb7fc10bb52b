"""Clips that exist only as records and frames, for the tests of the index."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ltx_mcp.index.sample import FrameSampler, Samples
from ltx_mcp.index.stand_in import COLOURS
from ltx_mcp.index.store import ClipIndex, SearchQuery
from ltx_mcp.types.clips import Clip, Provenance, SearchResult, Verdict
from ltx_mcp.types.frames import Frame

START = datetime(2026, 1, 1, tzinfo=UTC)
FPS = 8.0


def make_clip(clip_id: str, prompt: str = "", duration_s: float = 4.0, **changes: Any) -> Clip:
    values: dict[str, Any] = {
        "clip_id": clip_id, "path": Path(f"/archive/{clip_id}/video.mp4"), "resource_uri": f"clip://{clip_id}",
        "sheet_path": Path(f"/archive/{clip_id}/sheet.jpg"), "kind": "generated", "prompt": prompt or clip_id,
        "title": prompt[:40] or clip_id, "width": 64, "height": 48, "fps": FPS, "frames": round(duration_s * FPS),
        "duration_s": duration_s, "has_audio": False, "codec": "h264", "bytes": 1, "sha256": "0" * 64, "seed": 1,
        "model": "test", "recipe": "draft", "created_at": START,
        "moderation": Verdict(verdict="passed", model="test", max_score=0), "provenance": Provenance(),
    }  # fmt: skip
    return Clip(**(values | changes))


def plain(colour: str) -> Frame:
    return np.full((48, 64, 3), COLOURS[colour], dtype=np.uint8)


def noise(seed: int) -> Frame:
    return np.random.default_rng(seed).integers(0, 256, (96, 160, 3), dtype=np.uint8)


def always(frame: Frame) -> Callable[[float], Frame]:
    return lambda time_s: frame


def sampled(clip: Clip, show: Callable[[float], Frame]) -> Samples:
    """What the sampler keeps of a clip that shows `show(time_s)`."""
    sampler = FrameSampler(clip.fps, clip.frames)
    for index in range(clip.frames):
        sampler.see(index, show(index / clip.fps))
    return sampler.samples


async def put(
    index: ClipIndex, clip: Clip, show: Callable[[float], Frame] = lambda time_s: noise(round(time_s * 8))
) -> None:
    await index.add(clip, sampled(clip, show))


def ids(result: SearchResult) -> list[str]:
    return [moment.clip_id for moment in result.moments]


async def find(index: ClipIndex, query: str | None = None, **rest: Any) -> SearchResult:
    return await index.search(SearchQuery(query=query, **rest))

"""Clips that look alike are told as one, and nothing else is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ltx_mcp.index.embed import unit
from ltx_mcp.index.fusion import Look, fuse
from ltx_mcp.index.moments import Span
from ltx_mcp.index.query import SearchQuery
from ltx_mcp.tools.search_clips import text_of
from ltx_mcp.types.clips import Moment, SearchResult


def row(clip_id: str, prompt: str = "a red ball", duration_s: float = 5.0) -> dict[str, Any]:
    values = {"clip_id": clip_id, "prompt": prompt, "title": prompt, "kind": "generated", "duration_s": duration_s}
    return {**values, "path": Path(f"/{clip_id}.mp4"), "created_us": 0}


def look(angle: float, unrelated: float = 0.0) -> Look:
    """Vectors whose cosine is that of the angle between them."""
    return Look(unit(np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)), unrelated)


def fused(rows: list[dict[str, Any]], looks: dict[str, Look], **query: Any) -> tuple[Moment, ...]:
    hits = {each["clip_id"]: [Span(0, 1, 0.5, 2.0 - place / 100)] for place, each in enumerate(rows)}
    return fuse(SearchQuery(query="ball", **query), [], hits, {each["clip_id"]: each for each in rows}, looks)


def test_clips_that_look_alike_make_room_for_what_is_different() -> None:
    rows = [*(row(f"clip-{number}") for number in range(8)), row("other", "a blue ball")]
    found = fused(rows, {each["clip_id"]: look(0.1) for each in rows}, limit=3)
    assert [(moment.clip_id, moment.alike_count) for moment in found] == [("clip-0", 7), ("other", 0)]
    assert found[0].alike == ("clip-1", "clip-2", "clip-3", "clip-4", "clip-5")


@pytest.mark.parametrize(
    ("second", "its_look"),
    [
        (row("two"), look(0.6)),
        (row("two", "a red ball at night"), look(0)),
        (row("two", duration_s=9.0), look(0)),
        (row("two"), Look(np.ones(3, dtype=np.float32), 0.0)),
        (row("two"), None),
    ],
    ids=["other frames", "other words", "another length", "another embedder", "not seen"],
)
def test_clips_that_differ_are_told_apart(second: dict[str, Any], its_look: Look | None) -> None:
    looks = {"one": look(0), **({"two": its_look} if its_look else {})}
    assert [moment.clip_id for moment in fused([row("one"), second], looks)] == ["one", "two"]


def test_how_alike_is_measured_from_what_unrelated_frames_share() -> None:
    """An embedder whose unrelated frames have a cosine of 0.8 says little by one of 0.95."""
    rows, angle = [row("one"), row("two")], float(np.arccos(0.95))
    assert len(fused(rows, {"one": look(0), "two": look(angle)})) == 1
    assert len(fused(rows, {"one": look(0, 0.8), "two": look(angle, 0.8)})) == 2


@pytest.mark.parametrize("title", ["A red ball rolls under the old table", "一只红色的熊猫在竹林里吃竹子" * 8])
def test_five_clips_are_told_in_six_hundred_tokens(title: str) -> None:
    """A token is four characters of ASCII, or one of any other script."""
    name = "yi-zhi-hong-se-de-xiong-mao-zai-zhu-lin-0123456"
    rows = [row(f"{name}{number}", f"{title} {number}") for number in range(5)]
    for each in rows:
        each["path"] = Path("/home/somebody/.local/share/ltx-mcp/clips") / each["clip_id"] / "video.mp4"
    found = fused(rows, {each["clip_id"]: look(0.1) for each in rows})
    text = text_of(SearchResult(moments=found, total_clips=5))
    assert len(found) == 5
    assert sum(1 if ord(letter) > 127 else 0.25 for letter in text) < 600
    assert "(0.0-1.0 s, by vision, score 0.50)" in text

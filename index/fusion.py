"""From the hits of the three retrievers to moments: fused by their ranks, clips that look alike told as one. Pure."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ltx_mcp.index.background import Vectors
from ltx_mcp.index.moments import Span
from ltx_mcp.index.query import SearchQuery
from ltx_mcp.index.speech import SaidSpan
from ltx_mcp.index.words import Row
from ltx_mcp.types.clips import Moment

RRF_K = 60  # Cormack, Clarke and Büttcher 2009: flat enough that no leg's first place decides alone
ALIKE = 0.9  # of the way from unrelated (0) to identical (1): a draft and its final, renders that came out the same
MOST_ALIKE = 5  # ids that are named


@dataclass(frozen=True)
class Look:
    """A clip's best frame as a unit vector; `unrelated` is what frames of its embedder score that share nothing."""

    vector: Vectors
    unrelated: float

    def is_like(self, other: "Look") -> bool:
        if self.vector.shape != other.vector.shape:  # seen by another embedder
            return False
        return (float(self.vector @ other.vector) - self.unrelated) / (1 - self.unrelated) >= ALIKE


def fuse(
    query: SearchQuery,
    text_hits: list[Row],
    vision_hits: dict[str, list[Span]],
    other_rows: dict[str, Row],
    looks: Mapping[str, Look],
    said: Mapping[str, Sequence[SaidSpan]] = MappingProxyType({}),
) -> tuple[Moment, ...]:
    """Reciprocal rank fusion at clip level; then each clip's moments, at most `query.limit` in all.

    A score of 1 is first place in two of the three legs. A clip's lesser moments score less, by their peaks. Clips
    that look alike are one clip: the best of them, with the ids of the others.
    """
    rows = {row["clip_id"]: row for row in text_hits}
    rows |= {clip_id: other_rows[clip_id] for clip_id in (*vision_hits, *said) if clip_id in other_rows}
    ranks = [
        {clip_id: rank for rank, clip_id in enumerate(leg, 1)}
        for leg in ([r["clip_id"] for r in text_hits], vision_hits, said)
    ]
    shares = {
        clip_id: min(1.0, sum(1 / (RRF_K + leg[clip_id]) for leg in ranks if clip_id in leg) * (RRF_K + 1) / 2)
        for clip_id in rows
    }
    groups = _alike_groups(sorted(rows, key=lambda clip_id: -shares[clip_id]), rows, looks)
    found = []
    for place, (clip_id, row) in enumerate(rows.items()):
        if clip_id not in groups:
            continue
        lines = said.get(clip_id, ())
        spans = vision_hits.get(clip_id) or ([] if lines else [whole_clip(row, 1.0)])
        matched = "text" if clip_id not in vision_hits else "both" if clip_id in ranks[0] else "vision"
        # A line with all the words comes before what is seen, one with half of them after its best.
        mine = [(each.span.score, each.span, "speech", each.text) for each in lines]
        mine += [(span.score / spans[0].score, span, matched, "") for span in spans]
        for share, span, by, words in sorted(mine, key=lambda each: -each[0])[: query.moments_per_clip]:
            found.append((-shares[clip_id] * share, place, span.start_s, span, by, row, words))
    found.sort(key=lambda hit: hit[:3])
    best = found[: query.limit]
    return tuple(
        moment_of(rank, row, span, matched, -score, groups[row["clip_id"]], words)
        for rank, (score, _, _, span, matched, row, words) in enumerate(best, 1)
    )


def _alike_groups(ordered: list[str], rows: dict[str, Row], looks: Mapping[str, Look]) -> dict[str, list[str]]:
    """The first clip of each group of clips that look alike, with the others: same words, same length, same look."""
    groups: dict[str, list[str]] = {}
    firsts: dict[tuple[str, int], list[str]] = defaultdict(list)
    for clip_id in ordered:
        key = (" ".join(rows[clip_id]["prompt"].casefold().split()), round(rows[clip_id]["duration_s"]))
        look = looks.get(clip_id)
        first = next((one for one in firsts[key] if look and looks[one].is_like(look)), None) if look else None
        if first is not None:
            groups[first].append(clip_id)
        else:
            groups[clip_id] = []
            if look:
                firsts[key].append(clip_id)
    return groups


def whole_clip(row: Row, score: float) -> Span:
    """The clip as one span, its middle for a peak."""
    return Span(0.0, row["duration_s"], row["duration_s"] / 2, score)


def moment_of(
    rank: int, row: Row, span: Span, matched: Any, score: float, alike: Sequence[str] = (), said: str = ""
) -> Moment:
    duration_s = row["duration_s"]
    peak_s = peak_inside(span.peak_s, duration_s)
    return Moment(
        rank=rank,
        clip_id=row["clip_id"],
        ref=row["clip_id"] if row["kind"] == "photo" else f"{row['clip_id']}@{peak_s:.2f}".rstrip("0").rstrip("."),
        start_s=round(span.start_s, 3),
        end_s=min(round(span.end_s, 3), duration_s),
        peak_s=peak_s,
        score=round(score, 4),
        matched=matched,
        prompt=row["prompt"],
        title=row["title"],
        kind=row["kind"],
        path=row["path"],
        duration_s=duration_s,
        alike=tuple(alike[:MOST_ALIKE]),
        alike_count=len(alike),
        said=said,
    )


def peak_inside(peak_s: float, duration_s: float) -> float:
    """Rounded to 0.01 s and kept before the clip's end, where the last frame is over."""
    last = max(0, math.ceil(duration_s * 100) - 1) / 100
    return min(round(max(0.0, peak_s), 2), last)

"""One search: text hits and vision hits, fused by their ranks into moments.

A clip found by its text alone is returned whole. Words need no embedder: whatever is wrong with one, or with its
frames, is a note beside what the words find.
"""

import math
from collections.abc import Callable
from typing import Any

from ltx_mcp.index import notes
from ltx_mcp.index.moments import Span
from ltx_mcp.index.query import SearchQuery
from ltx_mcp.index.schema import among
from ltx_mcp.index.sight import Sight
from ltx_mcp.index.switch import Switch
from ltx_mcp.index.tables import Tables
from ltx_mcp.index.together import both
from ltx_mcp.index.words import ROW, Row, Worded, Words
from ltx_mcp.types.clips import Moment, SearchResult

RRF_K = 60  # Cormack, Clarke and Büttcher 2009: flat enough that no leg's first place decides alone


class Searcher:
    """Reads the tables; writes nothing. LanceDB's own errors pass through to `Tables.read`.

    `better` says where a better embedder is, for queries that the one in use does not understand.
    """

    def __init__(self, tables: Tables, switch: Switch, better: Callable[[], str]) -> None:
        self._tables = tables
        self._switch = switch
        self._better = better
        self.sight = Sight(tables, switch)
        self._words = Words(tables)

    async def search(self, query: SearchQuery) -> SearchResult:
        clips = await self._tables.clips()
        total = await clips.count_rows()
        passing = await clips.count_rows(query.where) if query.where else total
        if not passing:
            note = notes.nothing_there(total, self._tables.was_damaged)
            return SearchResult(moments=(), total_clips=total, note=note)
        if query.query is None and query.image is None:
            return SearchResult(moments=await self._newest(query), total_clips=total)
        worded, seen = await both(lambda: self._words.search(query), lambda: self.sight.look(query, passing))
        if worded.is_weak and not seen.hits and (respelled := await self._words.respelled(query)).rows:
            worded = respelled
        text_hits = worded.rows
        rows = await self._rows(seen.hits.keys() - {row["clip_id"] for row in text_hits})
        moments = fuse(query, text_hits, seen.hits, rows)
        note = seen.note or _note(query, worded, moments, seen.understood)
        better = ""
        if seen.narrow and not (query.has_letters and seen.understood):
            switching = notes.switching(self._switch.wanted.weights) if self._switch.is_switching else ""
            better = notes.joined(self._better(), switching)
        if better and moments:
            better = f"{notes.SMALL_WORLD} {better}"
        unseen = notes.unseen(self._switch.unseen) if self._switch.unseen else ""
        return SearchResult(moments=moments, total_clips=total, note=notes.joined(note, better, unseen))

    async def _newest(self, query: SearchQuery) -> tuple[Moment, ...]:
        clips = await self._tables.clips()
        times = await _filtered(clips.query(), query).select(["clip_id", "created_us"]).to_list()
        newest = sorted(times, key=lambda row: (-row["created_us"], row["clip_id"]))[: query.limit]
        rows = await self._rows({row["clip_id"] for row in newest})
        found = [rows[row["clip_id"]] for row in newest if row["clip_id"] in rows]
        return tuple(_moment(rank, row, whole_clip(row, 0.0), "newest", 0.0) for rank, row in enumerate(found, 1))

    async def _rows(self, clip_ids: set[str]) -> dict[str, Row]:
        """The clips' rows by id. Frames without a clip row belong to a write that was cut short, or to none."""
        if not clip_ids:
            return {}
        clips = await self._tables.clips()
        rows = await clips.query().where(among("clip_id", clip_ids)).select(ROW).to_list()
        return {row["clip_id"]: row for row in rows}


def _note(query: SearchQuery, worded: Worded, moments: tuple[Moment, ...], understood: bool) -> str:
    """What to say of a thin answer."""
    if not moments:
        return notes.nothing_matches(understood) if query.has_letters or query.image is not None else notes.WORDLESS
    few = notes.FEW_WORDS if moments[0].matched == "text" and worded.is_weak else ""
    return notes.joined(worded.note, few)


def fuse(
    query: SearchQuery, text_hits: list[Row], vision_hits: dict[str, list[Span]], vision_rows: dict[str, Row]
) -> tuple[Moment, ...]:
    """Reciprocal rank fusion at clip level; then each clip's moments, at most `query.limit` in all.

    A score of 1 is first place in both legs. A clip's lesser moments score less, by their peaks.
    """
    rows = {row["clip_id"]: row for row in text_hits}
    rows |= {clip_id: vision_rows[clip_id] for clip_id in vision_hits if clip_id in vision_rows}
    ranks = [
        {clip_id: rank for rank, clip_id in enumerate(leg, 1)}
        for leg in ([r["clip_id"] for r in text_hits], vision_hits)
    ]
    found = []
    for place, (clip_id, row) in enumerate(rows.items()):
        share = sum(1 / (RRF_K + leg[clip_id]) for leg in ranks if clip_id in leg) * (RRF_K + 1) / 2
        spans = vision_hits.get(clip_id) or [whole_clip(row, 1.0)]
        matched = "text" if clip_id not in vision_hits else "both" if clip_id in ranks[0] else "vision"
        for span in spans[: query.moments_per_clip]:
            found.append((-share * span.score / spans[0].score, place, span.start_s, span, matched, row))
    found.sort(key=lambda hit: hit[:3])
    best = found[: query.limit]
    return tuple(_moment(rank, hit[5], hit[3], hit[4], -hit[0]) for rank, hit in enumerate(best, 1))


def whole_clip(row: Row, score: float) -> Span:
    """The clip as one span, its middle for a peak."""
    return Span(0.0, row["duration_s"], row["duration_s"] / 2, score)


def _moment(rank: int, row: Row, span: Span, matched: Any, score: float) -> Moment:
    duration_s = row["duration_s"]
    peak_s = peak_inside(span.peak_s, duration_s)
    return Moment(
        rank=rank,
        clip_id=row["clip_id"],
        ref=f"{row['clip_id']}@{peak_s:.2f}".rstrip("0").rstrip("."),
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
    )


def peak_inside(peak_s: float, duration_s: float) -> float:
    """Rounded to 0.01 s and kept before the clip's end, where the last frame is over."""
    last = max(0, math.ceil(duration_s * 100) - 1) / 100
    return min(round(max(0.0, peak_s), 2), last)


def _filtered(search: Any, query: SearchQuery) -> Any:
    return search.where(query.where) if query.where else search

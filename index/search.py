"""One search: text hits and vision hits, fused by their ranks into moments.

The visual retriever votes only above its calibrated background, so an embedder that was not trained for what the
archive shows leaves the order of the text hits alone. A clip found by its text alone is returned whole. Words need no
embedder: whatever is wrong with one, or with its frames, is a note beside what the words find.
"""

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from anyio import to_thread
from numpy.typing import NDArray

from ltx_mcp.errors import IndexUnavailable, ModelUnavailable
from ltx_mcp.index import notes
from ltx_mcp.index.background import Background, Vectors
from ltx_mcp.index.embed import Embedder, embed_query, unit
from ltx_mcp.index.moments import Span, find_moments
from ltx_mcp.index.query import SearchQuery
from ltx_mcp.index.schema import among
from ltx_mcp.index.switch import Switch
from ltx_mcp.index.tables import TEXT_COLUMNS, Tables
from ltx_mcp.types.clips import Moment, SearchResult

RRF_K = 60  # Cormack, Clarke and Büttcher 2009: flat enough that no leg's first place decides alone
TEXT_HITS = 50
MIN_TEXT_SHARE = 0.25  # of the best hit's BM25 score; below it only a common word is shared
CANDIDATE_FRAMES = 300  # candidates of the vector search; the frames of their clips are then read in full
CANDIDATE_CLIPS = 60
_COLUMNS = ["clip_id", "title", "prompt", "kind", "path", "duration_s", "created_us"]

Row = dict[str, Any]


@dataclass(frozen=True)
class QueryVectors:
    """The query as embeddings of one embedder; either may be missing, not both. Unit vectors (dim,) float32."""

    text: Vectors | None
    image: Vectors | None
    background: Background

    @property
    def vector(self) -> Vectors:
        return unit(np.sum([part for part in (self.text, self.image) if part is not None], axis=0))

    def scores(self, frames: Vectors) -> NDArray[np.float32]:
        """(n,) of frames (n, dim), in standard deviations above the background."""
        legs = []
        if self.text is not None:
            legs.append(self.background.text_scores(frames, self.text))
        if self.image is not None:
            legs.append(self.background.image_scores(frames, self.image))
        return np.asarray(np.mean(legs, axis=0), dtype=np.float32)


@dataclass(frozen=True)
class Seen:
    """What the visual retriever found: moments by clip, the best clip first. `note` says why it could not look.

    `narrow`: the embedder recognizes only a few things.
    """

    hits: dict[str, list[Span]]
    understood: bool = True
    narrow: bool = False
    note: str = ""


class Searcher:
    """Reads the tables; writes nothing. LanceDB's own errors pass through to `Tables.read`.

    `better` says where a better embedder is, for queries that the one in use does not understand.
    """

    def __init__(self, tables: Tables, switch: Switch, better: Callable[[], str]) -> None:
        self._tables = tables
        self._switch = switch
        self._better = better
        self.frames_are_damaged = False

    async def search(self, query: SearchQuery) -> SearchResult:
        clips = await self._tables.clips()
        total = await clips.count_rows()
        if not total or (query.where and not await clips.count_rows(query.where)):
            note = notes.nothing_there(total, self._tables.was_damaged)
            return SearchResult(moments=(), total_clips=total, note=note)
        if query.query is None and query.image is None:
            return SearchResult(moments=await self._newest(query), total_clips=total)
        text_hits = await self._by_text(query)
        seen = await self._by_sight(query)
        rows = await self._rows(seen.hits.keys() - {row["clip_id"] for row in text_hits})
        moments = fuse(query, text_hits, seen.hits, rows)
        note = seen.note or await self._weak_match_note(query, text_hits, moments, seen.understood)
        better = self._better() if seen.narrow and not (query.has_letters and seen.understood) else ""
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

    async def _by_text(self, query: SearchQuery) -> list[Row]:
        """Clips whose prompt or title shares words with the query, best first; ties go to the newer."""
        from lancedb.query import MultiMatchQuery

        if not query.words:
            return []
        clips = await self._tables.clips()
        match = MultiMatchQuery(" ".join(query.words), list(TEXT_COLUMNS))
        search = _filtered(clips.query().nearest_to_text(match), query).select([*_COLUMNS, "_score"])
        rows = await search.limit(TEXT_HITS).to_list()
        rows.sort(key=lambda row: (-row["_score"], -row["created_us"], row["clip_id"]))
        return [row for row in rows if row["_score"] >= MIN_TEXT_SHARE * rows[0]["_score"]]

    async def _by_sight(self, query: SearchQuery) -> Seen:
        """Raises ModelUnavailable and IndexUnavailable only where there is an image and no words to fall back to."""
        if query.image is None and not query.has_letters:
            return Seen({})
        try:
            embedder = await self._switch.looking()
            reads = query.has_letters and await to_thread.run_sync(embedder.understands, query.query or "")
            if not reads and query.image is None:
                return Seen({}, understood=False, narrow=True)
            slot = self._switch.slot(embedder)
            wanted = await to_thread.run_sync(_embed_query, embedder, query, reads, limiter=slot)
            hits = await self._tables.read(lambda: self._by_vision(query, embedder, wanted))
            return Seen(hits, reads or not query.has_letters, wanted.background.domain is not None)
        except (ModelUnavailable, IndexUnavailable) as error:
            self.frames_are_damaged = isinstance(error, IndexUnavailable)
            if query.query is None:
                raise
            return Seen({}, note=f"Searched by words only. {error}")

    async def _by_vision(
        self, query: SearchQuery, embedder: Embedder, wanted_vectors: QueryVectors
    ) -> dict[str, list[Span]]:
        """Moments by clip, the clip with the best frame first. None below the background's line."""
        frames = await self._tables.frames(await self._switch.model_id(embedder))
        if frames is None:
            return {}
        near = (
            _filtered(frames.query().nearest_to(wanted_vectors.vector), query).distance_type("cosine").refine_factor(10)
        )
        ids = [row["clip_id"] for row in await near.limit(CANDIDATE_FRAMES).select(["clip_id", "_distance"]).to_list()]
        wanted = among("clip_id", list(dict.fromkeys(ids))[:CANDIDATE_CLIPS])
        columns = ["clip_id", "time_s", "duration_s", "vector"]
        table = await frames.query().where(wanted).select(columns).to_arrow() if ids else None
        return {} if table is None else _moments(table, wanted_vectors, query.moments_per_clip)

    async def _rows(self, clip_ids: set[str]) -> dict[str, Row]:
        """The clips' rows by id. Frames without a clip row belong to a write that was cut short, or to none."""
        if not clip_ids:
            return {}
        clips = await self._tables.clips()
        rows = await clips.query().where(among("clip_id", clip_ids)).select(_COLUMNS).to_list()
        return {row["clip_id"]: row for row in rows}

    async def _weak_match_note(
        self, query: SearchQuery, text_hits: list[Row], moments: tuple[Moment, ...], understood: bool
    ) -> str:
        if not moments:
            return notes.nothing_matches(understood) if query.has_letters or query.image is not None else notes.WORDLESS
        if moments[0].matched != "text":
            return ""
        clips = await self._tables.clips()
        best = f"{text_hits[0]['title']} {text_hits[0]['prompt']}"
        asked, there = [
            {token.text for token in await clips.tokenize(text, column=TEXT_COLUMNS[0])}
            for text in (" ".join(query.words), best)
        ]
        return notes.FEW_WORDS if len(asked & there) * 2 < len(asked) else ""


def _embed_query(embedder: Embedder, query: SearchQuery, reads: bool) -> QueryVectors:
    text = embed_query(embedder, query.query or "") if reads else None
    image = None if query.image is None else embedder.embed_frames([query.image])[0]
    return QueryVectors(text, image, embedder.background())


def _moments(table: Any, wanted_vectors: QueryVectors, limit: int) -> dict[str, list[Span]]:
    scores = wanted_vectors.scores(_vectors(table))
    times = table["time_s"].to_numpy()
    places = defaultdict(list)
    for place, clip_id in enumerate(table["clip_id"].to_pylist()):
        places[clip_id].append(place)
    found = {}
    for clip_id, mine in places.items():
        order = np.array(sorted(mine, key=lambda place: times[place]))
        duration_s = table["duration_s"][mine[0]].as_py()
        spans = find_moments(times[order], scores[order], duration_s, wanted_vectors.background.vote_z, limit)
        if spans:
            found[clip_id] = spans
    return dict(sorted(found.items(), key=lambda item: (-item[1][0].score, item[0])))


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


def _vectors(table: Any) -> Vectors:
    """(n, dim) unit vectors from the float16 column; rounding bent their lengths a little."""
    column = table["vector"].combine_chunks()
    return unit(column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1).astype(np.float32))

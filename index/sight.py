"""The visual retriever: moments by what frames show, found by the embedder in use and by one that knows a world better.

It votes only above its embedder's calibrated background, so an embedder that was not trained for what the archive shows
finds nothing rather than anything.
"""

import logging
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from anyio import to_thread
from numpy.typing import NDArray

from ltx_mcp.errors import IndexUnavailable, ModelUnavailable
from ltx_mcp.index.background import Background, Vectors
from ltx_mcp.index.embed import Embedder, embed_query, unit
from ltx_mcp.index.moments import Span, find_moments
from ltx_mcp.index.query import SearchQuery
from ltx_mcp.index.schema import among, made_by
from ltx_mcp.index.shots import cuts_between
from ltx_mcp.index.switch import Switch
from ltx_mcp.index.tables import Tables

log = logging.getLogger(__name__)

CANDIDATE_FRAMES = 300  # candidates of the vector search; the frames of their clips are then read in full
CANDIDATE_CLIPS = 60

Hits = dict[str, list[Span]]
"""Moments by clip, the clip with the best frame first. A score of 1 is the embedder's line."""


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
    """What was found. `understood`: the query meant something to the embedder. `narrow`: it recognizes few things.

    `note` says why it could not look.
    """

    hits: Hits
    understood: bool = True
    narrow: bool = False
    note: str = ""


class Sight:
    """Reads the frames' tables; writes nothing."""

    def __init__(self, tables: Tables, switch: Switch) -> None:
        self._tables = tables
        self._switch = switch
        self.frames_are_damaged = False

    async def look(self, query: SearchQuery) -> Seen:
        """Raises ModelUnavailable and IndexUnavailable only where there is an image and no words to fall back to."""
        if query.image is None and not query.has_letters:
            return Seen({})
        try:
            embedder = await self._switch.looking()
            seen = await self._look(query, embedder, query.where)
        except (ModelUnavailable, IndexUnavailable) as error:
            self.frames_are_damaged = isinstance(error, IndexUnavailable)
            if query.query is None:
                raise
            seen = Seen({}, note=f"Searched by words only. {error}")
        if query.image is not None or (hits := await self._specialist_hits(query)) is None:
            return seen
        return replace(seen, hits=_best_of(seen.hits, hits), understood=True)

    async def _look(self, query: SearchQuery, embedder: Embedder, where: str | None) -> Seen:
        reads = query.has_letters and await to_thread.run_sync(embedder.understands, query.query or "")
        if not reads and query.image is None:
            return Seen({}, understood=False, narrow=True)
        slot = self._switch.slot(embedder)
        wanted = await to_thread.run_sync(_embed_query, embedder, query, reads, limiter=slot)
        hits = await self._tables.read(lambda: self._hits(embedder, wanted, where, query.moments_per_clip))
        return Seen(hits, reads or not query.has_letters, wanted.background.domain is not None)

    async def _specialist_hits(self, query: SearchQuery) -> Hits | None:
        """What the specialist finds in the clips of its world; None where it does not understand the query."""
        specialist = await self._switch.specialist()
        if specialist is None:
            return None
        where = " AND ".join(filter(None, (query.where, made_by(specialist.models))))
        try:
            seen = await self._look(query, specialist.embedder, where)
        except (ModelUnavailable, IndexUnavailable) as error:
            log.warning("%s did not look: %s", specialist.embedder.weights, error)
            return None
        return seen.hits if seen.understood else None

    async def _hits(self, embedder: Embedder, wanted: QueryVectors, where: str | None, limit: int) -> Hits:
        frames = await self._tables.frames(await self._switch.model_id(embedder))
        if frames is None:
            return {}
        near = frames.query().nearest_to(wanted.vector)
        near = (near.where(where) if where else near).distance_type("cosine").refine_factor(10)
        ids = [row["clip_id"] for row in await near.limit(CANDIDATE_FRAMES).select(["clip_id", "_distance"]).to_list()]
        if not ids:
            return {}
        clips = among("clip_id", list(dict.fromkeys(ids))[:CANDIDATE_CLIPS])
        columns = ["clip_id", "time_s", "duration_s", "shot_start_s", "vector"]
        return _moments(await frames.query().where(clips).select(columns).to_arrow(), wanted, limit)


def _embed_query(embedder: Embedder, query: SearchQuery, reads: bool) -> QueryVectors:
    text = embed_query(embedder, query.query or "") if reads else None
    image = None if query.image is None else embedder.embed_frames([query.image])[0]
    return QueryVectors(text, image, embedder.background())


def _moments(table: Any, wanted: QueryVectors, limit: int) -> Hits:
    line = wanted.background.vote_z
    vectors = _vectors(table)
    scores = wanted.scores(vectors) / line
    times, starts = table["time_s"].to_numpy(), table["shot_start_s"].to_numpy()
    places = defaultdict(list)
    for place, clip_id in enumerate(table["clip_id"].to_pylist()):
        places[clip_id].append(place)
    found = {}
    for clip_id, mine in places.items():
        order = np.array(sorted(mine, key=lambda place: times[place]))
        duration_s = table["duration_s"][mine[0]].as_py()
        cuts_s = cuts_between(times[order], vectors[order], starts[order])
        spans = find_moments(times[order], scores[order], duration_s, 1.0, limit, cuts_s)
        if spans:
            found[clip_id] = spans
    return _ordered(found)


def _best_of(one: Hits, other: Hits) -> Hits:
    """Of each clip the moments of the embedder that is surer of them."""
    either = {**other, **one}
    surer = {id_: hits for id_, hits in other.items() if hits[0].score > either[id_][0].score}
    return _ordered({**either, **surer})


def _ordered(hits: Hits) -> Hits:
    return dict(sorted(hits.items(), key=lambda item: (-item[1][0].score, item[0])))


def _vectors(table: Any) -> Vectors:
    """(n, dim) unit vectors from the float16 column; rounding bent their lengths a little."""
    column = table["vector"].combine_chunks()
    return unit(column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1).astype(np.float32))

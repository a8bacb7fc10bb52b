"""The visual retriever: moments by what frames show, found by the embedder in use and by one that knows a world better.

It votes only above its embedder's calibrated background, so an embedder that was not trained for what the archive shows
finds nothing rather than anything.
"""

import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from anyio import to_thread
from numpy.typing import NDArray

from ltx_mcp.errors import IndexUnavailable, ModelUnavailable
from ltx_mcp.index.background import Background, Vectors
from ltx_mcp.index.calibration import Calibrations
from ltx_mcp.index.embed import Embedder, embed_query, unit
from ltx_mcp.index.fusion import Look
from ltx_mcp.index.moments import Span, find_moments
from ltx_mcp.index.nearest import NearFrames, Window, near_frames
from ltx_mcp.index.query import SearchQuery
from ltx_mcp.index.schema import made_by
from ltx_mcp.index.shots import cuts_between
from ltx_mcp.index.switch import Switch
from ltx_mcp.index.tables import Tables

log = logging.getLogger(__name__)

CLIPS_READ, LEAST_CLIPS = 2, 4  # clips whose frames are read, for each moment that is asked for and besides
NARROW_CLIPS = 60

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
    looks: Mapping[str, Look] = field(default_factory=dict)
    understood: bool = True
    narrow: bool = False
    note: str = ""


class Sight:
    """Reads the frames' tables; writes nothing."""

    def __init__(self, tables: Tables, switch: Switch) -> None:
        self._tables = tables
        self._switch = switch
        self._calibrations = Calibrations(tables)
        self.frames_are_damaged = False

    async def look(self, query: SearchQuery, passing: int) -> Seen:
        """`passing` clips pass the query's filters.

        Raises ModelUnavailable and IndexUnavailable only where there is an image and no words to fall back to.
        """
        if query.image is None and not query.has_letters:
            return Seen({})
        try:
            embedder = await self._switch.looking()
            seen = await self._look(query, embedder, query.where, passing)
        except (ModelUnavailable, IndexUnavailable) as error:
            self.frames_are_damaged = isinstance(error, IndexUnavailable)
            if query.query is None:
                raise
            seen = Seen({}, note=f"Searched by words only. {error}")
        if query.image is not None or (hits := await self._specialist_hits(query, passing)) is None:
            return seen
        return replace(seen, hits=_best_of(seen.hits, hits.hits), looks={**hits.looks, **seen.looks}, understood=True)

    async def _look(self, query: SearchQuery, embedder: Embedder, where: str | None, passing: int) -> Seen:
        reads = query.has_letters and await to_thread.run_sync(embedder.understands, query.query or "")
        if not reads and query.image is None:
            return Seen({}, understood=False, narrow=True)
        slot = self._switch.slot(embedder)
        background = await self._calibrations.of(embedder, await self._switch.model_id(embedder), slot)
        wanted = await to_thread.run_sync(_embed_query, embedder, query, reads, background, limiter=slot)
        hits, looks = await self._tables.read(lambda: self._hits(embedder, wanted, where, passing, query))
        return Seen(hits, looks, reads or not query.has_letters, wanted.background.domain is not None)

    async def _specialist_hits(self, query: SearchQuery, passing: int) -> Seen | None:
        """What the specialist finds in the clips of its world; None where it does not understand the query."""
        specialist = await self._switch.specialist()
        if specialist is None:
            return None
        where = " AND ".join(filter(None, (query.where, made_by(specialist.models))))
        try:
            seen = await self._look(query, specialist.embedder, where, passing)
        except (ModelUnavailable, IndexUnavailable) as error:
            log.warning("%s did not look: %s", specialist.embedder.weights, error)
            return None
        return seen if seen.understood else None

    async def _hits(
        self, embedder: Embedder, wanted: QueryVectors, where: str | None, passing: int, query: SearchQuery
    ) -> tuple[Hits, dict[str, Look]]:
        frames = await self._tables.frames(await self._switch.model_id(embedder))
        if frames is None:
            if embedder is await self._switch.looking() and not self._switch.unseen:
                self.frames_are_damaged = True  # it had seen every clip
            return {}, {}
        # What is nearest to a narrow embedder may be nothing that it knows, so more is looked at.
        clips = NARROW_CLIPS if wanted.background.domain else CLIPS_READ * query.limit + LEAST_CLIPS
        near = await near_frames(frames, wanted.vector, where, passing, clips)
        return ({}, {}) if near is None else await to_thread.run_sync(_moments, near, wanted, query.moments_per_clip)


def _embed_query(embedder: Embedder, query: SearchQuery, reads: bool, background: Background) -> QueryVectors:
    text = embed_query(embedder, query.query or "") if reads else None
    image = None if query.image is None else embedder.embed_frames([query.image])[0]
    return QueryVectors(text, image, background)


def _moments(near: NearFrames, wanted: QueryVectors, limit: int) -> tuple[Hits, dict[str, Look]]:
    vectors = _vectors(near.table)
    scores = wanted.scores(vectors) / wanted.background.vote_z
    times_s = near.table["time_s"].to_numpy()
    starts_s = near.table["shot_start_s"].to_numpy()
    durations_s = near.table["duration_s"].to_numpy()
    places = defaultdict(list)
    for place, clip_id in enumerate(near.table["clip_id"].to_pylist()):
        places[clip_id].append(place)
    found, looks = {}, {}
    for clip_id, each in places.items():
        if scores[each].max() < 1:  # most of what lies nearest does not reach the line
            continue
        mine = np.array(each)[np.argsort(times_s[each], kind="stable")]
        mine = mine[np.append(True, np.diff(times_s[mine]) > 0)]  # two processes may have written a frame at once
        windows = near.windows.get(clip_id, [(0.0, float(durations_s[mine[0]]))])
        cuts_s = cuts_between(times_s[mine], vectors[mine], starts_s[mine])
        if spans := _in_windows(windows, times_s[mine], scores[mine], cuts_s, limit):
            found[clip_id] = spans
            looks[clip_id] = Look(vectors[mine[scores[mine].argmax()]], wanted.background.frame_mean)
    return _ordered(found), looks


def _in_windows(
    windows: list[Window],
    times_s: NDArray[np.float64],
    scores: NDArray[np.float32],
    cuts_s: NDArray[np.float64],
    limit: int,
) -> list[Span]:
    """The best moments of a clip, each in one of the windows that hold its frames."""
    least = max(1.0, float(scores.max()) / 2)
    found = []
    for start_s, end_s in windows:
        first, end = np.searchsorted(times_s, (start_s, end_s + 1e-9))
        spans = find_moments(
            times_s[first:end] - start_s,
            scores[first:end],
            end_s - start_s,
            least,
            limit,
            cuts_s[first : max(first, end - 1)] - start_s,
        )
        found += [span.later(start_s) for span in spans]
    return sorted(found, key=lambda span: (-span.score, span.start_s))[:limit]


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

"""The archive's search index: every clip, findable by its text and by what its frames show."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from anyio import to_thread

from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.index.background import Vectors
from ltx_mcp.index.embed import Embedder
from ltx_mcp.index.optimize import is_due, optimize
from ltx_mcp.index.query import SearchQuery
from ltx_mcp.index.sample import Samples
from ltx_mcp.index.schema import ReadSpeech, among, clip_rows, frame_rows, frames_from, quoted
from ltx_mcp.index.search import Searcher
from ltx_mcp.index.switch import Remake, Switch
from ltx_mcp.index.tables import Tables
from ltx_mcp.types.clips import Clip, SearchResult
from ltx_mcp.types.searches import SearchModel

__all__ = ["ClipIndex", "IndexedClip", "SearchQuery"]

log = logging.getLogger(__name__)

FRAMES_AT_ONCE = 8  # in one call of the model: a query waits no longer for its turn, nor does the end of the process


@dataclass(frozen=True)
class IndexedClip:
    """What the index remembers of a clip: `schema.fingerprint`, and how many frames the wanted embedder saw."""

    fingerprint: str
    frames: int


class ClipIndex:
    """LanceDB tables in `place`, a folder or a URI, which other processes may use at the same time.

    Nothing is opened and nothing heavy imported before the first call. Models run on worker threads, one call of each
    at a time, so the event loop stays free. Without an embedder words are searched all the same. Methods raise
    IndexUnavailable.
    """

    def __init__(
        self,
        place: Path | str,
        embedder: Embedder,
        remake: Remake = lambda weights: None,
        better: Callable[[], str] = lambda: "",
        specialist: Embedder | None = None,
        read_speech: ReadSpeech = lambda clip: (),
    ) -> None:
        self._read_speech = read_speech
        self._tables = Tables(place)
        self._switch = Switch(self._tables, embedder, remake, specialist)
        self._better = better
        self._searcher = Searcher(self._tables, self._switch, better)

    async def open(self) -> None:
        """Open the tables now, healing what is broken; any other method would do it by itself."""
        await self._tables.clips()

    async def close(self) -> None:
        self._tables.close()

    async def model(self) -> SearchModel:
        """Which embedder looks at the moment. Loads none."""
        looking = await self._switch.looking()
        return SearchModel(embedder=looking.weights, unseen_clips=self.unseen, note=self._better())

    @property
    def unseen(self) -> int:
        """How many clips the embedder that searches use has not seen yet; they are found by their words alone."""
        return self._switch.unseen

    @property
    def frames_are_damaged(self) -> bool:
        """Whether a search could not read its frames. A reconcile heals them."""
        return self._searcher.sight.frames_are_damaged

    def lost(self) -> None:
        """Whoever knows how many clips there are misses some: `news` says so."""
        self._tables.lost()

    def news(self) -> str:
        """What happened to the index since the last call, for whoever searches; "" where nothing did."""
        return self._tables.news()

    def use(self, embedder: Embedder) -> None:
        """Want another embedder. Searches go on with the old one until `settle` finds the new one's frames whole."""
        self._switch.use(embedder)

    async def settle(self) -> None:
        """Let searches use the wanted embedder if it has seen every clip, or else the one that has seen most."""
        self._searcher.sight.frames_are_damaged = False
        await self._switch.settle()

    async def missing(self) -> set[str]:
        """The clips that the wanted embedder has not seen. Raises ModelUnavailable."""
        return await self._switch.missing(self._switch.wanted)

    async def owed(self, clips: Sequence[Clip]) -> dict[str, list[Embedder]]:
        """The clips whose frames have still to be embedded, each by which embedders. Raises ModelUnavailable."""
        return await self._switch.owed(clips)

    async def still_owed(self, clip: Clip, embedders: Iterable[Embedder]) -> list[Embedder]:
        """Those of the embedders that have not seen the clip meanwhile, in whichever process."""
        return [embedder for embedder in embedders if not await self._switch.has_seen(embedder, clip)]

    def give_up(self, clip_id: str, embedders: Iterable[Embedder]) -> None:
        """The frames of this clip cannot be had."""
        for embedder in embedders:
            self._switch.give_up(embedder, clip_id)

    async def add(self, clip: Clip, samples: Samples) -> None:
        """Add or replace a clip. Its row is written last: a clip without one is not found.

        One that cannot be embedded is found by its words.
        """
        await self.open()
        for embedder in await self._switch.writing(clip):
            try:
                await self._add_frames(embedder, clip, samples)
            except ModelUnavailable as error:
                log.warning("clip %s is found by its words only: %s", clip.clip_id, error)
        await self.put([clip])

    async def put(self, clips: Sequence[Clip]) -> None:
        """Make clips findable by their words, or give them their new ones."""
        if not clips:
            return
        rows = await to_thread.run_sync(clip_rows, clips, self._read_speech)

        async def write() -> None:
            merge = (await self._tables.clips()).merge_insert("clip_id")
            await merge.when_matched_update_all().when_not_matched_insert_all().execute(rows)

        await self._tables.commit(write)

    async def add_frames(self, clip: Clip, samples: Samples, embedders: Iterable[Embedder]) -> None:
        """Let these embedders see a clip. Raises ModelUnavailable."""
        for embedder in embedders:
            await self._add_frames(embedder, clip, samples)
            self._switch.has_seen_one(embedder)

    async def _add_frames(self, embedder: Embedder, clip: Clip, samples: Samples) -> None:
        vectors = await self._embedded(embedder, samples)
        if not len(vectors):
            return
        model_id = await self._switch.model_id(embedder)
        rows = await to_thread.run_sync(frame_rows, clip, samples, vectors, model_id)
        stale = frames_from(clip.clip_id, len(vectors))

        async def write() -> None:
            table = await self._tables.make_frames(model_id, vectors.shape[1], embedder.weights)
            if await table.count_rows(stale):  # rare, so not a part of the merge, which would read the whole table
                await table.delete(stale)
            merge = table.merge_insert("frame_id").when_matched_update_all().when_not_matched_insert_all()
            await merge.execute(rows)

        await self._tables.commit(write)

    async def _embedded(self, embedder: Embedder, samples: Samples) -> Vectors:
        """(n, dim), in pieces, so that nobody waits long for a turn of the model."""
        slot, frames = self._switch.slot(embedder), samples.frames

        def embed(start: int) -> Vectors:
            return embedder.embed_frames(frames[start : start + FRAMES_AT_ONCE])

        starts = range(0, len(frames), FRAMES_AT_ONCE)
        parts = [await to_thread.run_sync(embed, start, limiter=slot) for start in starts]
        return np.concatenate(parts) if parts else np.empty((0, 0), dtype=np.float32)

    async def remove(self, clip_id: str) -> None:
        """Delete a clip's rows, its own first, then what each embedder saw; one that is not indexed is ignored."""
        where = f"clip_id = {quoted(clip_id)}"

        async def delete_row() -> None:
            await (await self._tables.clips()).delete(where)

        async def delete_frames() -> None:
            for model_id in await self._tables.embedders():
                if (frames := await self._tables.frames(model_id)) is not None:
                    await frames.delete(where)

        await self._tables.commit(delete_row)
        await self._tables.commit(delete_frames)

    async def has(self, clip_ids: Iterable[str]) -> set[str]:
        """Those of the ids that a search can find."""
        ids = list(clip_ids)
        wanted = among("clip_id", ids) if ids else "false"

        async def read() -> set[str]:
            rows = await (await self._tables.clips()).query().where(wanted).select(["clip_id"]).to_list()
            return {row["clip_id"] for row in rows}

        return await self._tables.read(read)

    async def known(self) -> dict[str, IndexedClip]:
        """Every clip of the index, by id. Reads both tables through, so it finds a broken file too."""

        async def read() -> list[dict[str, Any]]:
            columns = ["clip_id", "fingerprint"]
            rows: list[dict[str, Any]] = await (await self._tables.clips()).query().select(columns).to_list()
            return rows

        rows = await self._tables.read(read)
        try:
            seen = await self._switch.seen(self._switch.wanted)
        except ModelUnavailable:
            seen = {}
        counts = {clip_id: each.frames for clip_id, each in seen.items()}
        return {row["clip_id"]: IndexedClip(row["fingerprint"], counts.get(row["clip_id"], 0)) for row in rows}

    async def search(self, query: SearchQuery) -> SearchResult:
        """The best moments; the newest clips when nothing is asked for. A note says so when nothing matches well.

        Raises ModelUnavailable where an image is asked for and no embedder can be had.
        """
        return await self._tables.read(lambda: self._searcher.search(query))

    async def newest(self, limit: int = 5) -> SearchResult:
        return await self.search(SearchQuery(limit=limit))

    async def optimize(self) -> None:
        """Compact the tables and build the indexes that their sizes call for; other calls may go on meanwhile."""

        async def work() -> None:
            for table in await self._all_tables():
                await optimize(table)

        await self._tables.commit(work)

    async def is_due(self) -> bool:
        """Whether so much was written, by whichever process, that it is time to `optimize`. Cheap."""
        return any([await is_due(table) for table in await self._tables.read(self._all_tables)])

    async def _all_tables(self) -> list[Any]:
        frames = [await self._tables.frames(model_id) for model_id in await self._tables.embedders()]
        return [await self._tables.clips(), *(table for table in frames if table is not None)]

    async def reset(self) -> None:
        """Start empty; the old folder is moved aside. A reconcile fills the index again."""
        await self._tables.reset()

    async def drop_older(self) -> list[str]:
        """Drop the tables of older schemas; their names."""
        return await self._tables.drop_older()

    async def drop_unused(self) -> list[str]:
        """Drop what embedders saw that are not used any more; their model ids. Raises ModelUnavailable."""
        return await self._switch.drop_unused()

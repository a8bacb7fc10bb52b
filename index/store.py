"""The archive's search index: every clip, findable by its text and by what its frames show."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyio import CapacityLimiter, to_thread

from ltx_mcp.index.embed import Embedder
from ltx_mcp.index.optimize import optimize
from ltx_mcp.index.query import SearchQuery
from ltx_mcp.index.sample import Samples
from ltx_mcp.index.schema import among, clip_rows, frame_rows, quoted
from ltx_mcp.index.search import Searcher
from ltx_mcp.index.tables import Tables
from ltx_mcp.types.clips import Clip, SearchResult

__all__ = ["ClipIndex", "IndexedClip", "SearchQuery"]

OPTIMIZE_EVERY = 50  # clips written by this process


@dataclass(frozen=True)
class IndexedClip:
    """What the index remembers of a clip: `schema.fingerprint`, its file, how many of its frames are there."""

    fingerprint: str
    path: Path
    frames: int


class ClipIndex:
    """LanceDB tables in `folder`, which other processes may use at the same time.

    Nothing is opened and nothing heavy imported before the first call. The model runs on a worker thread, one
    call at a time, so the event loop stays free. Methods raise IndexUnavailable and ModelUnavailable.
    """

    def __init__(self, folder: Path, embedder: Embedder) -> None:
        self._embedder = embedder
        self._tables = Tables(folder, lambda: embedder.model_id)
        self._model_slot = CapacityLimiter(1)
        self._searcher = Searcher(self._tables, embedder, self._model_slot)
        self._written = 0

    async def open(self) -> None:
        """Open the tables now, healing what is broken; any other method would do it by itself."""
        await self._tables.clips()

    async def close(self) -> None:
        self._tables.close()

    async def add(self, clip: Clip, samples: Samples) -> None:
        """Add or replace a clip. The clip's row is written last: a clip without one is not found."""
        vectors = await to_thread.run_sync(self._embedder.embed_frames, samples.frames, limiter=self._model_slot)
        await self.open()
        if len(vectors):
            frames = frame_rows(clip, samples, vectors, self._tables.model_id)
            await self._tables.commit(lambda: self._put_frames(clip.clip_id, frames))
        row = clip_rows(clip, self._tables.model_id)
        await self._tables.commit(lambda: self._put_clip(row))
        self._written += 1
        if self._written % OPTIMIZE_EVERY == 0:
            await self.optimize()

    async def _put_frames(self, clip_id: str, rows: Any) -> None:
        dim = rows.schema.field("vector").type.list_size
        merge = (await self._tables.make_frames(dim)).merge_insert("frame_id")
        merge = merge.when_matched_update_all().when_not_matched_insert_all()
        await merge.when_not_matched_by_source_delete(f"clip_id = {quoted(clip_id)}").execute(rows)

    async def _put_clip(self, row: Any) -> None:
        merge = (await self._tables.clips()).merge_insert("clip_id")
        await merge.when_matched_update_all().when_not_matched_insert_all().execute(row)

    async def remove(self, clip_id: str) -> None:
        """Delete a clip's rows, its own first; a clip that is not indexed is ignored."""
        where = f"clip_id = {quoted(clip_id)}"

        async def delete_row() -> None:
            await (await self._tables.clips()).delete(where)

        async def delete_frames() -> None:
            if (frames := await self._tables.frames()) is not None:
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

        async def read() -> dict[str, IndexedClip]:
            columns = ["clip_id", "fingerprint", "path"]
            rows = await (await self._tables.clips()).query().select(columns).to_list()
            frames = await self._tables.frames()
            owners = await frames.query().select(["clip_id"]).to_arrow() if frames is not None else None
            counts = Counter(owners["clip_id"].to_pylist() if owners is not None else ())
            return {
                row["clip_id"]: IndexedClip(row["fingerprint"], Path(row["path"]), counts[row["clip_id"]])
                for row in rows
            }

        return await self._tables.read(read)

    async def search(self, query: SearchQuery) -> SearchResult:
        """The best moments; the newest clips when nothing is asked for. A note says so when nothing matches well."""
        return await self._tables.read(lambda: self._searcher.search(query))

    async def newest(self, limit: int = 5) -> SearchResult:
        return await self.search(SearchQuery(limit=limit))

    async def optimize(self) -> None:
        """Compact the tables and build the indexes that their sizes call for; other calls may go on meanwhile."""

        async def work() -> None:
            await optimize(await self._tables.clips())
            if (frames := await self._tables.frames()) is not None:
                await optimize(frames)

        await self._tables.commit(work)

    async def reset(self) -> None:
        """Start empty; the old folder is moved aside. A reconcile fills the index again."""
        await self._tables.reset()

    async def drop_other_tables(self) -> list[str]:
        """Drop the tables of other embedding models and older schemas; their names."""
        return await self._tables.drop_others()

"""The LanceDB tables on disk: opened late, healed when broken, shared with other processes.

The index is derived from the clips' sidecars, so nothing is lost when its folder cannot be read: it is moved aside
and the next reconcile fills a new one.
"""

import importlib
import logging
import random
import shutil
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import anyio
from anyio import to_thread

from ltx_mcp.errors import IndexUnavailable, StudioError
from ltx_mcp.index.optimize import newer_schema
from ltx_mcp.index.schema import SCHEMA_VERSION, clips_schema, frames_schema, table_name, version_of

log = logging.getLogger(__name__)
T = TypeVar("T")

TEXT_COLUMNS = ("prompt", "title")
COMMIT_TRIES = 6
FIRST_WAIT_S = 0.05  # doubles with every try: 1.6 s in all
REMEDY = "No clip is lost. Run `ltx-mcp reindex` to rebuild the search index from the clips."


class Tables:
    """The clips and frames of one embedding model in one folder.

    `model_id` is called on a worker thread when the tables are opened. Everything here may be used from many
    tasks at once, on one event loop.
    """

    def __init__(self, folder: Path, model_id: Callable[[], str]) -> None:
        self._folder = folder
        self._model_id = model_id
        self._opening = anyio.Lock()
        self._database: Any = None
        self._clips: Any = None
        self._frames: Any = None
        self.model_id = ""
        self.was_moved_aside = False

    async def clips(self) -> Any:
        """The table of clips, made if it is missing. Raises IndexUnavailable, ModelUnavailable."""
        async with self._opening:
            if self._clips is None:
                await self._open()
            return self._clips

    async def frames(self) -> Any | None:
        """The table of frames; None until the first frame of this model was written, by whichever process."""
        await self.clips()
        name = table_name("frames", self.model_id)
        if self._frames is None and name in await self._names():
            self._frames = await self._database.open_table(name)
        return self._frames

    async def make_frames(self, dim: int) -> Any:
        await self.clips()
        if self._frames is None:
            name = table_name("frames", self.model_id)
            schema = frames_schema(self.model_id, dim)
            self._frames = await self._database.create_table(name, schema=schema, exist_ok=True)
        return self._frames

    async def read(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run a read. If it fails the tables are reopened, once: another process may have replaced them."""
        try:
            return await work()
        except StudioError:
            raise
        except Exception as error:
            log.warning("reading the search index failed, reopening it: %s", _first_line(error))
            self._forget()
        try:
            return await work()
        except StudioError:
            raise
        except Exception as error:
            raise IndexUnavailable(f"The search index cannot be read: {_first_line(error)}", REMEDY) from error

    async def commit(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run a write, again when another process committed first; a bounded number of times."""
        for attempt in range(COMMIT_TRIES):
            try:
                return await work()
            except StudioError:
                raise
            except Exception as error:
                if attempt == COMMIT_TRIES - 1:
                    raise IndexUnavailable(
                        f"The search index cannot be written: {_first_line(error)}", REMEDY
                    ) from error
                log.info("writing the search index again after: %s", _first_line(error))
                self._forget()
            await anyio.sleep(FIRST_WAIT_S * 2**attempt * random.uniform(0.5, 1))
        raise AssertionError("unreachable")

    async def reset(self) -> None:
        """Move the folder aside and start an empty index. The last one moved aside is kept."""
        async with self._opening:
            self.close()
            await self._move_aside()
            await self._open()

    async def drop_others(self) -> list[str]:
        """Drop our tables of other models and older schemas; their names."""
        await self.clips()
        mine = {table_name(kind, self.model_id) for kind in ("clips", "frames")}
        others = [name for name in await self._names() if version_of(name) is not None and name not in mine]
        for name in others:
            await self._database.drop_table(name, ignore_missing=True)
        return others

    def close(self) -> None:
        """Let go of the files; the next use opens them again."""
        for handle in (self._clips, self._frames, self._database):
            if handle is not None:
                handle.close()
        self._forget()

    def _forget(self) -> None:
        """Reopen at the next use; tasks that use the current handles keep them."""
        self._clips = self._frames = self._database = None

    async def _open(self) -> None:
        self.model_id = await to_thread.run_sync(self._model_id)
        lancedb = await to_thread.run_sync(importlib.import_module, "lancedb")  # takes a second
        for last_chance in (False, True):  # a table that another process is just making may look broken
            try:
                return await self._connect(lancedb)
            except StudioError:
                raise
            except Exception as error:
                problem = error
            if not last_chance:
                await anyio.sleep(4 * FIRST_WAIT_S)
        log.warning("the search index in %s cannot be read and is moved aside: %s", self._folder, problem)
        await self._move_aside()
        try:
            await self._connect(lancedb)
        except Exception as error:
            raise IndexUnavailable(f"No search index can be made in {self._folder}: {error}", REMEDY) from error

    async def _connect(self, lancedb: Any) -> None:
        """Open or make the clips table; touch both tables and the words' index, because what is broken still opens."""
        from lancedb.query import MultiMatchQuery

        await to_thread.run_sync(lambda: self._folder.mkdir(parents=True, exist_ok=True))
        # Zero: see every commit of other processes.
        self._database = await lancedb.connect_async(str(self._folder), read_consistency_interval=timedelta(0))
        newest = max((version_of(name) or 0 for name in await self._names()), default=0)
        if newest > SCHEMA_VERSION:
            raise newer_schema(newest, SCHEMA_VERSION)
        name = table_name("clips", self.model_id)
        clips = await self._database.create_table(name, schema=clips_schema(self.model_id), exist_ok=True)
        await clips.query().limit(1).to_list()
        await self._create_text_index(clips)
        await clips.query().nearest_to_text(MultiMatchQuery("probe", list(TEXT_COLUMNS))).limit(1).to_list()
        self._clips = clips
        if (frames := table_name("frames", self.model_id)) in await self._names():
            self._frames = await self._database.open_table(frames)
            await self._frames.query().limit(1).to_list()

    async def _create_text_index(self, clips: Any) -> None:
        from lancedb.index import FTS

        indexed = {column for index in await clips.list_indices() for column in index.columns}
        for column in TEXT_COLUMNS:
            if column not in indexed:  # FTS stems English words and drops its stop words
                await clips.create_index(column, config=FTS())

    async def _names(self) -> list[str]:
        names: list[str] = []
        token = None
        while True:
            page = await self._database.list_tables(page_token=token, limit=1000)
            names += page.tables
            token = page.page_token
            if not token:
                return names

    async def _move_aside(self) -> None:
        aside = self._folder.with_name(f"{self._folder.name}.damaged")

        def move() -> None:
            if aside.is_dir():
                shutil.rmtree(aside)
            if self._folder.exists():
                self._folder.replace(aside)

        try:
            await to_thread.run_sync(move)
            self.was_moved_aside = True
        except OSError as error:
            raise IndexUnavailable(
                f"The broken search index {self._folder} cannot be moved to {aside}: {error}", REMEDY
            ) from error


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:300]

"""The LanceDB tables on disk: opened late, healed when broken, shared with other processes.

The index is derived from the clips' sidecars, so nothing is lost when one of its tables cannot be read: it is dropped,
alone, and the next reconcile fills a new one. If that does not help, the folder is moved aside.
"""

import importlib
import logging
import random
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import anyio
from anyio import to_thread

from ltx_mcp.errors import IndexUnavailable, StudioError
from ltx_mcp.index import notes
from ltx_mcp.index.schema import (
    CLIPS,
    FRAMES,
    SCHEMA_VERSION,
    clips_schema,
    embedder_of,
    frames_name,
    frames_schema,
    version_of,
)

log = logging.getLogger(__name__)
T = TypeVar("T")

TEXT_COLUMNS = ("prompt", "title")
PARTS = "parts"  # of words, for scripts that are written without spaces (letters.py)
COMMIT_TRIES = 6
FIRST_WAIT_S = 0.05  # doubles with every try: 1.6 s in all
REMEDY = "No clip is lost. Run `ltx-mcp reindex` to rebuild the search index from the clips."


class Tables:
    """The clips, and the frames of each embedder, in one folder.

    Nothing here needs an embedder. Everything may be used from many tasks at once, on one event loop.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opening = anyio.Lock()
        self._database: Any = None
        self._clips: Any = None
        self._frames: dict[str, Any] = {}
        self.was_damaged = False
        self._told: set[str] = set()
        self._to_tell: list[str] = []

    def _tell(self, note: str) -> None:
        if note not in self._told:
            self._told.add(note)
            self._to_tell.append(note)

    def news(self) -> str:
        """What happened to the index, told once; "" where nothing did."""
        told, self._to_tell = " ".join(self._to_tell), []
        return told

    def _damaged(self) -> None:
        """Each time that something was broken and is made again."""
        self.was_damaged = True
        self._told.discard(notes.HEALED)
        self._tell(notes.HEALED)

    async def clips(self) -> Any:
        """The table of clips, made if it is missing. Raises IndexUnavailable."""
        async with self._opening:
            if self._clips is None:
                await self._open()
            return self._clips

    async def frames(self, model_id: str) -> Any | None:
        """The frames of an embedder; None until the first of them was written, by whichever process."""
        await self.clips()
        name = frames_name(model_id)
        if name not in self._frames and name in await self._names():
            self._frames[name] = await _with_all_columns(await self._database.open_table(name))
        return self._frames.get(name)

    async def make_frames(self, model_id: str, dim: int, weights: str = "") -> Any:
        await self.clips()
        name = frames_name(model_id)
        if name not in self._frames:
            schema = frames_schema(model_id, dim, weights)
            table = await self._database.create_table(name, schema=schema, exist_ok=True)
            self._frames[name] = await _with_all_columns(table)
        return self._frames[name]

    async def embedders(self) -> dict[str, str]:
        """Model ids of the embedders that have frames here, each with the weights by which it can be made again."""
        await self.clips()
        found = {}
        for name in await self._names():
            if name.startswith(FRAMES) and (table := await self._readable(name)) is not None:
                model_id, weights = embedder_of(await table.schema())
                found[model_id] = weights
        return found

    async def _readable(self, name: str) -> Any | None:
        """A frames table; one that is broken for good is dropped. One that is just being made may look broken."""
        for last_chance in (False, True):
            try:
                table = self._frames.get(name) or await self._database.open_table(name)
                await table.query().limit(1).to_list()
                return table
            except Exception as error:
                self._frames.pop(name, None)
                problem = error
            if not last_chance:
                await anyio.sleep(4 * FIRST_WAIT_S)
        log.warning("%s cannot be read and is dropped; its clips are embedded again: %s", name, _first_line(problem))
        await self._drop(name)
        self._damaged()
        return None

    async def drop_frames(self, model_id: str) -> None:
        """Drop all that an embedder saw."""
        await self.clips()
        await self._drop(frames_name(model_id))

    async def drop_older(self) -> list[str]:
        """Drop our tables of older schemas; their names."""
        await self.clips()
        older = [name for name in await self._names() if (version_of(name) or SCHEMA_VERSION) < SCHEMA_VERSION]
        for name in older:
            await self._drop(name)
        return older

    async def _drop(self, name: str) -> None:
        self._frames.pop(name, None)
        await self._database.drop_table(name, ignore_missing=True)

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

    def lost(self) -> None:
        """Files went missing, so that what is there is not all that was."""
        self._damaged()

    async def reset(self) -> None:
        """Move the folder aside and start an empty index. The last one moved aside is kept."""
        async with self._opening:
            self.close()
            await self._move_aside("it is to be filled again")
            await self._open()

    def close(self) -> None:
        """Let go of the files; the next use opens them again."""
        for handle in (self._clips, *self._frames.values(), self._database):
            if handle is not None:
                handle.close()
        self._forget()

    def _forget(self) -> None:
        """Reopen at the next use; tasks that use the current handles keep them."""
        self._clips = self._database = None
        self._frames = {}

    async def _open(self) -> None:
        lancedb = await to_thread.run_sync(importlib.import_module, "lancedb")  # takes a second
        # Twice: a table that another process is just making may look broken. Then without the table of clips, so that
        # the frames stay, which take long to embed; then without anything.
        for repair in (self._wait, self._drop_clips, self._move_aside):
            try:
                return await self._connect(lancedb)
            except StudioError:
                raise
            except Exception as error:
                problem = _first_line(error)
            await repair(problem)
        try:
            await self._connect(lancedb)
        except Exception as error:
            raise IndexUnavailable(f"No search index can be made in {self._folder}: {error}", REMEDY) from error

    async def _wait(self, problem: str) -> None:
        await anyio.sleep(4 * FIRST_WAIT_S)

    async def _drop_clips(self, problem: str) -> None:
        if self._database is None:
            return
        log.warning("the table of clips in %s cannot be read and is dropped: %s", self._folder, problem)
        with suppress(Exception):  # what follows is moving the folder aside
            await self._database.drop_table(CLIPS, ignore_missing=True)
        self._damaged()

    async def _connect(self, lancedb: Any) -> None:
        """Open or make the clips table; touch it and the words' index, because what is broken still opens."""
        from lancedb.query import MultiMatchQuery

        await to_thread.run_sync(lambda: self._folder.mkdir(parents=True, exist_ok=True))
        # Zero: see every commit of other processes.
        self._database = await lancedb.connect_async(str(self._folder), read_consistency_interval=timedelta(0))
        if any((version_of(name) or 0) > SCHEMA_VERSION for name in await self._names()):
            self._tell(notes.NEWER)  # those tables are left alone, for whichever ltx-mcp wrote them
        clips = await self._database.create_table(CLIPS, schema=clips_schema(), exist_ok=True)
        if PARTS not in (await clips.schema()).names:  # an older ltx-mcp's; the next match of the words fills it
            await clips.add_columns({PARTS: "''"})
        await clips.query().limit(1).to_list()
        await self._create_text_index(clips)
        await clips.query().nearest_to_text(MultiMatchQuery("probe", list(TEXT_COLUMNS))).limit(1).to_list()
        self._clips = clips

    async def _create_text_index(self, clips: Any) -> None:
        from lancedb.index import FTS

        indexed = {column for index in await clips.list_indices() for column in index.columns}
        for column in TEXT_COLUMNS:
            if column not in indexed:  # FTS stems English words and drops its stop words
                await clips.create_index(column, config=FTS())
        if PARTS not in indexed:
            plain = {"stem": False, "remove_stop_words": False, "ascii_folding": False, "lower_case": False}
            await clips.create_index(PARTS, config=FTS(base_tokenizer="whitespace", **plain))

    async def _names(self) -> list[str]:
        names: list[str] = []
        token = None
        while True:
            page = await self._database.list_tables(page_token=token, limit=1000)
            names += page.tables
            token = page.page_token
            if not token:
                return names

    async def _move_aside(self, problem: str) -> None:
        log.warning("the search index in %s cannot be read and is moved aside: %s", self._folder, problem)
        aside = self._folder.with_name(f"{self._folder.name}.damaged")

        def move() -> None:
            if aside.is_dir():
                shutil.rmtree(aside)
            if self._folder.exists():
                self._folder.replace(aside)

        try:
            await to_thread.run_sync(move)
            self._damaged()
        except OSError as error:
            raise IndexUnavailable(
                f"The broken search index {self._folder} cannot be moved to {aside}: {error}", REMEDY
            ) from error


async def _with_all_columns(frames: Any) -> Any:
    """A frames table that was made before shots were known gets their column, empty: nothing is embedded again."""
    if "shot_start_s" not in (await frames.schema()).names:
        await frames.add_columns({"shot_start_s": "CAST(NULL AS DOUBLE)"})
    return frames


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:300]

"""The LanceDB tables on disk: opened late, healed when broken, shared with other processes.

The index is derived from the clips' sidecars, so nothing is lost when one of its tables cannot be read: it is dropped,
alone, and the next reconcile fills a new one. If that does not help, the folder is moved aside.
"""

import importlib
import logging
import os
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import anyio
from anyio import to_thread

from ltx_mcp.errors import IndexUnavailable, StudioError
from ltx_mcp.index import notes
from ltx_mcp.index.columns import ready_clips, ready_frames
from ltx_mcp.index.place import REMEDY, Place
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

COMMIT_TRIES = 6
FIRST_WAIT_S = 0.05  # doubles with every try: 1.6 s in all


class Tables:
    """The clips, and the frames of each embedder, in one folder or object store.

    Nothing here needs an embedder. Everything may be used from many tasks at once, on one event loop.
    """

    def __init__(self, place: Path | str) -> None:
        self._place = Place(place)
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

    @property
    def heals(self) -> bool:
        """Whether what cannot be read is broken, and may go. In an object store it may be the network."""
        return self._place.is_folder

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
            self._frames[name] = await ready_frames(await self._database.open_table(name))
        return self._frames.get(name)

    async def make_frames(self, model_id: str, dim: int, weights: str = "") -> Any:
        await self.clips()
        name = frames_name(model_id)
        if name not in self._frames:
            schema = frames_schema(model_id, dim, weights)
            table = await self._database.create_table(name, schema=schema, exist_ok=True)
            self._frames[name] = await ready_frames(table)
        return self._frames[name]

    async def side_table(self, name: str, schema: Any) -> Any:
        """A small table that is neither of clips nor of frames, made if it is missing."""
        await self.clips()
        return await self._database.create_table(name, schema=schema, exist_ok=True)

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
        if not self.heals:
            raise IndexUnavailable(f"{name} in {self._place} cannot be read: {_first_line(problem)}", REMEDY)
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
            if self.heals:
                await self._move_aside("it is to be filled again")
            await self._open()
        if not self.heals:
            for name in await self._names():
                if version_of(name) == SCHEMA_VERSION:
                    await self._drop(name)
            self._forget()

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
        os.environ.setdefault("LANCEDB_LOG", "error")  # it warns of every partition of an index that is empty
        lancedb = await to_thread.run_sync(importlib.import_module, "lancedb")  # takes a second
        # Twice: a table that another process is just making may look broken. Then without the table of clips, so that
        # the frames stay, which take long to embed; then without anything.
        repairs = (self._wait, self._drop_clips, self._move_aside) if self.heals else (self._wait,)
        for repair in repairs:
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
            raise IndexUnavailable(f"No search index can be made in {self._place}: {error}", REMEDY) from error

    async def _wait(self, problem: str) -> None:
        await anyio.sleep(4 * FIRST_WAIT_S)

    async def _drop_clips(self, problem: str) -> None:
        if self._database is None:
            return
        log.warning("the table of clips in %s cannot be read and is dropped: %s", self._place, problem)
        with suppress(Exception):  # what follows is moving the folder aside
            await self._database.drop_table(CLIPS, ignore_missing=True)
        self._damaged()

    async def _connect(self, lancedb: Any) -> None:
        """Open or make the table of clips."""
        await self._place.make()
        # Zero: see every commit of other processes.
        self._database = await lancedb.connect_async(self._place.uri, read_consistency_interval=timedelta(0))
        if any((version_of(name) or 0) > SCHEMA_VERSION for name in await self._names()):
            self._tell(notes.NEWER)  # those tables are left alone, for whichever ltx-mcp wrote them
        clips = await self._database.create_table(CLIPS, schema=clips_schema(), exist_ok=True)
        await ready_clips(clips)
        self._clips = clips

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
        log.warning("the search index in %s cannot be read and is moved aside: %s", self._place, problem)
        await self._place.move_aside()
        self._damaged()


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:300]

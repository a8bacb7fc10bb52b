"""What the index needs beside its searches, in the background: embedding what has not been seen, and optimizing."""

import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
from anyio.abc import TaskGroup

from ltx_mcp.errors import StudioError
from ltx_mcp.index.rebuild import ReadSamples, embed_missing
from ltx_mcp.index.store import ClipIndex
from ltx_mcp.types.clips import Clip

log = logging.getLogger(__name__)

OPTIMIZING_REST = 10  # times as long as an optimization took: the next is not begun before, whatever is written
LAST_OPTIMIZING_S = 5.0  # after the stop, enough for thousands of clips: commands that make one clip would never do it


@dataclass(frozen=True)
class Embedding:
    """How far it is: clips done, of how many."""

    done: int
    of: int


class Upkeep:
    """One pass at a time, in a task of `tasks`. A pass that is stopped is taken up where it was by the next one."""

    def __init__(
        self,
        index: ClipIndex,
        clips: Callable[[], Awaitable[list[Clip]]],
        read_samples: ReadSamples,
        tasks: TaskGroup,
    ) -> None:
        self._index, self._clips, self._read_samples, self._tasks = index, clips, read_samples, tasks
        self._pass: anyio.CancelScope | None = None
        self._ended = anyio.Event()
        self._began = 0.0
        self._again = False
        self._closed = False
        self._optimizing: anyio.CancelScope | None = None
        self._not_before = 0.0
        self.progress: Embedding | None = None
        """None while nothing is embedded."""

    def start(self) -> None:
        """Embed what is missing. What goes missing meanwhile is embedded after it."""
        if self._closed:
            return
        if self._pass is not None:
            self._again = True
            return
        self._pass, self._ended, self._began = anyio.CancelScope(), anyio.Event(), anyio.current_time()
        self._tasks.start_soon(self._run)

    def stop(self) -> None:
        """For good. A clip that is just being embedded is finished by the thread that does it, or not at all."""
        self._closed = True
        if self._pass is not None:
            self._pass.cancel()
        if self._optimizing is not None:
            self._optimizing.deadline = anyio.current_time() + LAST_OPTIMIZING_S

    def written(self) -> None:
        """A clip was written: optimize the index if that is due. One at a time; who adds a clip never waits for it."""
        if self._optimizing is None and not self._closed:
            self._optimizing = anyio.CancelScope(shield=True)
            self._tasks.start_soon(self._optimize, self._optimizing)

    async def _optimize(self, scope: anyio.CancelScope) -> None:
        try:
            with scope:
                began = anyio.current_time()
                if began >= self._not_before and await self._index.is_due():
                    await self._index.optimize()
                    self._not_before = began + OPTIMIZING_REST * (anyio.current_time() - began)
        except StudioError as error:
            log.warning("the search index is not optimized: %s", error)
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException:
            log.exception("the search index is not optimized")
        finally:
            self._optimizing = None

    async def settled(self, within_s: float) -> None:
        """Wait until the pass has ended, but not when it has gone on for longer than this: one that takes an hour must
        not hold up every search in it.
        """
        if self._pass is not None:
            with anyio.move_on_after(self._began + within_s - anyio.current_time()):
                await self._ended.wait()

    async def _run(self) -> None:
        scope = self._pass or anyio.CancelScope()
        try:
            with scope:
                await self._embed()
                while self._again:
                    self._again = False
                    await self._embed()
        finally:
            self._pass, self._again, self.progress = None, False, None
            self._ended.set()

    async def _embed(self) -> None:
        """Nothing that goes wrong here may end the studio, not even a panic in the index's Rust."""
        try:
            await embed_missing(self._index, await self._clips(), self._read_samples, self._report, random.random())
        except StudioError as error:
            log.warning("the frames of clips are not embedded: %s", error)
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException:
            log.exception("the frames of clips are not embedded")

    def _report(self, done: int, of: int) -> None:
        self.progress = Embedding(done, of)

"""A studio that opens with the first call that needs it, so that tools/list is answered at once.

A studio that cannot open says why in the answer to that call, and the next call tries again. Several clients may share
one: each reaches it through a LazyStudio of its own.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from ltx_mcp.errors import StudioError

if TYPE_CHECKING:
    from ltx_mcp.studio.studio import Studio


class LazyStudio:
    """What the tools of one client reach the studio through.

    `max_wait_s` caps how long a call may wait for a job, in seconds. `client_left` tells a call that is cancelled
    whether its client gave it up or is not there any more.
    """

    def __init__(
        self,
        open_studio: "Callable[[], AbstractAsyncContextManager[Studio]]",
        max_wait_s: float,
        has_work: Callable[[], bool] = lambda: False,
    ) -> None:
        self.max_wait_s = max_wait_s
        self._has_work = has_work
        self._client_left = False
        self._open_studio = open_studio
        self._opening = _Opening(open_studio)
        self._seen: Callable[[Studio], Studio] = lambda studio: studio

    def for_client(self, roots: tuple[Path, ...] | None, max_wait_s: float) -> "LazyStudio":
        """The same studio for one more client, whose inputs may come from its own `roots` (see `Inputs`)."""
        client = copy(self)
        client.max_wait_s, client._client_left = max_wait_s, False
        client._seen = lambda studio: studio.with_roots(roots)
        return client

    async def studio(self) -> "Studio":
        """The open studio. Raises what opening it raised; the next call tries again."""
        return self._seen(await self._opening.studio())

    def again(self) -> "LazyStudio":
        """The same studio, to be opened once more after this one was closed."""
        return LazyStudio(self._open_studio, self.max_wait_s, self._has_work)

    @property
    def client_left(self) -> bool:
        """Whether this client has gone, or its server is about to: its calls were not given up, whatever ends them."""
        return self._client_left or self._opening.is_leaving

    def leave_client(self) -> None:
        """The client has gone."""
        self._client_left = True

    def leave_jobs(self) -> None:
        """Leave the running jobs to the next process, before the studio is closed. Who waits for one is not told."""
        self._opening.is_leaving = True
        if self._opening.opened is not None:
            self._opening.opened.jobs.stop()

    def stop_jobs(self) -> None:
        """Leave the running jobs to the next process; who waits for one is told, before the studio is closed."""
        self.leave_jobs()
        if self._opening.opened is not None:
            self._opening.opened.jobs.tell_of_stop()

    async def all_ended(self) -> None:
        """Wait until no job of this process is unfinished."""
        if self._opening.opened is not None:
            await self._opening.opened.jobs.all_ended()

    async def device_lost(self) -> None:
        """Wait until the device is lost to this process: no job of this studio can be rendered any more."""
        await self._opening.has_opened.wait()
        assert self._opening.opened is not None
        await self._opening.opened.jobs.device_lost()

    @property
    def has_lost_device(self) -> bool:
        """Whether the device is lost to this process."""
        return self._opening.opened is not None and self._opening.opened.jobs.has_lost_device

    async def open_for_jobs(self) -> None:
        """Open the studio now if jobs wait in it. If it cannot be opened they wait on; who calls next is told why."""
        if self._has_work():
            with suppress(StudioError):
                await self._opening.studio()

    @property
    def unfinished_count(self) -> int:
        """How many jobs of this process have not ended."""
        return 0 if self._opening.opened is None else self._opening.opened.jobs.unfinished_count

    @asynccontextmanager
    async def running(self) -> AsyncGenerator["LazyStudio"]:
        """Open the studio on demand until the block is left, or at once if jobs wait in it; then close it, if it was
        opened.

        Whoever enters first closes it: the clients' blocks lie within that one.
        """
        if self._opening.is_running:
            yield self
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._opening.run)
            self._opening.is_running = True
            if self._has_work():
                self._opening.want()
            try:
                yield self
            finally:
                self._opening.stop()


@dataclass
class _Attempt:
    """One attempt to open the studio, and how it ended."""

    wanted: anyio.Event = field(default_factory=anyio.Event)
    settled: anyio.Event = field(default_factory=anyio.Event)
    failure: Exception | None = None


class _Opening:
    """`open_studio` is entered and left in one task, as the task group inside it needs."""

    def __init__(self, open_studio: "Callable[[], AbstractAsyncContextManager[Studio]]") -> None:
        self.opened: Studio | None = None
        self.has_opened = anyio.Event()
        self.is_running = False
        self.is_leaving = False
        self._open_studio = open_studio
        self._attempt = _Attempt()
        self._closing = anyio.Event()

    async def studio(self) -> "Studio":
        attempt = self._attempt
        attempt.wanted.set()
        await attempt.settled.wait()
        if attempt.failure is not None:
            raise attempt.failure
        assert self.opened is not None
        return self.opened

    def want(self) -> None:
        self._attempt.wanted.set()

    def stop(self) -> None:
        self._closing.set()
        self._attempt.wanted.set()

    async def run(self) -> None:
        while True:
            attempt = self._attempt
            await attempt.wanted.wait()
            if self._closing.is_set():
                return
            try:
                async with self._open_studio() as self.opened:
                    attempt.settled.set()
                    self.has_opened.set()
                    await self._closing.wait()
                    return
            except Exception as error:
                if attempt.settled.is_set():
                    raise
                self._attempt = _Attempt()
                attempt.failure = error
                attempt.settled.set()

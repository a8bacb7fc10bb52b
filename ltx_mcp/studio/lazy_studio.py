"""A studio that opens with the first call that needs it, so that tools/list is answered at once.

A studio that cannot open says why in the answer to that call, and the next call tries again.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from ltx_mcp.studio.studio import Studio


@dataclass
class _Attempt:
    """One attempt to open the studio, and how it ended."""

    wanted: anyio.Event = field(default_factory=anyio.Event)
    settled: anyio.Event = field(default_factory=anyio.Event)
    failure: Exception | None = None


class LazyStudio:
    """What tools reach the studio through. `max_wait_s` caps how long a call may wait for a job, in seconds.

    `open_studio` is entered and left in one task, as the task group inside it needs.
    """

    def __init__(self, open_studio: "Callable[[], AbstractAsyncContextManager[Studio]]", max_wait_s: float) -> None:
        self.max_wait_s = max_wait_s
        self._open_studio = open_studio
        self._attempt = _Attempt()
        self._closing = anyio.Event()

    async def studio(self) -> "Studio":
        """The open studio. Raises what opening it raised; the next call tries again."""
        attempt = self._attempt
        attempt.wanted.set()
        await attempt.settled.wait()
        if attempt.failure is not None:
            raise attempt.failure
        return self._studio

    def stop_jobs(self) -> None:
        """End the running jobs, if the studio is open: who waits for one is told, before the studio is closed."""
        if self._attempt.settled.is_set():
            self._studio.jobs.stop()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator["LazyStudio"]:
        """Open the studio on demand until the block is left; then close it, if it was opened."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._keep_studio)
            try:
                yield self
            finally:
                self._closing.set()
                self._attempt.wanted.set()

    async def _keep_studio(self) -> None:
        while True:
            attempt = self._attempt
            await attempt.wanted.wait()
            if self._closing.is_set():
                return
            try:
                async with self._open_studio() as self._studio:
                    attempt.settled.set()
                    await self._closing.wait()
                    return
            except Exception as error:
                if attempt.settled.is_set():
                    raise
                self._attempt = _Attempt()
                attempt.failure = error
                attempt.settled.set()

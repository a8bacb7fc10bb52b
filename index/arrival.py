"""A better embedder than the one that looks: whether it has come, and fetching it in the background where allowed."""

import logging
from collections.abc import Callable

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup

from ltx_mcp.errors import Cancelled, StudioError
from ltx_mcp.hub.cache import Hub
from ltx_mcp.index.catalogue import KnownEmbedder
from ltx_mcp.index.choice import EmbedderChoice

log = logging.getLogger(__name__)

FIRST_WAIT_S = 15 * 60.0  # after a download that failed; doubles with every failure
LONGEST_WAIT_S = 6 * 3600.0


class Arrival:
    """`arrived` is called on the event loop with each embedder that comes, whole and checked, the best one last.

    With `fetches`, the choice's automatic one is fetched in a task of `tasks` once it is needed. A failure costs nobody
    anything: it is tried again when it is needed, but not at once. What was fetched is kept.
    """

    def __init__(
        self,
        choice: EmbedderChoice,
        hub: Hub,
        tasks: TaskGroup,
        arrived: Callable[[KnownEmbedder], None],
        fetches: bool = False,
        clock: Callable[[], float] = anyio.current_time,
    ) -> None:
        self._best, self._automatic, self._unusable = choice.best, choice.automatic, choice.problem
        self._hub, self._tasks, self._arrived = hub, tasks, arrived
        self._fetches = fetches and not hub.offline
        self._clock = clock
        self._failures, self._not_before = 0, 0.0
        self._is_running = self._is_stopped = False
        self._bytes = (0, 0)
        self._problem = ""
        self._ended = anyio.Event()

    def need(self) -> None:
        """A search or a new clip could use it: look whether it has come, whoever fetched it, or start to fetch it."""
        if self._best is None or self._is_stopped or self._is_running:
            return
        for known in dict.fromkeys((self._best, self._automatic)):
            if known is not None and known.find(self._hub) is not None:
                self._come(known)
                return
        if self._fetches and self._automatic is not None and self._clock() >= self._not_before:
            self._is_running, self._ended = True, anyio.Event()
            self._tasks.start_soon(self._run, self._automatic)

    async def ended(self) -> None:
        """Wait until nothing is being fetched."""
        if self._is_running:
            await self._ended.wait()

    def stop(self) -> None:
        """For good, within a fifth of a second. The next process goes on from there."""
        self._is_stopped = True

    def note(self) -> str:
        """Where a better embedder is, for whoever searched without it; "" if there is none to wait for."""
        if self._best is None:
            return self._unusable
        if self._is_running and self._automatic is not None:
            done, of = self._bytes
            return f"{self._automatic.said} is being fetched: {100 * done // of if of else 0} %."
        if self._problem and self._automatic is not None:
            return f"{self._automatic.said} could not be fetched, and is tried again later: {self._problem}"
        online = " with the network on (HF_HUB_OFFLINE is set)" if self._hub.offline else ""
        return f"`ltx-mcp setup` fetches {self._best.said}{online}."

    def _come(self, known: KnownEmbedder) -> None:
        self._automatic = None
        if known is self._best:
            self._best = None
        self._arrived(known)

    async def _run(self, known: KnownEmbedder) -> None:
        try:
            log.info("fetching the embedder %s from %s", known.said, known.repo)
            await to_thread.run_sync(known.fetch, self._hub, self._check, self._progress)
        except Cancelled:
            return
        except (StudioError, OSError) as error:
            self._failed(known, error.message if isinstance(error, StudioError) else str(error))
        else:
            self._problem = ""
            self._come(known)
        finally:
            self._is_running = False
            self._ended.set()

    def _failed(self, known: KnownEmbedder, problem: str) -> None:
        self._problem = problem
        wait_s = min(FIRST_WAIT_S * 2**self._failures, LONGEST_WAIT_S)
        self._failures += 1
        self._not_before = self._clock() + wait_s
        log.warning("the embedder %s could not be fetched: %s", known.name, problem)

    def _check(self) -> None:
        if self._is_stopped:
            raise Cancelled

    def _progress(self, done: int, of: int) -> None:
        self._bytes = (done, of)

"""Better weights than those in use: whether they have come, and fetching them in the background where allowed."""

import logging
from collections.abc import Callable
from typing import Generic, Literal, Protocol, TypeVar

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup

from ltx_mcp.errors import Cancelled, StudioError
from ltx_mcp.hub.cache import Hub, HubFile
from ltx_mcp.types.callbacks import BytesProgress, Check

log = logging.getLogger(__name__)

FIRST_WAIT_S = 15 * 60.0  # after a download that failed; doubles with every failure
LONGEST_WAIT_S = 6 * 3600.0


class KnownWeights(Protocol):
    """Weights of the hub. `said` is their name, with size and licence before anything is fetched."""

    @property
    def name(self) -> str: ...
    @property
    def repo(self) -> str: ...
    @property
    def said(self) -> str: ...
    def find(self, hub: Hub) -> HubFile | None: ...
    def fetch(self, hub: Hub, check: Check, progress: BytesProgress) -> None: ...


Downloads = Literal["auto", "ask", "never"]
Known = TypeVar("Known", bound=KnownWeights)
KnownOut = TypeVar("KnownOut", bound=KnownWeights, covariant=True)


class Choice(Protocol[KnownOut]):
    """`best` would be used if it were here, and `automatic` may be fetched without asking.

    `problem` is why what was named cannot be used.
    """

    @property
    def best(self) -> KnownOut | None: ...
    @property
    def automatic(self) -> KnownOut | None: ...
    @property
    def problem(self) -> str: ...


class Arrival(Generic[Known]):
    """`arrived` is called on the event loop with all weights that come, whole and checked, the best last.

    Where `downloads` is "auto", the choice's automatic one is fetched in a task of `tasks` once it is needed; where it
    is "ask", the best one, once the user permits it. A failure costs nobody anything: it is tried again when it is
    needed, but not at once. What was fetched is kept.
    """

    def __init__(
        self,
        choice: Choice[Known],
        hub: Hub,
        tasks: TaskGroup,
        arrived: Callable[[Known], None],
        downloads: Downloads = "never",
        clock: Callable[[], float] = anyio.current_time,
    ) -> None:
        self._best, self._automatic, self._unusable = choice.best, choice.automatic, choice.problem
        self._hub, self._tasks, self._arrived = hub, tasks, arrived
        self._downloads: Downloads = "never" if hub.offline else downloads
        self._clock = clock
        self._failures, self._not_before = 0, 0.0
        self._is_running = self._is_stopped = False
        self._bytes = (0, 0)
        self._problem = ""
        self._ended = anyio.Event()

    @property
    def offered(self) -> Known | None:
        """What would be fetched if the user were asked; None where that is settled, or the hub is out of reach."""
        if self._downloads != "ask" or self._is_stopped or self._best is None or self._best.find(self._hub) is not None:
            return None
        return self._best

    def permit(self) -> None:
        """The user wants what was offered, whatever its size."""
        if (wanted := self.offered) is not None:
            self._automatic, self._downloads = wanted, "auto"
            self.need()

    def need(self) -> None:
        """Somebody could use it: look whether it has come, whoever fetched it, or start to fetch it."""
        if self._best is None or self._is_stopped or self._is_running:
            return
        for known in dict.fromkeys((self._best, self._automatic)):
            if known is not None and known.find(self._hub) is not None:
                self._come(known)
                return
        if self._downloads == "auto" and self._automatic is not None and self._clock() >= self._not_before:
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
        """Where better weights are, for whoever did without them; "" if there are none to wait for."""
        if self._best is None:
            return self._unusable
        if self._is_running and self._automatic is not None:
            done, of = self._bytes
            return f"{self._automatic.said} is being fetched: {100 * done // of if of else 0} %."
        if self._problem and self._automatic is not None:
            return f"{self._automatic.said} could not be fetched, and is tried again later: {self._problem}"
        online = " with the network on (HF_HUB_OFFLINE is set)" if self._hub.offline else ""
        return f"`ltx-mcp setup` fetches {self._best.said}{online}."

    def _come(self, known: Known) -> None:
        self._automatic = None
        if known is self._best:
            self._best = None
        self._arrived(known)

    async def _run(self, known: Known) -> None:
        try:
            log.info("fetching %s from %s", known.said, known.repo)
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

    def _failed(self, known: Known, problem: str) -> None:
        self._problem = problem
        wait_s = min(FIRST_WAIT_S * 2**self._failures, LONGEST_WAIT_S)
        self._failures += 1
        self._not_before = self._clock() + wait_s
        log.warning("%s could not be fetched: %s", known.name, problem)

    def _check(self) -> None:
        if self._is_stopped:
            raise Cancelled

    def _progress(self, done: int, of: int) -> None:
        self._bytes = (done, of)

"""A classifier that cannot keep a job waiting for ever, and is what it says it is.

Its calls run on a thread of their own with a limit. One that is overdue cannot be ended, so while it goes on every
further call is refused at once; if it ever ends, scoring goes on.
"""

from collections.abc import Callable, Sequence, Set
from threading import Lock, Thread
from typing import Generic, TypeVar

from ltx_mcp.errors import ModerationUnavailable
from ltx_mcp.moderation.base import FrameClassifier, Scores
from ltx_mcp.types.frames import Frame

LOAD_LIMIT_S = 300.0  # weights from a slow disk
SCORE_LIMIT_S = 60.0  # eight frames: open_nsfw takes half a second on one core
HARMLESS_BELOW = 0.3  # score of the harmless canary
REMEDY = "Start ltx-mcp again. Nothing is published until the classifier answers; `ltx-mcp doctor` tells its state."

_T = TypeVar("_T")


class Bounded:
    """A `FrameClassifier` around another, whose `load` also tries its canaries. Any thread may call it."""

    def __init__(
        self, classifier: FrameClassifier, load_limit_s: float = LOAD_LIMIT_S, score_limit_s: float = SCORE_LIMIT_S
    ) -> None:
        self._classifier = classifier
        self._limits = load_limit_s, score_limit_s
        self._lock = Lock()
        self._overdue: Thread | None = None
        self._proven = False

    @property
    def name(self) -> str:
        return self._classifier.name

    @property
    def categories(self) -> Set[str]:
        return self._classifier.categories

    def canaries(self) -> tuple[Frame, Frame]:
        return self._classifier.canaries()

    def load(self) -> None:
        """A second call is free. Raises ModerationUnavailable, also for a classifier that fails its canaries."""
        if self._proven:
            return
        self._within(self._limits[0], self._classifier.load)
        harmless, suspect = self.score(self.canaries())
        if not all(self._tells_apart(harmless, suspect, category) for category in self.categories):
            raise ModerationUnavailable(
                f"{self.name} does not tell its two canaries apart: {harmless} and {suspect}.",
                "Its labels are not those that are declared. Install the classifier that ltx-mcp was made for.",
            )
        self._proven = True

    def _tells_apart(self, harmless: Scores, suspect: Scores, category: str) -> bool:
        low, high = harmless.get(category, 1.0), suspect.get(category, 0.0)
        return low < high and low < HARMLESS_BELOW

    def score(self, frames: Sequence[Frame]) -> list[Scores]:
        return self._within(self._limits[1], lambda: self._classifier.score(frames))

    def _within(self, limit_s: float, call: Callable[[], _T]) -> _T:
        with self._lock:
            if self._overdue is not None and self._overdue.is_alive():
                raise ModerationUnavailable(f"{self.name} has not answered an earlier call yet.", REMEDY)
            answer = _Answer(call)
            self._overdue = Thread(target=answer.make, name="frame classifier", daemon=True)
            self._overdue.start()
            self._overdue.join(limit_s)
            if self._overdue.is_alive():
                raise ModerationUnavailable(f"{self.name} did not answer within {limit_s:g} s.", REMEDY)
        return answer.get()


class _Answer(Generic[_T]):
    """What a call gives or raises that is made on another thread."""

    def __init__(self, call: Callable[[], _T]) -> None:
        self._call = call
        self._made: list[_T] = []
        self._error: Exception | None = None

    def make(self) -> None:
        try:
            self._made.append(self._call())
        except Exception as error:
            self._error = error

    def get(self) -> _T:
        """Raises what the call raised. Call it once `make` has ended."""
        if self._error is not None:
            raise self._error
        return self._made[0]

"""Calls of a model that cannot keep a job waiting for ever.

They run on a thread of their own with a limit. One that is overdue cannot be ended, so while it goes on every further
call is refused at once; if it ever ends, calls go on.
"""

from collections.abc import Callable
from threading import Lock, Thread
from typing import Generic, TypeVar

from ltx_mcp.errors import ModerationUnavailable

REMEDY = "Start ltx-mcp again. Nothing is published until the classifier answers; `ltx-mcp doctor` tells its state."

_T = TypeVar("_T")


class TimeLimit:
    """Of one model, whose calls come one at a time. Any thread may call it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.overdue: Thread | None = None

    def within(self, limit_s: float, call: Callable[[], _T], name: str) -> _T:
        """What the call gives or raises. Raises ModerationUnavailable, naming the model, once it takes too long."""
        with self._lock:
            if self.overdue is not None and self.overdue.is_alive():
                raise ModerationUnavailable(f"{name} has not answered an earlier call yet.", REMEDY)
            answer = _Answer(call)
            self.overdue = Thread(target=answer.make, name=name, daemon=True)
            self.overdue.start()
            self.overdue.join(limit_s)
            if self.overdue.is_alive():
                raise ModerationUnavailable(f"{name} did not answer within {limit_s:g} s.", REMEDY)
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

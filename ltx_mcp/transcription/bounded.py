"""A transcriber that cannot keep anybody waiting for ever.

Its calls run on a daemon thread with a limit. One that is overdue cannot be ended, so from then on every call is
refused: the archive goes on without, and the process can end.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from threading import Thread
from typing import TypeVar

from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.transcription.base import Samples, Transcriber
from ltx_mcp.types.callbacks import Check
from ltx_mcp.types.film import TimedText

LOAD_LIMIT_S = 300.0  # weights from a slow disk
HEAR_LIMIT_S = 300.0  # a window: at a tenth of the pace at which a model is chosen by itself
_POLL_S = 0.2  # between checks for an end
REMEDY = "Start ltx-mcp again, or set LTX_MCP_SPEECH=off."

_T = TypeVar("_T")


class BoundedTranscriber:
    """A `Transcriber` around another; `check` raises Cancelled where it should stop waiting. One thread at a time."""

    def __init__(
        self,
        transcriber: Transcriber,
        check: Check,
        load_limit_s: float = LOAD_LIMIT_S,
        hear_limit_s: float = HEAR_LIMIT_S,
    ) -> None:
        self._transcriber, self._check = transcriber, check
        self._limits = load_limit_s, hear_limit_s
        self._overdue: Future[object] | None = None

    @property
    def name(self) -> str:
        return self._transcriber.name

    def load(self) -> None:
        self._within(self._limits[0], self._transcriber.load)

    def transcribe(self, window: Samples) -> Sequence[TimedText]:
        return self._within(self._limits[1], lambda: self._transcriber.transcribe(window))

    def _within(self, limit_s: float, call: Callable[[], _T]) -> _T:
        if self._overdue is not None and not self._overdue.done():
            raise ModelUnavailable(f"{self.name} has not answered an earlier call yet.", REMEDY)
        answer: Future[_T] = Future()
        Thread(target=_answer, args=(answer, call), name="transcriber", daemon=True).start()
        waited_s = 0.0
        while not answer.done():
            self._check()
            if waited_s >= limit_s:
                self._overdue = answer  # type: ignore[assignment]  # a Future is invariant, and is only asked if it is done
                raise ModelUnavailable(f"{self.name} did not answer within {limit_s:g} s.", REMEDY)
            wait([answer], min(_POLL_S, limit_s))
            waited_s += min(_POLL_S, limit_s)
        return answer.result()


def _answer(answer: Future[_T], call: Callable[[], _T]) -> None:
    try:
        answer.set_result(call())
    except BaseException as error:
        answer.set_exception(error)

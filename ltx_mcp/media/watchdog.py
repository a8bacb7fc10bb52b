"""A limit on how long each of many short waits may take, with one thread for all of them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Thread


class Watchdog:
    """Calls `on_expiry` with the limit in seconds, once, if a block takes longer.

    A new block moves the deadline on, which wakes no thread: a film has hundreds of thousands of frames.
    """

    def __init__(self, on_expiry: Callable[[float], None]) -> None:
        self._on_expiry = on_expiry
        self._changed = Condition()
        self._deadline: float | None = None
        self._limit_s = 0.0
        self._wakes_at = float("inf")
        self._closed = False
        self._thread: Thread | None = None

    @contextmanager
    def within(self, limit_s: float) -> Iterator[None]:
        """One block at a time."""
        with self._changed:
            self._limit_s, self._deadline = limit_s, time.monotonic() + limit_s
            if self._thread is None:
                self._thread = Thread(target=self._watch, name="watchdog", daemon=True)
                self._thread.start()
            elif self._deadline < self._wakes_at:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._deadline = None

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                if self._deadline is not None and now >= self._deadline:
                    self._on_expiry(self._limit_s)
                    return
                self._wakes_at = float("inf") if self._deadline is None else self._deadline
                self._changed.wait(None if self._deadline is None else self._deadline - now)

"""Ctrl-C while a job is begun and waited for."""

import asyncio
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import anyio


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C cancels the block as a cancel scope does, and raises KeyboardInterrupt once that has unwound.

    asyncio's own way cancels the task, and no shield holds that off: a job whose id was not known yet could not be
    cancelled, and ran on with the next server. The second Ctrl-C is asyncio's, and so is every one on Windows, whose
    loop handles no signals. No signal reaches a thread that is not the main one.
    """
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return
    before, loop = signal.getsignal(signal.SIGINT), asyncio.get_running_loop()

    def give_back() -> None:
        if loop.remove_signal_handler(signal.SIGINT):
            signal.signal(signal.SIGINT, before)

    def cancel() -> None:
        scope.cancel()
        give_back()

    with anyio.CancelScope() as scope:
        loop.add_signal_handler(signal.SIGINT, cancel)
        try:
            yield
        finally:
            give_back()
    if scope.cancelled_caught:
        raise KeyboardInterrupt

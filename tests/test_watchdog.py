"""One thread holds all the short waits of a stream to their limits."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ltx_mcp.media.watchdog import Watchdog


@contextmanager
def a_watchdog(expired: list[float], rang: threading.Event) -> Iterator[Watchdog]:
    def on_expiry(limit_s: float) -> None:
        expired.append(limit_s)
        rang.set()

    watchdog = Watchdog(on_expiry)
    try:
        yield watchdog
    finally:
        watchdog.close()


def test_a_block_that_takes_too_long_is_told_with_its_limit() -> None:
    expired: list[float] = []
    rang = threading.Event()
    with a_watchdog(expired, rang) as watchdog:
        with watchdog.within(30):
            pass
        with watchdog.within(0.01):  # sooner than the deadline that the thread sleeps for
            assert rang.wait(20)
    assert expired == [0.01]


def test_many_short_blocks_need_one_thread_which_ends_with_them() -> None:
    expired: list[float] = []
    before = threading.active_count()
    with a_watchdog(expired, threading.Event()) as watchdog:
        for _ in range(1000):
            with watchdog.within(20):
                assert threading.active_count() <= before + 1
    assert threading.active_count() == before
    assert expired == []

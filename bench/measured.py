"""What a piece of work takes: its time, and the memory of this process and its children together."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    seconds: float
    peak_mb: float


def measured(make: Callable[[], None]) -> Run:
    """The sum of resident sets is sampled every 50 ms."""
    done, peak = threading.Event(), [0]

    def sample() -> None:
        while not done.wait(0.05):
            peak[0] = max(peak[0], _resident())

    sampler = threading.Thread(target=sample)
    sampler.start()
    began = time.monotonic()
    try:
        make()
    finally:
        done.set()
        sampler.join()
    return Run(time.monotonic() - began, peak[0] / 1e6)


def _resident() -> int:
    """Bytes of this process and its children."""
    me = str(Path("/proc/self").resolve().name)
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(") ")[2].split()[1]
            if me in (folder.name, parent):
                total += int((folder / "statm").read_text().split()[1]) * 4096
        except OSError:  # it has just ended
            continue
    return total

"""Which process of a data directory has a model on the device: two of them there would be one too many.

<data>/device.lock    held through the operating system from before a model is loaded until it has been freed

The engine lock says who renders for all; this one holds even where a process has an engine beside an owner that could
not be reached, because it was stopped, hangs, or lives in another container: its renders wait until that one is done.
"""

import logging
from pathlib import Path

from filelock import FileLock, Timeout

from ltx_mcp.types.callbacks import Check

log = logging.getLogger(__name__)

LOOK_S = 0.2  # between looks at whether the job that waits was cancelled


class DeviceLock:
    """Used on one thread, the lane's. Where the folder cannot be written to there is nothing to lock out."""

    def __init__(self, data_dir: Path) -> None:
        self._lock = FileLock(data_dir / "device.lock")

    def take(self, check: Check) -> None:
        """Wait until no other process has it; `check` may raise Cancelled meanwhile."""
        told = False
        while not self._lock.is_locked:
            try:
                self._lock.acquire(timeout=LOOK_S, poll_interval=LOOK_S / 4)
            except Timeout:
                if not told:
                    log.warning("another process has a model loaded: this one waits (ltx-mcp doctor names it)")
                told = True
                check()
            except OSError as error:
                log.warning("the device cannot be locked: %s", error)
                return

    def free(self) -> None:
        """Let others have it."""
        self._lock.release()

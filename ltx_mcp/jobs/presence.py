"""That this process is alive, made known to the others on its data directory: as soon as its disk can be written."""

from contextlib import suppress
from pathlib import Path

from ltx_mcp.jobs.process_lock import ProcessLock

NOT_YET = "-"


class Presence:
    """The process lock, taken when it is first needed. Without it nothing may be written that others could find."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._lock: ProcessLock | None = None
        with suppress(OSError):
            self.announce()

    def announce(self) -> None:
        """From now on others know that this process is alive. Raises OSError where the disk cannot be written."""
        if self._lock is None:
            self._lock = ProcessLock(self._data_dir)

    @property
    def process_id(self) -> str:
        """Of the process lock; that of no process before it is taken."""
        return self._lock.process_id if self._lock else NOT_YET

    def is_alive(self, process_id: str) -> bool:
        """Whether that process still runs; in doubt it does, so that its jobs and files are left alone."""
        try:
            return self._lock is None or self._lock.is_alive(process_id)
        except OSError:
            return True

    def close(self) -> None:
        if self._lock is not None:
            with suppress(OSError):
                self._lock.close()

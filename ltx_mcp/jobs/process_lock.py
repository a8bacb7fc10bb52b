"""Which processes use a data directory. Several may share one; each must leave the others' jobs and staging alone.

Every process holds an operating-system lock on a file of its own for as long as it lives, so that even a killed one is
known to be gone.

    <data>/processes/<process_id>.lock
"""

import secrets
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout


class ProcessLock:
    """This process's lock. `process_id` is random, so unlike the system's it is never used twice."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "processes"
        self._folder.mkdir(parents=True, exist_ok=True)
        self.process_id = secrets.token_hex(8)
        self._lock = FileLock(self._path(self.process_id))
        self._lock.acquire(timeout=5)

    def _path(self, process_id: str) -> Path:
        return self._folder / f"{process_id}.lock"

    def is_alive(self, process_id: str) -> bool:
        """Whether the process with this id still runs. The lock file of a dead one is deleted."""
        if process_id == self.process_id:
            return True
        path = self._path(process_id)
        if not path.exists():
            return False
        try:
            with FileLock(path, timeout=0):
                pass
        except Timeout:
            return True
        path.unlink(missing_ok=True)
        return False

    def close(self) -> None:
        self._lock.release()
        self._path(self.process_id).unlink(missing_ok=True)

    def __enter__(self) -> "ProcessLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

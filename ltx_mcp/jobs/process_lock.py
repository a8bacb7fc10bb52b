"""Which processes live in a data directory. Several may share one; each must leave the others' work alone.

A tenant holds an operating-system lock on a file of its own for as long as it lives, so that even a killed
process is known to be gone.
"""

import secrets
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout


class ProcessLock:
    """This process's place in the data directory. `tenant` is its id, unique for each start."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "tenants"
        self._folder.mkdir(parents=True, exist_ok=True)
        self.tenant = secrets.token_hex(8)
        self._lock = FileLock(self._path(self.tenant))
        self._lock.acquire(timeout=5)

    def _path(self, tenant: str) -> Path:
        return self._folder / f"{tenant}.lock"

    def is_alive(self, tenant: str) -> bool:
        """Whether the process that was this tenant still runs."""
        if tenant == self.tenant:
            return True
        path = self._path(tenant)
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
        self._path(self.tenant).unlink(missing_ok=True)

    def __enter__(self) -> "ProcessLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

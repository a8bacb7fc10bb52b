"""Which process owns the engine of a data directory, and where the others reach it.

<data>/engine.lock    held through the operating system for as long as the owner lives, however it ends
<data>/engine.json    the owner's port on loopback, and the key that both sides prove to have; its user's alone
"""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from ltx_mcp.private_files import write_private


@dataclass(frozen=True)
class Address:
    """Where the owner listens on loopback. `key` never travels: each side proves that it can read it."""

    port: int
    pid: int
    key: str = field(repr=False)


class _FileLock(FileLock):
    @property
    def file(self) -> int | None:
        """The descriptor that holds it."""
        return self._context.lock_file_fd


class EngineLock:
    """Held by one process at a time. Raises OSError where the folder cannot be written to.

    `inherited` is the descriptor that holds it already: that of the process in whose place this one is.
    """

    def __init__(self, data_dir: Path, inherited: int | None = None) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self._lock = _FileLock(data_dir / "engine.lock")
        self._inherited = inherited
        self._file = data_dir / "engine.json"

    def acquire(self) -> bool:
        """Whether this process is the owner now."""
        if not self.is_held:
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                return False
        self._file.unlink(missing_ok=True)  # of an owner that was killed
        return True

    @property
    def is_held(self) -> bool:
        """Whether this process is the owner."""
        return self.file is not None

    @property
    def file(self) -> int | None:
        """The descriptor that holds it: whoever inherits that has the lock."""
        return self._inherited if self._inherited is not None else self._lock.file

    def announce(self, port: int) -> Address:
        """Tell the others where this process, the owner, listens. The file appears whole."""
        address = Address(port, os.getpid(), secrets.token_hex(32))
        write_private(self._file, json.dumps(asdict(address)).encode())
        return address

    def address(self) -> Address | None:
        """Where the owner listens; None while there is none, or while it has only just begun."""
        try:
            return Address(**json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def close(self) -> None:
        """Give the engine up, if this process has it."""
        if self.is_held:
            self._file.unlink(missing_ok=True)
        if self._inherited is not None:
            os.close(self._inherited)
            self._inherited = None
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

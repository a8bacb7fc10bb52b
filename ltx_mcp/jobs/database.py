"""The SQLite file of the job records: opened, shared, healed.

    <data>/jobs.sqlite                          all records
    <data>/jobs.damaged-20260131-120000.sqlite  a file that could not be read, kept

One that is damaged is moved aside and begun again, at the start and under a server that runs. One that was moved or
deleted by somebody else is left. Where the disk cannot be written, what it holds is read into memory.
"""

import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from ltx_mcp.errors import ArchiveError, Busy
from ltx_mcp.jobs.schema import is_current, migrate

log = logging.getLogger(__name__)
T = TypeVar("T")

LOCK_WAIT_S = 3.0  # for another process's transaction, which takes milliseconds; meanwhile the event loop stands still
FULL_BYTES = 1_000_000  # free; with less, SQLite cannot write its log
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_TOLD = (
    "The records of jobs (jobs.sqlite) were damaged. They are kept as {} and begun again from the clips: of these none"
    " is lost, and jobs that have none are forgotten."
)


class JobDatabase:
    """One connection, used on one thread. Methods raise ArchiveError, and Busy where others hold the file for long.

    `on_opened` is called with a file that was opened in the place of another; its argument tells whether it is new.
    """

    def __init__(self, path: Path, on_opened: Callable[[bool], None], lock_wait_s: float = LOCK_WAIT_S) -> None:
        self._path = path
        self._lock_wait_s = lock_wait_s
        self._on_opened = on_opened
        self._db: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None  # that is open; None for a copy in memory
        self._news = ""

    def open(self) -> None:
        """Open or make the file; read it into memory where it cannot be written. Raises ArchiveError, Busy."""
        try:
            self._open()
        except (OSError, sqlite3.Error) as error:
            if _code(error) in _BUSY:
                raise _unusable(error, self._path) from error
            log.error("the job records cannot be written: %s", error)
            self._db, is_new = _copy(self._path)
            self._on_opened(is_new)

    def need_disk(self) -> None:
        """Before something is written for the first time: what was read into memory is opened on the disk again."""
        if self._file is None:
            try:
                self._open()
            except (OSError, sqlite3.Error) as error:
                raise _unusable(error, self._path) from error

    @property
    def is_on_disk(self) -> bool:
        return self._file is not None

    def news(self) -> str:
        """What happened to the file since the last call, for whoever asks about jobs; "" where nothing did."""
        told, self._news = self._news, ""
        return told

    def read(self, query: str, *values: object) -> list[Any]:
        return self._healed(lambda db: db.execute(query, values).fetchall())

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of the block or nothing."""
        self._healed(lambda db: db.execute("BEGIN IMMEDIATE"))
        assert self._db is not None
        try:
            with self._db:  # commits, or rolls back
                yield self._db
        except sqlite3.Error as error:
            raise _unusable(error, self._path) from error

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
        self._db = self._file = None

    # -- opening, and what may be wrong ----------------------------------------------------------------

    def _healed(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, if need be after the file was begun again, or found to be another one than before."""
        try:
            if self._db is None or (self._file is not None and self._file != _identity(self._path)):
                self._open()
            assert self._db is not None
            try:
                return work(self._db)
            except sqlite3.Error as error:
                if _code(error) not in _DAMAGE:
                    raise
                self.close()
                self._move_aside(error)
                self._open()
                assert self._db is not None
                return work(self._db)
        except (OSError, sqlite3.Error) as error:
            raise _unusable(error, self._path) from error

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            opened, is_new = _opened(self._path, self._lock_wait_s)
        except sqlite3.Error as error:
            if _code(error) not in _DAMAGE:
                raise
            self._move_aside(error)
            opened, is_new = _opened(self._path, self._lock_wait_s)
        self.close()
        self._db, self._file = opened, _identity(self._path)
        self._on_opened(is_new)

    def _move_aside(self, problem: sqlite3.Error) -> None:
        """Leave the place free, unless another process has done so already."""
        with FileLock(self._path.with_suffix(".healing"), timeout=10 * self._lock_wait_s):
            if _is_sound(self._path, self._lock_wait_s):
                return
            aside = self._path.with_name(time.strftime(f"{self._path.stem}.damaged-%Y%m%d-%H%M%S{self._path.suffix}"))
            log.error("%s is damaged (%s) and is kept as %s", self._path, problem, aside)
            for suffix in ("", "-wal", "-shm"):
                with suppress(FileNotFoundError):
                    Path(f"{self._path}{suffix}").rename(f"{aside}{suffix}")
            self._news = _TOLD.format(aside.name)


def _opened(path: Path, lock_wait_s: float) -> tuple[sqlite3.Connection, bool]:
    """A connection, and whether the file is new. Raises sqlite3.Error, ArchiveError."""
    db = sqlite3.connect(path, timeout=lock_wait_s, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        _check(db)
        if is_current(db):  # and may be read while another process writes
            return db, False
        with db:
            db.execute("BEGIN IMMEDIATE")
            return db, migrate(db)
    except BaseException:
        db.close()
        raise


def _check(db: sqlite3.Connection) -> None:
    """Raises sqlite3.DatabaseError for a file that can be opened, and not read."""
    [found] = db.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        damage = sqlite3.DatabaseError(found)
        damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise damage


def _is_sound(path: Path, lock_wait_s: float) -> bool:
    try:
        opened, _ = _opened(path, lock_wait_s)
    except sqlite3.Error as error:
        if _code(error) not in _DAMAGE:
            raise
        return False
    opened.close()
    return True


def has_unfinished(path: Path) -> bool:
    """Whether a job waits or runs, or did when its process died. Reads the file only; False where it cannot."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        return db.execute("SELECT 1 FROM jobs WHERE status = 'running' LIMIT 1").fetchone() is not None
    return False


def _copy(path: Path) -> tuple[sqlite3.Connection, bool]:
    """What can be read of a file, in memory, and whether that is nothing. Raises ArchiveError."""
    for how in ("mode=ro", "immutable=1"):  # the second for a disk where no lock can be taken
        memory = sqlite3.connect(":memory:", isolation_level=None)
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)) as disk:
            disk.backup(memory)
            return memory, migrate(memory)
        memory.close()
    memory = sqlite3.connect(":memory:", isolation_level=None)
    return memory, migrate(memory)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _code(error: Exception) -> int:
    """SQLite's primary code of the error; 0 for any other."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _unusable(error: Exception, path: Path) -> ArchiveError:
    if _code(error) in _BUSY:
        return Busy(
            f"The job records are in use: another program holds {path}.",
            "Try again in a moment. If it stays so, close what has the file open, such as a backup or a database tool.",
        )
    return ArchiveError(f"The job records cannot be used: {error}.", disk_remedy(path.parent))


def disk_remedy(folder: Path) -> str:
    """What to do about a data directory that cannot be written."""
    there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    with suppress(OSError):
        if shutil.disk_usage(there).free < FULL_BYTES:
            return f"The disk of {folder} is full: free some space, then try again."
    if not os.access(there, os.W_OK):
        return f"{folder} cannot be written: make it writable, or name another in LTX_MCP_DATA_DIR."
    return f"Check the disk and permissions of {folder}, then try again."

"""The table of job records, and how one that an earlier version wrote becomes that of this one, without a loss."""

import sqlite3

from ltx_mcp.errors import ArchiveError

SCHEMA_VERSION = 3  # 2: the column tenant is called process_id; 3: what a job needs to be gone on with, and its owner

_TABLE = (
    "CREATE TABLE IF NOT EXISTS jobs (job_id TEXT PRIMARY KEY, process_id TEXT NOT NULL,"
    " request TEXT NOT NULL, plan TEXT, status TEXT NOT NULL, state TEXT, created_at REAL NOT NULL,"
    " started_at REAL, ended_at REAL)"
)
_ADDED_IN_3 = (
    "seed INTEGER", "clip_id TEXT", "roots TEXT", "queued_at REAL", "ran_s REAL", "restarts INTEGER NOT NULL DEFAULT 0",
    "owner TEXT NOT NULL DEFAULT ''",
)  # fmt: skip


def is_current(db: sqlite3.Connection) -> bool:
    return _version(db) == SCHEMA_VERSION


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def migrate(db: sqlite3.Connection) -> bool:
    """Make the table what this version reads and writes; whether there was none. Run it inside of a transaction.

    Raises ArchiveError for the table of a newer version, sqlite3.Error.
    """
    version = _version(db)
    if version > SCHEMA_VERSION:
        raise ArchiveError(f"The jobs were written by a newer ltx-mcp (schema {version}).", "Upgrade ltx-mcp.")
    if version == 1:
        db.execute("ALTER TABLE jobs RENAME COLUMN tenant TO process_id")
    db.execute(_TABLE)
    if version < 3:
        for column in _ADDED_IN_3:
            db.execute(f"ALTER TABLE jobs ADD COLUMN {column}")
        db.execute("UPDATE jobs SET ran_s = ended_at - started_at")
    db.execute("CREATE INDEX IF NOT EXISTS jobs_by_status ON jobs (status, created_at)")
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    return version == 0

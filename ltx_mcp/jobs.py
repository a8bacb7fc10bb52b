"""The job book: what was asked and how far it is. Records are durable (SQLite); a finished job stays as it ended.

Progress within a running job lives in memory alone: after a crash nobody needs to know the step.
"""

import json
import secrets
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from ltx_mcp.clips import Plan, Request
from ltx_mcp.errors import ArchiveError, BadInput, NotFound
from ltx_mcp.stages import Stage
from ltx_mcp.states import ENDED, RESTARTED, JobState, Running

SCHEMA_VERSION = 1
_REQUEST: TypeAdapter[Request] = TypeAdapter(Request)


@dataclass(frozen=True)
class Job:
    """One request and its fate. Times are seconds since the epoch; `started_at` is when the lane took it up."""

    job_id: str
    tenant: str
    request: Request
    plan: Plan | None
    state: JobState
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None

    @property
    def has_ended(self) -> bool:
        return not isinstance(self.state, Running)


class JobBook:
    """Every job of the data directory. Used on one thread, the event loop's; each call is a small transaction."""

    def __init__(
        self, path: Path, tenant: str, is_alive: Callable[[str], bool], clock: Callable[[], float] = time.time
    ) -> None:
        self._tenant = tenant
        self._is_alive = is_alive
        self._clock = clock
        self._live: dict[str, Job] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=10, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._migrate()
        self._recover()

    def create(self, request: Request) -> Job:
        job = Job(f"job-{secrets.token_hex(6)}", self._tenant, request, None, Running(), self._clock())
        self._live[job.job_id] = job
        self._write(job)
        return job

    def planned(self, job_id: str, plan: Plan) -> Job:
        return self._change(self.get(job_id), plan=plan)

    def move(self, job_id: str, state: JobState) -> Job:
        """Enter a state and answer the job as it now is. A job that has ended stays as it ended.

        Raises BadInput for a job that runs in another process: only its own can stop it.
        """
        job = self.get(job_id)
        if job.has_ended:
            return job
        if job.tenant != self._tenant:
            hint = "Cancel it from the client that started it."
            raise BadInput(f"{job_id} runs in another process on this data directory.", hint)
        now = self._clock()
        if not isinstance(state, Running):
            return self._change(job, state=state, ended_at=now)
        if job.started_at is None and state.stage is not Stage.QUEUED:
            return self._change(job, state=state, started_at=now)
        self._live[job_id] = replace(job, state=state)
        return self._live[job_id]

    def get(self, job_id: str) -> Job:
        """The job as it is now, in whichever process it runs. Raises NotFound."""
        if job_id in self._live:
            return self._live[job_id]
        row = self._db.execute("SELECT * FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
        if row is None:
            raise NotFound(f"There is no job {job_id!r}.", "Call get_job without an id to see the recent jobs.")
        return _job(row)

    def recent(self, limit: int = 20) -> list[Job]:
        """The newest jobs first."""
        rows = self._db.execute("SELECT * FROM jobs ORDER BY created_at DESC, rowid DESC LIMIT ?", (limit,))
        return [self._live.get(job.job_id, job) for job in map(_job, rows)]

    def expected_s(self, plan: Plan) -> float | None:
        """How long such a job should run here: median seconds per pixel-frame of past ones, or None."""
        rows = self._db.execute(
            "SELECT plan, ended_at - started_at FROM jobs WHERE status = 'succeeded' AND started_at IS NOT NULL"
            " AND json_extract(plan, '$.model') = ? AND json_extract(plan, '$.quality') = ?"
            " ORDER BY created_at DESC LIMIT 20",
            (plan.model, plan.quality),
        )
        rates = [seconds / Plan.model_validate_json(text).pixel_frames for text, seconds in rows]
        return statistics.median(rates) * plan.pixel_frames if rates else None

    def close(self) -> None:
        self._db.close()

    def _change(self, job: Job, **changes: object) -> Job:
        job = replace(job, **changes)  # type: ignore[arg-type]  # the callers name fields of Job
        self._write(job)
        if job.has_ended:
            self._live.pop(job.job_id, None)
        else:
            self._live[job.job_id] = job
        return job

    def _write(self, job: Job) -> None:
        state = None if isinstance(job.state, Running) else json.dumps(asdict(job.state))
        with self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    job.job_id, job.tenant, job.request.model_dump_json(), job.plan and job.plan.model_dump_json(),
                    job.state.status, state, job.created_at, job.started_at, job.ended_at,
                ),
            )  # fmt: skip

    def _recover(self) -> None:
        """Jobs whose process is gone can never end by themselves."""
        rows = self._db.execute("SELECT * FROM jobs WHERE status = 'running'").fetchall()
        for job in map(_job, rows):
            if not self._is_alive(job.tenant):
                self._change(job, state=RESTARTED, ended_at=self._clock())

    def _migrate(self) -> None:
        with self._transaction():
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA_VERSION:
                raise ArchiveError(f"The jobs were written by a newer ltx-mcp (schema {version}).", "Upgrade ltx-mcp.")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS jobs (job_id TEXT PRIMARY KEY, tenant TEXT NOT NULL, request TEXT NOT NULL,"
                " plan TEXT, status TEXT NOT NULL, state TEXT, created_at REAL NOT NULL, started_at REAL,"
                " ended_at REAL)"
            )
            self._db.execute("CREATE INDEX IF NOT EXISTS jobs_by_status ON jobs (status, created_at)")
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _job(row: tuple[str, str, str, str | None, str, str | None, float, float | None, float | None]) -> Job:
    job_id, tenant, request, plan, status, state, created_at, started_at, ended_at = row
    return Job(
        job_id=job_id,
        tenant=tenant,
        request=_REQUEST.validate_json(request),
        plan=Plan.model_validate_json(plan) if plan else None,
        state=ENDED[status](**json.loads(state)) if state else Running(),
        created_at=created_at,
        started_at=started_at,
        ended_at=ended_at,
    )

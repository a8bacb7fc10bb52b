"""The job book: what was asked and how far it is. Records are durable (SQLite); a finished job stays as it ended.

Progress within a running job lives in memory alone: after a crash nobody needs to know the step.
"""

import json
import logging
import secrets
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ltx_mcp.errors import ArchiveError, BadInput, NotFound
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import FinalizeRequest, Request, is_film
from ltx_mcp.types.stages import Stage
from ltx_mcp.types.states import ENDED, RESTARTED, JobState, Refused, Running

log = logging.getLogger(__name__)

SCHEMA_VERSION = 1
PAST_JOBS = 20  # of a kind, by which the next one's time is told
LOCK_WAIT_S = 0.5  # for another process; the event loop stands still meanwhile
REDACTED = "(refused)"
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


class JobStore:
    """Every job of the data directory. Used on one thread, the event loop's; each call is a small transaction."""

    def __init__(
        self, path: Path, tenant: str, is_alive: Callable[[str], bool], clock: Callable[[], float] = time.time
    ) -> None:
        self._tenant = tenant
        self._is_alive = is_alive
        self._clock = clock
        self._live: dict[str, Job] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._migrate()
        self._recover()

    def create(self, request: Request) -> Job:
        """A new job, on the disk before anything is done for it. Raises ArchiveError."""
        job = Job(f"job-{secrets.token_hex(6)}", self._tenant, request, None, Running(), self._clock())
        self._write(job)
        self._live[job.job_id] = job
        return job

    def planned(self, job_id: str, plan: Plan) -> Job:
        return self._change(self.get(job_id), plan=plan)

    def set_state(self, job_id: str, state: JobState) -> Job:
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
        rows = self._read("SELECT * FROM jobs WHERE job_id = ?", job_id)
        if not rows:
            raise NotFound(f"There is no job {job_id[:80]!r}.", "Call get_job without an id to see the recent jobs.")
        return self._settled(_job(rows[0]))

    def recent(self, limit: int = 20) -> list[Job]:
        """The newest jobs first."""
        rows = self._read("SELECT * FROM jobs ORDER BY created_at DESC, rowid DESC LIMIT ?", limit)
        return [self._live.get(job.job_id) or self._settled(job) for job in map(_job, rows)]

    def expected_s(self, plan: Plan, tool: str = "generate_video", *, film: bool = False) -> float | None:
        """How long such a job should run here: median seconds per pixel-frame of past ones of its kind, or None.

        A kind is one way of making: tool, model, quality, and whether it is a film (or part of one), the rate was
        doubled, the picture made in tiles or scaled up, and a reference shown. Each has work of its own for a pixel.
        """
        rows = self._read(
            "SELECT plan, request, ended_at - started_at FROM jobs"
            " WHERE status = 'succeeded' AND started_at IS NOT NULL"
            " AND json_extract(plan, '$.model') = ? AND json_extract(plan, '$.quality') = ?"
            " AND json_extract(request, '$.tool') = ? ORDER BY created_at DESC LIMIT 100",
            plan.model,
            plan.quality,
            tool,
        )
        past = [
            (Plan.model_validate_json(made), seconds)
            for made, request, seconds in rows
            if is_film(_REQUEST.validate_json(request)) is film
        ]
        rates = [seconds / other.pixel_frames for other, seconds in past if _way(other) == _way(plan)][:PAST_JOBS]
        return statistics.median(rates) * plan.pixel_frames if rates else None

    def close(self) -> None:
        self._db.close()

    def _change(self, job: Job, **changes: object) -> Job:
        """Change it here at once, and on the disk if that can be written: a job must be able to end in any case."""
        job = replace(job, **changes)  # type: ignore[arg-type]  # the callers name fields of Job
        if isinstance(job.state, Refused):  # what was refused is kept as a digest in the audit, and nowhere else
            job = replace(job, request=_redacted(job.request))
        self._live[job.job_id] = job
        try:
            self._write(job)
        except ArchiveError as error:
            log.error("job %s is %s, but its record could not be written: %s", job.job_id, job.state.status, error)
            return job
        if job.has_ended:
            del self._live[job.job_id]
        return job

    def _settled(self, job: Job) -> Job:
        """What a dead process left running has failed."""
        if job.has_ended or self._is_alive(job.tenant):
            return job
        return self._change(job, state=RESTARTED, ended_at=self._clock())

    def _read(self, query: str, *values: object) -> list[Any]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise _unusable(error) from error

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
        for row in self._read("SELECT * FROM jobs WHERE status = 'running'"):
            self._settled(_job(row))

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
        try:
            with self._db:  # commits, or rolls back
                self._db.execute("BEGIN IMMEDIATE")
                yield
        except sqlite3.Error as error:
            raise _unusable(error) from error


def _way(plan: Plan) -> tuple[bool, ...]:
    return plan.doubled_rate, plan.tiles is not None, plan.upscaled, plan.reference is not None


def _redacted(request: Request) -> Request:
    if isinstance(request, FinalizeRequest):
        return request.model_copy(update={"final": _redacted(request.final)})
    words = {"title": REDACTED, "prompt": REDACTED, "then": (), "negative_prompt": None}
    return request.model_copy(update={name: words[name] for name in words.keys() & type(request).model_fields.keys()})


def _unusable(error: sqlite3.Error) -> ArchiveError:
    return ArchiveError(f"The job records cannot be used: {error}.", "Check the data directory's disk, then try again.")


def _job(row: tuple[str, str, str, str | None, str, str | None, float, float | None, float | None]) -> Job:
    job_id, tenant, request, plan, status, state, created_at, started_at, ended_at = row
    return Job(
        job_id=job_id,
        tenant=tenant,
        request=_REQUEST.validate_json(request),
        plan=Plan.model_validate_json(plan) if plan else None,
        state=ENDED[status](**json.loads(state)) if state else Running(Stage.LOADING if started_at else Stage.QUEUED),
        created_at=created_at,
        started_at=started_at,
        ended_at=ended_at,
    )

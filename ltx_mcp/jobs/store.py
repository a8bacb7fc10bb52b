"""Job records: what was asked, and how far it has come. Durable (SQLite); a job that has ended never changes again.

Progress within a running job is kept in memory only: after a crash nobody needs to know the step.
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
from typing import Any, assert_never

from pydantic import TypeAdapter

from ltx_mcp.errors import ArchiveError, BadInput, NotFound
from ltx_mcp.types.exports import ExportRequest
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import (
    AnimateRequest,
    FinalizeRequest,
    GenerateRequest,
    ImportRequest,
    Request,
    RestyleRequest,
    is_joined,
)
from ltx_mcp.types.stages import Stage
from ltx_mcp.types.states import ENDED, RESTARTED, JobState, Refused, Running
from ltx_mcp.types.timeline import EditRequest

log = logging.getLogger(__name__)

SCHEMA_VERSION = 3  # 2: the column tenant is called process_id; 3: owner
PAST_JOBS = 20  # of a kind, from which the next one's time is estimated
LOCK_WAIT_S = 0.5  # for another process's transaction; it blocks the event loop
REDACTED = "(refused)"
_REQUEST: TypeAdapter[Request] = TypeAdapter(Request)


@dataclass(frozen=True)
class Job:
    """One request and its state. `process_id` is that of the process that runs it, as `ProcessLock` names it.

    Times are seconds since the epoch; `started_at` is when a lane started it. `owner` is who asked for it.
    """

    job_id: str
    process_id: str
    request: Request
    plan: Plan | None
    state: JobState
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None
    owner: str = ""

    @property
    def has_ended(self) -> bool:
        return not isinstance(self.state, Running)


class JobStore:
    """Every job of the data directory. Used on one thread, the event loop's; each call is a small transaction.

    `process_id` is this process's own, `is_alive` tells whether that of another still runs. Raises ArchiveError.
    """

    def __init__(
        self, path: Path, process_id: str, is_alive: Callable[[str], bool], clock: Callable[[], float] = time.time
    ) -> None:
        self._process_id = process_id
        self._is_alive = is_alive
        self._clock = clock
        self._live: dict[str, Job] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._migrate()
        self._recover()

    def create(self, request: Request, owner: str = "") -> Job:
        """A new job, on the disk before anything is done for it. Raises ArchiveError."""
        job_id, now = f"job-{secrets.token_hex(6)}", self._clock()
        job = Job(job_id, self._process_id, request, None, Running(), now, owner=owner)
        self._write(job)
        self._live[job.job_id] = job
        return job

    def planned(self, job_id: str, plan: Plan) -> Job:
        return self._change(self.get(job_id), plan=plan)

    def set_state(self, job_id: str, state: JobState) -> Job:
        """Change the job's state and return the job as it now is. One that has ended stays as it ended.

        Raises BadInput for a job that runs in another process: only its own can stop it.
        """
        job = self.get(job_id)
        if job.has_ended:
            return job
        if job.process_id != self._process_id:
            hint = "Cancel it from the client that started it."
            raise BadInput(f"{job_id} runs in another process on this data directory.", hint)
        now = self._clock()
        if not isinstance(state, Running):
            return self._change(job, state=state, ended_at=now)
        if job.started_at is None and state.stage is not Stage.QUEUED:
            return self._change(job, state=state, started_at=now)
        self._live[job_id] = replace(job, state=state)
        return self._live[job_id]

    def forget(self, job_id: str) -> None:
        """Remove the record of a job that never began. One that has ended stays. Raises NotFound, ArchiveError."""
        if self.get(job_id).has_ended:
            return
        with self._transaction():
            self._db.execute("DELETE FROM jobs WHERE job_id = ?", (job_id,))
        del self._live[job_id]

    def get(self, job_id: str) -> Job:
        """The job as it is now, in whichever process it runs. Raises NotFound."""
        if job_id in self._live:
            return self._live[job_id]
        rows = self._read("SELECT * FROM jobs WHERE job_id = ?", job_id)
        if not rows:
            raise no_job(job_id)
        return self._settled(_job(rows[0]))

    def recent(self, limit: int = 20, owner: str = "") -> list[Job]:
        """The newest jobs of this owner first."""
        order = "ORDER BY created_at DESC, rowid DESC LIMIT ?"
        rows = self._read(f"SELECT * FROM jobs WHERE owner = ? {order}", owner, limit)
        return [self._live.get(job.job_id) or self._settled(job) for job in map(_job, rows)]

    def expected_s(self, plan: Plan, tool: str = "generate_video", *, joined: bool = False) -> float | None:
        """Seconds that such a job should run here: the median per pixel-frame of past jobs of its kind. None without.

        Jobs of one kind take the same work per pixel: they have the same tool, model and quality, and agree in whether
        they are joined from several parts, double the rate, render in tiles, are scaled up, and show a reference.
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
            if is_joined(_REQUEST.validate_json(request)) is joined
        ]
        rates = [seconds / other.pixel_frames for other, seconds in past if _work(other) == _work(plan)][:PAST_JOBS]
        return statistics.median(rates) * plan.pixel_frames if rates else None

    def totals(self) -> tuple[dict[str, int], float]:
        """How many jobs of all owners have each status, and the seconds that those which succeeded ran."""
        rows = self._read("SELECT status, COUNT(*), SUM(ended_at - started_at) FROM jobs GROUP BY status")
        spent_s = {status: seconds or 0.0 for status, _, seconds in rows}
        return {status: count for status, count, _ in rows}, spent_s.get("succeeded", 0.0)

    def close(self) -> None:
        self._db.close()

    def _change(self, job: Job, **changes: object) -> Job:
        """In memory at once, and on the disk if that can be written: a full disk must not keep a job from ending."""
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
        """The job, failed if the process that ran it is gone."""
        if job.has_ended or self._is_alive(job.process_id):
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
                "INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    job.job_id, job.process_id, job.request.model_dump_json(), job.plan and job.plan.model_dump_json(),
                    job.state.status, state, job.created_at, job.started_at, job.ended_at,
                    job.owner,
                ),
            )  # fmt: skip

    def _recover(self) -> None:
        """Fail the jobs of dead processes: nobody else would ever end them."""
        for row in self._read("SELECT * FROM jobs WHERE status = 'running'"):
            self._settled(_job(row))

    def _migrate(self) -> None:
        with self._transaction():
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA_VERSION:
                raise ArchiveError(f"The jobs were written by a newer ltx-mcp (schema {version}).", "Upgrade ltx-mcp.")
            if version == 1:
                self._db.execute("ALTER TABLE jobs RENAME COLUMN tenant TO process_id")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS jobs (job_id TEXT PRIMARY KEY, process_id TEXT NOT NULL,"
                " request TEXT NOT NULL, plan TEXT, status TEXT NOT NULL, state TEXT, created_at REAL NOT NULL,"
                " started_at REAL, ended_at REAL)"
            )
            if version < 3:  # a new table too: its columns are in the order in which they came
                self._db.execute("ALTER TABLE jobs ADD COLUMN owner TEXT NOT NULL DEFAULT ''")
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


def no_job(job_id: str) -> NotFound:
    """The error for a job that is not there."""
    return NotFound(f"There is no job {job_id[:80]!r}.", "Call get_job without an id to see the recent jobs.")


def _work(plan: Plan) -> tuple[bool, ...]:
    return plan.doubled_rate, plan.tiles is not None, plan.upscaled, plan.reference is not None


def _redacted(request: Request) -> Request:
    """The request without any of its texts: none of what `texts_of` reads is left."""
    no_texts: dict[str, object]
    match request:
        case GenerateRequest():
            no_texts = {"prompt": REDACTED, "then": (), "negative_prompt": None}
        case AnimateRequest():
            no_texts = {"prompt": REDACTED, "negative_prompt": None}
        case RestyleRequest():
            no_texts = {"prompt": REDACTED}
        case ImportRequest():
            no_texts = {"title": REDACTED}
        case FinalizeRequest():
            no_texts = {"final": _redacted(request.final)}
        case EditRequest():
            shots = tuple(shot.model_copy(update={"title": None}) for shot in request.shots)
            no_texts = {"title": REDACTED, "shots": shots, "titles": (), "narration": (), "subtitles": None}
            no_texts["changes"] = tuple(change.model_copy(update={"title": None}) for change in request.changes)
        case ExportRequest():
            no_texts = {"name": None}
        case _:
            assert_never(request)
    return request.model_copy(update=no_texts)


def _unusable(error: sqlite3.Error) -> ArchiveError:
    return ArchiveError(f"The job records cannot be used: {error}.", "Check the data directory's disk, then try again.")


def _job(row: tuple[str, str, str, str | None, str, str | None, float, float | None, float | None, str]) -> Job:
    job_id, process_id, request, plan, status, state, created_at, started_at, ended_at, owner = row
    return Job(
        job_id=job_id,
        process_id=process_id,
        request=_REQUEST.validate_json(request),
        plan=Plan.model_validate_json(plan) if plan else None,
        state=ENDED[status](**json.loads(state)) if state else Running(Stage.LOADING if started_at else Stage.QUEUED),
        created_at=created_at,
        started_at=started_at,
        ended_at=ended_at,
        owner=owner,
    )

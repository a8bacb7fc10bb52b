"""All job records of a data directory: durable, and final once a job has ended.

Progress within a running job is kept in memory only: after a crash nobody needs to know the step. A job whose process
has died stays as it was until a process adopts it and goes on with it.
"""

import logging
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from ltx_mcp.errors import ArchiveError, BadInput, NotFound
from ltx_mcp.jobs.database import LOCK_WAIT_S, JobDatabase, disk_remedy
from ltx_mcp.jobs.estimates import expected_s
from ltx_mcp.jobs.record import COLUMNS, Job, from_row, to_row, without_words
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import Request
from ltx_mcp.types.stages import Stage
from ltx_mcp.types.states import Ended, Held, JobState, Refused, Running

log = logging.getLogger(__name__)

DAY_S = 86_400.0
_INSERT = f"INTO jobs ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
_UPSERT = (  # not REPLACE, which would give the row another place in the order
    f"INSERT {_INSERT} ON CONFLICT (job_id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in COLUMNS)}"
)
_PRUNE = (
    "DELETE FROM jobs WHERE status != 'running' AND (ended_at < ? OR rowid IN"
    " (SELECT rowid FROM jobs WHERE status != 'running' ORDER BY rowid DESC LIMIT -1 OFFSET ?))"
)
_READ = f"SELECT {', '.join(COLUMNS)} FROM jobs"


class Process(Protocol):
    """This process among those that share the data directory: `jobs.presence.Presence`."""

    @property
    def process_id(self) -> str: ...

    def is_alive(self, process_id: str) -> bool: ...

    def announce(self) -> None: ...


class JobStore:
    """Used on one thread, the event loop's; each call is a small transaction. Raises ArchiveError, Busy.

    `known` gives the jobs that can be told from elsewhere, for records that begin empty. Of ended jobs at most `keep`
    stay, and none that ended more than `keep_days` ago. `clock` tells seconds since the epoch, `monotonic` those that
    no one sets. Another program's lock is waited for, up to `lock_wait_s`.
    """

    def __init__(
        self,
        path: Path,
        process: Process,
        known: Callable[[], Iterable[Job]] = tuple,
        *,
        keep: int = 1000,
        keep_days: float = 90.0,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        lock_wait_s: float = LOCK_WAIT_S,
    ) -> None:
        self._folder = path.parent
        self._process = process
        self._known = known
        self._keep, self._keep_s = keep, keep_days * DAY_S
        self._clock, self._monotonic = clock, monotonic
        self._live: dict[str, Job] = {}  # of this process, and those whose end could not be written
        self._begun: dict[str, float] = {}  # when a lane began them, by the monotonic clock
        self._database = JobDatabase(path, self._fill, lock_wait_s)
        self._database.open()

    def create(
        self, request: Request, roots: tuple[Path, ...] | None = (), clip_id: str | None = None, owner: str = ""
    ) -> Job:
        """A new job, on the disk before anything is done for it. Raises ArchiveError, Busy."""
        try:
            self._process.announce()
        except OSError as error:
            raise ArchiveError(f"Nothing can be made now: {error}.", disk_remedy(self._folder)) from error
        self._database.need_disk()
        job_id = f"job-{secrets.token_hex(6)}"
        now, process_id = self._clock(), self._process.process_id
        job = Job(job_id, process_id, request, None, Running(), now, roots=roots, clip_id=clip_id, owner=owner)
        self._live[job_id] = job
        try:
            self._write_live()
        except ArchiveError:
            del self._live[job_id]
            raise
        return job

    def planned(self, job_id: str, plan: Plan) -> Job:
        return self._change(self.get(job_id), plan=plan)

    def queued(self, job_id: str) -> Job:
        """It was admitted, and a lane has it."""
        return self._change(self.get(job_id), queued_at=self._clock())

    def admitting(self, job_id: str) -> Job:
        """It is being admitted again: if the process dies of that, it was not for waiting."""
        return self._change(self.get(job_id), queued_at=None)

    def put_back(self, job_id: str) -> Job:
        """It waits again: if its process ends now, it was not for this job."""
        job = self.get(job_id)
        return self._change(job, queued_at=job.queued_at or self._clock(), started_at=None)

    def set_state(self, job_id: str, state: JobState) -> Job:
        """Change the job's state and return the job as it now is. One that has ended stays as it ended.

        Raises BadInput for a job that runs in another process: only its own can stop it.
        """
        job = self.get(job_id)
        if job.has_ended:
            return job
        if job.process_id != self._process.process_id:
            hint = "Cancel it from the client that started it, or when a server goes on with it."
            raise BadInput(f"{job_id} belongs to another process on this data directory.", hint)
        if not isinstance(state, Running):
            begun = self._begun.pop(job_id, None)
            ran_s = None if begun is None else self._monotonic() - begun
            return self._change(job, state=state, ended_at=self._clock(), ran_s=ran_s)
        if job.started_at is None and state.stage is not Stage.QUEUED:
            self._begun[job_id] = self._monotonic()
            return self._change(job, state=state, started_at=self._clock())
        self._live[job_id] = replace(job, state=state)
        return self._live[job_id]

    def forget(self, job_id: str) -> None:
        """Remove the record of a job that never began."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM jobs WHERE job_id = ?", (job_id,))
        del self._live[job_id]

    def get(self, job_id: str) -> Job:
        """The job as it is now, in whichever process it runs. Raises NotFound."""
        if job_id in self._live:
            return self._live[job_id]
        for job in self._jobs("WHERE job_id = ?", job_id):
            return job
        raise no_job(job_id)

    def recent(self, limit: int = 20, owner: str = "") -> list[Job]:
        """The newest jobs of this owner first."""
        return self._jobs("WHERE owner = ? ORDER BY created_at DESC, rowid DESC LIMIT ?", owner, limit)

    def totals(self) -> tuple[dict[str, int], float]:
        """How many jobs of all owners have each status, and the seconds that those which succeeded ran."""
        rows = self._database.read("SELECT status, COUNT(*), SUM(ran_s) FROM jobs GROUP BY status")
        spent_s = {status: seconds or 0.0 for status, _, seconds in rows}
        return {status: count for status, count, _ in rows}, spent_s.get("succeeded", 0.0)

    def elapsed_s(self, job_id: str) -> float:
        """Seconds since a lane of this process began the job; 0 before."""
        now = self._monotonic()
        return now - self._begun.get(job_id, now)

    def expected_s(self, plan: Plan, tool: str = "generate_video", *, joined: bool = False) -> float | None:
        """Seconds that such a job should run here; None while nothing is known."""
        return expected_s(self._database.read, plan, tool, joined)

    def news(self) -> str:
        """What happened to the records since the last call; "" where nothing did."""
        return self._database.news()

    def close(self) -> None:
        self._database.close()

    # -- jobs whose process has died --------------------------------------------------------------------

    def is_orphan(self, job: Job) -> bool:
        """Whether the process that ran the job is gone, and no other has adopted it."""
        return not job.has_ended and not self._process.is_alive(job.process_id)

    def adopt(self) -> list[Job]:
        """The jobs of dead processes, which are this process's from now on, in the order in which they came.

        Raises ArchiveError; then none is.
        """
        if not self._database.is_on_disk:
            return []
        orphans = [job for job in self._jobs("WHERE status = 'running' ORDER BY rowid") if self.is_orphan(job)]
        if not orphans:
            return []
        with self._database.transaction() as db:
            adopted = [mine for job in orphans if (mine := self._claimed(db, job)) is not None]
        self._live |= {job.job_id: job for job in adopted}
        return adopted

    def _claimed(self, db: sqlite3.Connection, job: Job) -> Job | None:
        mine = replace(
            job,
            process_id=self._process.process_id,
            state=Running(),
            queued_at=job.queued_at or self._clock(),
            started_at=None,
            restarts=job.restarts + (not job.waits),
        )
        claim = "UPDATE jobs SET process_id = ? WHERE job_id = ? AND process_id = ? AND status = 'running'"
        if not db.execute(claim, (mine.process_id, job.job_id, job.process_id)).rowcount:
            return None
        db.execute(_UPSERT, to_row(mine))
        return mine

    def cancelled_clips(self) -> set[str]:
        """What the clips of cancelled jobs would be called: a process may have died before it removed one."""
        rows = self._database.read("SELECT clip_id FROM jobs WHERE status = 'cancelled' AND clip_id IS NOT NULL")
        return {row[0] for row in rows}

    # -- jobs whose clip waits for a person --------------------------------------------------------------

    def held(self) -> list[Job]:
        """Of all owners, those that ended with something held for review."""
        return self._jobs("WHERE status = 'held' ORDER BY rowid")

    def reviewed(self, job_id: str, state: Ended) -> None:
        """What a person decided of a held job: the one change of a job that has ended. Raises NotFound."""
        job = self.get(job_id)
        if isinstance(job.state, Held):
            self._change(job, state=state)

    # -- rows -------------------------------------------------------------------------------------------

    def _jobs(self, where: str, *values: object) -> list[Job]:
        """Those that can be read; what of them this process knows better is as it knows it."""
        found = []
        for row in self._database.read(f"{_READ} {where}", *values):
            try:
                found.append(self._live.get(row[0]) or from_row(row))
            except ValueError as error:
                log.warning("a job record is left out: %s", error)
        return found

    def _change(self, job: Job, **changes: object) -> Job:
        """In memory at once, and on the disk if that can be written: a full disk must not keep a job from ending."""
        job = replace(job, **changes)  # type: ignore[arg-type]  # the callers name fields of Job
        if isinstance(job.state, Refused):  # what was refused is kept as a digest in the audit, and nowhere else
            job = without_words(job)
        self._live[job.job_id] = job
        try:
            self._write_live()
        except ArchiveError as error:
            log.error("job %s is %s, but its record could not be written: %s", job.job_id, job.state.status, error)
        return job

    def _write_live(self) -> None:
        """All of them, for they are few: what an earlier full disk kept from being written too. Raises ArchiveError."""
        with self._database.transaction() as db:
            db.executemany(_UPSERT, map(to_row, self._live.values()))
            db.execute(_PRUNE, (self._clock() - self._keep_s, self._keep))
        self._live = {job_id: job for job_id, job in self._live.items() if not job.has_ended}

    def _fill(self, is_new: bool) -> None:
        """After the file was opened: what it should hold and may not."""
        known = sorted(self._known(), key=lambda job: job.created_at) if is_new else []
        if not (known or self._live):
            return
        with self._database.transaction() as db:
            db.executemany(f"INSERT OR IGNORE {_INSERT}", map(to_row, known))
        self._write_live()


def no_job(job_id: str) -> NotFound:
    """The error for a job that is not there."""
    return NotFound(f"There is no job {job_id[:80]!r}.", "Call get_job without an id to see the recent jobs.")

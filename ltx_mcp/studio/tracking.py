"""Job tracking: the state of every job, its place in a lane, who waits for it, and how long it should still take."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import anyio

from ltx_mcp.jobs.lane import Lane, LaneJob, LaneName, Render, Step, Write
from ltx_mcp.jobs.store import Job, JobStore, no_job
from ltx_mcp.types import states
from ltx_mcp.types.owners import caller
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import Request, is_joined
from ltx_mcp.types.stages import Stage

HEARTBEAT_S = 5.0  # some hosts give up on a call after ten seconds without progress

T = TypeVar("T")

OnJob = Callable[[Job], Awaitable[None]]
"""Called with the job after each change, and at every heartbeat."""

# Where each stage begins and ends in the job's progress, 0..1. Denoising is most of the work of a real model, and
# rendering that of a job without one.
_SHARES: dict[Stage, tuple[float, float]] = {
    Stage.QUEUED: (0.0, 0.0),
    Stage.LOADING: (0.01, 0.05),
    Stage.ENCODING_PROMPT: (0.05, 0.08),
    Stage.DENOISING: (0.08, 0.80),
    Stage.DECODING: (0.80, 0.95),
    Stage.RENDERING: (0.05, 0.95),
    Stage.EXPORTING: (0.01, 0.99),
    Stage.MODERATING: (0.95, 0.97),
    Stage.PUBLISHING: (0.97, 0.98),
    Stage.INDEXING: (0.98, 0.99),
}


@dataclass(frozen=True)
class _Submitted:
    lane: Lane
    lane_job: LaneJob[Any]


class JobTracker:
    """Job records, and the lanes that run them. Used on the event loop's thread."""

    def __init__(self, jobs: JobStore, lanes: Mapping[LaneName, Lane], heartbeat_s: float = HEARTBEAT_S) -> None:
        self._jobs = jobs
        self._lanes = lanes
        self._heartbeat_s = heartbeat_s
        self._submitted: dict[str, _Submitted] = {}
        self._changed: dict[str, anyio.Event] = {}
        self._running: dict[str, Request] = {}  # not those of other processes on the same records
        self._callers: Counter[str] = Counter()  # of running jobs: calls that wait, or got the id

    def create(self, request: Request) -> Job:
        """A new job of the caller, on the disk before anything is done for it. Raises ArchiveError."""
        job = self._jobs.create(request, caller())
        self._running[job.job_id] = request
        return job

    def running_like(self, request: Request) -> Job | None:
        """A job of the caller in this process that was asked for in the same words and has not ended."""
        alike = (self.get(job_id) for job_id, asked in self._running.items() if asked == request)
        return next((job for job in alike if job.owner == caller()), None)

    @property
    def unfinished_count(self) -> int:
        """How many jobs of this process have not ended."""
        return len(self._running)

    def join(self, job_id: str) -> None:
        """One more caller waits for the job without knowing its id."""
        self._callers[job_id] += 1

    def give_up(self, job_id: str) -> None:
        """A caller has gone before it had the id: the job is cancelled, unless others are left who want it."""
        self._callers[job_id] -= 1
        if self._callers[job_id] <= 0:
            self.cancel(job_id)

    def forget(self, job_id: str) -> None:
        """Remove the record of a job that never began; whoever waits for it learns that it is gone."""
        self._jobs.forget(job_id)
        self._ended(job_id)
        self._wake(job_id)

    def get(self, job_id: str) -> Job:
        """Whoever's job it is: for what runs it. Raises NotFound."""
        return self._jobs.get(job_id)

    def own(self, job_id: str) -> Job:
        """The caller's job. Raises NotFound for any other."""
        job = self._jobs.get(job_id)
        if job.owner != caller():
            raise no_job(job_id)
        return job

    def recent(self, limit: int = 20) -> list[Job]:
        """The caller's newest jobs first."""
        return self._jobs.recent(limit, caller())

    def totals(self) -> tuple[dict[str, int], float]:
        """Of all owners: how many jobs have each status, and the seconds that those which succeeded ran."""
        return self._jobs.totals()

    def load(self) -> tuple[int, int]:
        """Of all owners: how many jobs wait in a lane here, and how many have begun."""
        waiting = sum(self.queue_position(job_id) is not None for job_id in self._submitted)
        return waiting, len(self._submitted) - waiting

    def planned(self, job_id: str, plan: Plan) -> None:
        """Put the plan into the job's record."""
        self._jobs.planned(job_id, plan)

    def submit(self, job_id: str, lane: LaneName, render: Render, write: Write[T]) -> LaneJob[T]:
        """Queue the job in this lane; from now on `cancel` reaches its render. Raises QueueFull."""
        lane_job = self._lanes[lane].submit(render, write, partial(self.on_progress, job_id))
        self._submitted[job_id] = _Submitted(self._lanes[lane], lane_job)
        return lane_job

    async def left_lane(self, job_id: str) -> None:
        """Wait until the lane's thread no longer touches the job's files."""
        await self._submitted[job_id].lane_job.left()
        del self._submitted[job_id]

    def set_state(self, job_id: str, state: states.JobState) -> Job:
        """Change the job's state, wake whoever waits for it, and return the job as it now is."""
        job = self._jobs.set_state(job_id, state)
        if job.has_ended:
            self._ended(job_id)
        self._wake(job_id)
        return job

    def _ended(self, job_id: str) -> None:
        self._running.pop(job_id, None)
        self._callers.pop(job_id, None)

    def _wake(self, job_id: str) -> None:
        if (changed := self._changed.pop(job_id, None)) is not None:
            changed.set()

    def on_progress(self, job_id: str, step: Step) -> None:
        """The progress callback of the job's render."""
        self.set_state(job_id, states.Running(step.stage, progress_of(step)))

    async def wait(self, job_id: str, wait_s: float, on_job: OnJob) -> Job:
        """Wait at most `wait_s` for the job to end; `on_job` is called after each change and at every heartbeat.

        Raises NotFound for a job that is not the caller's.
        """
        self.own(job_id)
        with anyio.move_on_after(wait_s):
            while not (job := self.get(job_id)).has_ended:
                changed = self._changed.setdefault(job_id, anyio.Event())
                await on_job(job)
                with anyio.move_on_after(self._heartbeat_s):
                    await changed.wait()
        return self.get(job_id)

    def cancel(self, job_id: str) -> Job:
        """End the job now, if it has not ended; the lane is free for the next one once its thread has unwound.

        Raises NotFound for a job that is not the caller's.
        """
        self.own(job_id)
        job = self.set_state(job_id, states.Cancelled())  # first the record: nothing may report progress after it
        if (submitted := self._submitted.get(job_id)) is not None:
            submitted.lane.cancel(submitted.lane_job)
        return job

    def stop(self) -> None:
        """End every job that runs here, but for those that are being published: that takes a moment only."""
        for job_id, submitted in self._submitted.items():
            state = self.get(job_id).state
            if not isinstance(state, states.Running) or state.stage not in (Stage.PUBLISHING, Stage.INDEXING):
                self.set_state(job_id, states.RESTARTED)
                submitted.lane.cancel(submitted.lane_job)

    def queue_position(self, job_id: str) -> int | None:
        """0 for the next to run in its lane, None for a job that does not wait."""
        submitted = self._submitted.get(job_id)
        return None if submitted is None else submitted.lane.position(submitted.lane_job)

    def expected_s(self, plan: Plan, request: Request) -> float | None:
        """Seconds that such a job should run here, from past ones; None while there are none."""
        return self._jobs.expected_s(plan, request.tool, joined=is_joined(request))

    def expected_shot_s(self, plan: Plan) -> float | None:
        """The same for one shot from words alone."""
        return self._jobs.expected_s(plan)

    def eta_s(self, job: Job, now: float) -> float | None:
        """Seconds until the job should end, from past jobs of its kind and its own pace; None while nothing is known.

        `now` is in seconds since the epoch.
        """
        if not isinstance(job.state, states.Running):
            return None
        expected = None if job.plan is None else self.expected_s(job.plan, job.request)
        elapsed = now - job.started_at if job.started_at else 0.0
        if job.state.progress > 0.1:
            own_pace = elapsed * (1 - job.state.progress) / job.state.progress
            return own_pace if expected is None else max(expected - elapsed, min(own_pace, expected))
        if expected is None:
            return None
        position = self.queue_position(job.job_id)
        ahead = 0 if position is None else position + 1  # the one that runs, and those that wait in front of it
        return max(1.0, expected * (1 + ahead) - elapsed)


def progress_of(step: Step) -> float:
    """Progress of the whole job, 0..1. Several renders divide the share of a single one equally."""
    start, end = _SHARES[step.stage]
    alone = start + (end - start) * step.done / step.total
    first, last = _SHARES[Stage.ENCODING_PROMPT][0], _SHARES[Stage.DECODING][1]
    if not first <= alone <= last:
        return alone
    return first + (step.part * (last - first) + alone - first) / step.parts

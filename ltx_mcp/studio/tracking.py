"""Job tracking: the state of every job, its place in a lane, who waits for it, and what becomes of it at the end."""

import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio

from ltx_mcp.errors import StudioError
from ltx_mcp.jobs.lane import Lane, LaneName
from ltx_mcp.jobs.lane_job import LaneJob, Render, Step, Write
from ltx_mcp.jobs.record import MAX_RESTARTS, Job
from ltx_mcp.jobs.store import JobStore, no_job
from ltx_mcp.studio.estimates import Estimates, Submitted
from ltx_mcp.studio.progress import progress_of
from ltx_mcp.types import states
from ltx_mcp.types.owners import caller
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import Request
from ltx_mcp.types.stages import Stage

log = logging.getLogger(__name__)

HEARTBEAT_S = 5.0  # some hosts give up on a call after ten seconds without progress

T = TypeVar("T")

OnJob = Callable[[Job], Awaitable[None]]
"""Called with the job after each change, and at every heartbeat."""


class JobTracker:
    """Job records, and the lanes that run them. Used on the event loop's thread."""

    def __init__(self, jobs: JobStore, lanes: Mapping[LaneName, Lane], heartbeat_s: float = HEARTBEAT_S) -> None:
        self._jobs = jobs
        self._lanes = lanes
        self._heartbeat_s = heartbeat_s
        self._submitted: dict[str, Submitted] = {}
        self.estimates = Estimates(jobs, self._submitted)
        self._changed: dict[str, anyio.Event] = {}
        self._running: dict[str, Job] = {}  # as they began; not those of other processes on the same records
        self._none_running = anyio.Event()
        self._callers: Counter[str] = Counter()  # of running jobs: calls that wait, or got the id
        self._adopted: set[str] = set()  # jobs that another process accepted
        self._left: set[str] = set()  # jobs that another process is to go on with
        self.recovers = False  # whether this process goes on with jobs of those that died
        self._to_go_on: deque[Job] = deque()
        self._more_to_go_on = anyio.Event()

    def create(self, request: Request, roots: tuple[Path, ...] | None = (), clip_id: str | None = None) -> Job:
        """A new job of the caller, on the disk before anything is done for it. Raises ArchiveError, Busy."""
        job = self._jobs.create(request, roots, clip_id, caller())
        self._running[job.job_id] = job
        return job

    def running_like(self, request: Request, roots: tuple[Path, ...] | None) -> Job | None:
        """A job of the caller in this process that has not ended, asked for in the same words by a client that may read
        the same.
        """
        if self.recovers:
            self.adopt()  # it may have been asked for in a process that has ended since
        wanted = (request, roots, caller())
        same = (job.job_id for job in self._running.values() if (job.request, job.roots, job.owner) == wanted)
        return next(map(self.get, same), None)

    def started_since(self, request: Request, roots: tuple[Path, ...] | None, at: float) -> Job | None:
        """The caller's newest job that was asked for in the same words since `at`, in seconds since the epoch, be it
        ended; not one that was cancelled.
        """
        wanted = (request, roots)
        for job in self.recent():
            if job.created_at >= at and (job.request, job.roots) == wanted and job.state != states.Cancelled():
                return job
        return None

    @property
    def unfinished_count(self) -> int:
        """How many jobs of this process have not ended."""
        return len(self._running)

    async def all_ended(self) -> None:
        """Wait until there is none."""
        while self._running:
            self._none_running = anyio.Event()
            await self._none_running.wait()

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
        job = self._jobs.get(job_id)
        self._look_for_orphans([job])
        return job

    def own(self, job_id: str) -> Job:
        """The caller's job. Raises NotFound for any other."""
        job = self.get(job_id)
        if job.owner != caller():
            raise no_job(job_id)
        return job

    def recent(self, limit: int = 20) -> list[Job]:
        """The caller's newest jobs first."""
        jobs = self._jobs.recent(limit, caller())
        self._look_for_orphans(jobs)
        return jobs

    def news(self) -> str:
        """What happened to the job records since the last call; "" where nothing did."""
        return self._jobs.news()

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
        """Queue the job in this lane; from now on `cancel` reaches its render.

        Raises QueueFull, but for a job that was accepted before.
        """
        target, accepted, plan = self._lanes[lane], job_id in self._adopted, self._jobs.get(job_id).plan
        # Those of dead processes keep the order in which they were accepted.
        is_draft = plan is not None and plan.quality == "draft" and not accepted
        lane_job = target.submit(render, write, partial(self.on_progress, job_id), is_short=is_draft, accepted=accepted)
        self._submitted[job_id] = Submitted(target, lane_job)
        self._jobs.queued(job_id)
        return lane_job

    # -- jobs of processes that died ---------------------------------------------------------------------

    def adopt(self) -> list[Job]:
        """The jobs of dead processes, which are ours from now on, in their order. None while the disk is full: then the
        next who asks for one of them has it tried again.
        """
        try:
            adopted = self._jobs.adopt()
        except StudioError as error:
            log.warning("the jobs of dead processes must wait: %s", error)
            return []
        for job in adopted:
            self._running[job.job_id] = job
            self._adopted.add(job.job_id)
            self.join(job.job_id)  # whoever asked for it may have its id
        self._to_go_on += adopted
        self._more_to_go_on.set()
        return adopted

    async def next_adopted(self) -> Job:
        """The next one to go on with; waits until a process is found to have died."""
        while not self._to_go_on:
            self._more_to_go_on = anyio.Event()
            await self._more_to_go_on.wait()
        return self._to_go_on.popleft()

    def admitting(self, job_id: str) -> Job:
        """An adopted job is being admitted again."""
        return self._jobs.admitting(job_id)

    def put_back(self, job_id: str) -> None:
        """Its admission was stopped, to be begun again."""
        self._jobs.put_back(job_id)

    def cancelled_clips(self) -> set[str]:
        """What the clips of cancelled jobs would be called."""
        return self._jobs.cancelled_clips()

    def _look_for_orphans(self, jobs: Iterable[Job]) -> None:
        if self.recovers and any(self._jobs.is_orphan(job) for job in jobs):
            self.adopt()

    # -- the course of a job ----------------------------------------------------------------------------

    async def left_lane(self, job_id: str) -> None:
        """Wait until the lane's thread no longer touches the job's files."""
        await self._submitted[job_id].lane_job.left()
        del self._submitted[job_id]

    def set_state(self, job_id: str, state: states.JobState) -> Job:
        """Change the job's state, wake whoever waits for it, and return the job as it now is."""
        if job_id in self._left:
            return self._jobs.get(job_id)
        job = self._jobs.set_state(job_id, state)
        if job.has_ended:
            self._ended(job_id)
        self._wake(job_id)
        return job

    def _ended(self, job_id: str) -> None:
        self._adopted.discard(job_id)
        self._running.pop(job_id, None)
        self._callers.pop(job_id, None)
        if not self._running:
            self._none_running.set()

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
        job = self.own(job_id)
        with anyio.move_on_after(wait_s):
            while not job.has_ended and job_id not in self._left:
                changed = self._changed.setdefault(job_id, anyio.Event())
                await on_job(job)
                with anyio.move_on_after(self._heartbeat_s):
                    await changed.wait()
                job = self.get(job_id)
        return job if job.has_ended else self.get(job_id)

    def cancel(self, job_id: str) -> Job:
        """End the job now, if it has not ended; the lane is free for the next one once its thread has unwound.

        Raises NotFound for a job that is not the caller's.
        """
        self.own(job_id)
        job = self.set_state(job_id, states.Cancelled())  # first the record: nothing may report progress after it
        if (submitted := self._submitted.get(job_id)) is not None:
            submitted.lane.cancel(submitted.lane_job)
        return job

    async def device_lost(self) -> None:
        """Wait until the device is lost to this process."""
        await self._lanes["device"].device_lost.wait()

    @property
    def has_lost_device(self) -> bool:
        """Whether the device is lost to this process."""
        return self._lanes["device"].device_lost.is_set()

    def lost_device(self, job_id: str) -> bool:
        """The device was lost to this process at the job's render. Whether another process is to try it once more."""
        if self.recovers and self._jobs.get(job_id).restarts < MAX_RESTARTS:
            self._left.add(job_id)
        return job_id in self._left

    def stop(self) -> None:
        """Leave every job of this process to the next one, also those that are still being admitted, but not those that
        are being published: that takes a moment only.
        """
        for job_id in self._running.keys() - self._submitted.keys() - self._left:
            self._left.add(job_id)
            self._jobs.put_back(job_id)
        for job_id, submitted in self._submitted.items():
            state = self._jobs.get(job_id).state
            is_published = isinstance(state, states.Running) and state.stage in (Stage.PUBLISHING, Stage.INDEXING)
            if job_id not in self._left and not is_published:
                self._left.add(job_id)
                self._jobs.put_back(job_id)
                submitted.lane.cancel(submitted.lane_job)

    def is_left(self, job_id: str) -> bool:
        """Whether another process is to go on with the job."""
        return job_id in self._left

    def tell_of_stop(self) -> None:
        """Wake whoever waits for a job that was left: it is still to come."""
        for job_id in self._left:
            self._wake(job_id)

    def free_s(self, job: Job, lane: LaneName) -> float | None:
        """Seconds until this lane, which has no place for the job, should take one. None while nothing is known."""
        expected = None if job.plan is None else self.estimates.expected_s(job.plan, job.request)
        return self.estimates.free_s(self._lanes[lane], expected)

    def queue_position(self, job_id: str) -> int | None:
        """0 for the next to run in its lane, None for a job that does not wait."""
        submitted = self._submitted.get(job_id)
        return None if submitted is None else submitted.lane.position(submitted.lane_job)

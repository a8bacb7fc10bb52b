"""Job tracking: the state of every job, who waits for it, and how long it should still take."""

from collections.abc import Awaitable, Callable
from functools import partial

import anyio

from ltx_mcp.jobs.lane import LaneJob, LaneName, Render, Step, Write
from ltx_mcp.jobs.store import Job, JobStore
from ltx_mcp.preparation.clip_writer import WrittenClip
from ltx_mcp.studio.lanes import Lanes
from ltx_mcp.types import states
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import Request, is_joined
from ltx_mcp.types.stages import Stage

HEARTBEAT_S = 5.0  # some hosts give up on a call that has said nothing for ten

OnJob = Callable[[Job], Awaitable[None]]
"""Called with a job whenever it changed, and at every heartbeat."""

# Where each stage begins and ends in the whole job's progress, 0..1. Denoising is most of the work of a real model.
_SHARES: dict[Stage, tuple[float, float]] = {
    Stage.QUEUED: (0.0, 0.0),
    Stage.LOADING: (0.01, 0.05),
    Stage.ENCODING_PROMPT: (0.05, 0.08),
    Stage.DENOISING: (0.08, 0.80),
    Stage.DECODING: (0.80, 0.95),
    Stage.MODERATING: (0.95, 0.97),
    Stage.PUBLISHING: (0.97, 0.98),
    Stage.INDEXING: (0.98, 0.99),
}


class JobTracker:
    """Job records, the renders behind them, and whoever waits. Used on the event loop's thread."""

    def __init__(self, jobs: JobStore, lanes: Lanes, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._jobs = jobs
        self._lanes = lanes
        self._heartbeat_s = heartbeat_s
        self._renders: dict[str, LaneJob[WrittenClip]] = {}
        self._changed: dict[str, anyio.Event] = {}

    def create(self, request: Request) -> Job:
        return self._jobs.create(request)

    def get(self, job_id: str) -> Job:
        """Raises NotFound."""
        return self._jobs.get(job_id)

    def recent(self, limit: int = 20) -> list[Job]:
        return self._jobs.recent(limit)

    def planned(self, job_id: str, plan: Plan) -> None:
        self._jobs.planned(job_id, plan)

    def submit(self, job_id: str, lane: LaneName, render: Render, write: Write[WrittenClip]) -> LaneJob[WrittenClip]:
        """Queue the job's render; from now on a cancel reaches it. Raises QueueFull."""
        queued = self._lanes.submit(lane, render, write, partial(self.on_progress, job_id))
        self._renders[job_id] = queued
        return queued

    async def unwound(self, job_id: str) -> None:
        """Wait until the job's render has left its lane, and forget it."""
        await self._renders[job_id].left()
        del self._renders[job_id]

    def set_state(self, job_id: str, state: states.JobState) -> Job:
        """The job as it now is, and everyone who waits for it is woken."""
        job = self._jobs.set_state(job_id, state)
        if (changed := self._changed.pop(job_id, None)) is not None:
            changed.set()
        return job

    def on_progress(self, job_id: str, step: Step) -> None:
        self.set_state(job_id, states.Running(step.stage, progress_of(step)))

    async def wait(self, job_id: str, wait_s: float, on_job: OnJob) -> Job:
        """Wait for the job to end, at most `wait_s`; `on_job` is called with every change and every heartbeat."""
        with anyio.move_on_after(wait_s):
            while not (job := self.get(job_id)).has_ended:
                changed = self._changed.setdefault(job_id, anyio.Event())
                await on_job(job)
                with anyio.move_on_after(self._heartbeat_s):
                    await changed.wait()
        return self.get(job_id)

    def cancel(self, job_id: str) -> Job:
        """End the job now, if it has not ended; the device is freed as soon as the lane has unwound."""
        job = self.set_state(job_id, states.Cancelled())  # kept in memory even where it cannot be written
        if (render := self._renders.get(job_id)) is not None:
            self._lanes.cancel(render)
        return job

    def stop(self) -> None:
        """End every job that still runs here; the next start finds them as this one left them."""
        for job_id, render in self._renders.items():
            state = self.get(job_id).state
            if not isinstance(state, states.Running) or state.stage not in (Stage.PUBLISHING, Stage.INDEXING):
                self.set_state(job_id, states.RESTARTED)
                self._lanes.cancel(render)

    def queue_position(self, job_id: str) -> int | None:
        """0 for the next to run, None for a job that does not wait."""
        render = self._renders.get(job_id)
        return None if render is None else self._lanes.position(render)

    def expected_s(self, plan: Plan, request: Request) -> float | None:
        """Seconds that such a job took here before, or None."""
        return self._jobs.expected_s(plan, request.tool, joined=is_joined(request))

    def expected_shot_s(self, plan: Plan) -> float | None:
        """The same for a single shot from words."""
        return self._jobs.expected_s(plan)

    def eta_s(self, job: Job, now: float) -> float | None:
        """Seconds until the job should end, from past jobs of its kind, else from its own pace; or None."""
        if job.plan is None or not isinstance(job.state, states.Running):
            return None
        expected = self.expected_s(job.plan, job.request)
        elapsed = now - job.started_at if job.started_at else 0.0
        if job.state.progress > 0.1:
            own_pace = elapsed * (1 - job.state.progress) / job.state.progress
            return own_pace if expected is None else max(expected - elapsed, min(own_pace, expected))
        if expected is None:
            return None
        position = self.queue_position(job.job_id)
        ahead = 0 if position is None else position + 1  # the one that runs, and those that wait before it
        return max(1.0, expected * (1 + ahead) - elapsed)


def progress_of(step: Step) -> float:
    """Of the whole job, 0..1. Its renders share what one alone would have, in equal parts."""
    start, end = _SHARES[step.stage]
    alone = start + (end - start) * step.done / step.total
    first, last = _SHARES[Stage.ENCODING_PROMPT][0], _SHARES[Stage.DECODING][1]
    if not first <= alone <= last:
        return alone
    return first + (step.part * (last - first) + alone - first) / step.parts

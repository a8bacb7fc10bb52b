"""A job's life: recorded, admitted, rendered on a lane, and published as a clip or written as a file.

Every job has a record before anything is done for it. The record of a cancelled one says so at once and never changes
again, while its lane unwinds.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import anyio
from anyio.abc import TaskGroup

from ltx_mcp.archive.clip_id import new_clip_id
from ltx_mcp.errors import BadInput, Cancelled, DeviceLost, HeldForReview, QueueFull, Refused, StudioError
from ltx_mcp.jobs.lane_job import LaneJob
from ltx_mcp.jobs.record import Job
from ltx_mcp.preparation.clip_writer import WrittenClip
from ltx_mcp.preparation.export import PreparedExport
from ltx_mcp.studio.admission import Admission, Admitted, AlreadyThere
from ltx_mcp.studio.publishing import Publishing
from ltx_mcp.studio.tracking import JobTracker
from ltx_mcp.types import states
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.exports import ExportRequest
from ltx_mcp.types.requests import Request

log = logging.getLogger(__name__)


class JobRunner:
    """Knows the order of what is done for a job, and nothing of how any of it is done. Shared by all clients."""

    def __init__(self, admission: Admission, jobs: JobTracker, publishing: Publishing, tasks: TaskGroup) -> None:
        self._admission = admission
        self._jobs = jobs
        self._publishing = publishing
        self._tasks = tasks

    async def start(self, request: Request, roots: Sequence[Path] | None) -> Job:
        """Record, admit and queue a job whose files may come from `roots`, None for anywhere. A request that moderation
        refuses or holds comes back as a job that says so.

        Raises BadInput, which leaves no record: nothing was begun, and whoever asked wrongly is told now. Raises
        TooLarge, QueueFull, ModelUnavailable; the record then says why it failed.
        """
        clip_id = None if isinstance(request, ExportRequest) else new_clip_id(request.prompt)
        job = self._jobs.create(request, None if roots is None else tuple(roots), clip_id)
        try:
            await self.begin(job)
        except BadInput:
            self._jobs.forget(job.job_id)
            raise
        except (Refused, HeldForReview) as error:
            self._jobs.set_state(job.job_id, states.ended_by(error))
        except StudioError as error:
            self._jobs.set_state(job.job_id, states.ended_by(error))
            raise
        except Exception as error:
            log.exception("job %s could not be started", job.job_id)
            self._jobs.set_state(job.job_id, states.BROKEN)
            raise StudioError(states.BROKEN.message, states.BROKEN.hint) from error
        except BaseException:  # the caller gave up
            self._jobs.set_state(job.job_id, states.Cancelled())
            raise
        return self._jobs.get(job.job_id)

    async def begin(self, job: Job) -> None:
        """Admit a recorded job and queue it. Raises what admission raises, QueueFull, ArchiveError."""
        try:
            await self._begin(job)
        except StudioError:
            await self._admission.give_back(job.job_id)
            raise

    async def _begin(self, job: Job) -> None:
        if isinstance(job.request, ExportRequest):
            export = await self._admission.admit_export(job, job.request)
            if isinstance(export, states.Succeeded):
                self._jobs.set_state(job.job_id, export)
                return
            queue = partial(self._queue_export, job.job_id, export)
        else:
            match await self._admission.admit(job, job.request):
                case AlreadyThere(clip_id):
                    self._jobs.set_state(job.job_id, states.Succeeded(clip_id))
                    return
                case admitted:
                    queue = partial(self._queue, job.job_id, admitted)
        # Whoever saw it in get_job's list may have cancelled it, and a process that stops has left it to the next.
        if not (self._jobs.get(job.job_id).has_ended or self._jobs.is_left(job.job_id)):
            queue()

    def _queue(self, job_id: str, admitted: Admitted) -> None:
        planned, prepared = admitted.planned, admitted.prepared
        self._jobs.planned(job_id, planned.plan)
        write = self._publishing.writer(job_id, planned, prepared)
        try:
            lane_job = self._jobs.submit(job_id, prepared.lane, planned.render, write)
        except QueueFull as full:
            self._publishing.discard(job_id)
            free_s = self._jobs.free_s(self._jobs.get(job_id), prepared.lane)
            when = f" The next place is free in about {free_s:.0f} s." if free_s else ""
            raise QueueFull(full.message + when, full.hint) from None
        self._tasks.start_soon(self._finish, job_id, partial(self._published, job_id, admitted, lane_job))

    def _queue_export(self, job_id: str, export: PreparedExport) -> None:
        lane_job = self._jobs.submit(job_id, "edits", export.render, export.write)
        self._tasks.start_soon(self._finish, job_id, partial(self._exported, job_id, export.clip_id, lane_job))

    async def _finish(self, job_id: str, done: Callable[[], Awaitable[states.Succeeded]]) -> None:
        """See the job to its end. The one place that logs what went wrong in a render."""
        state: states.Ended
        try:
            state = await done()
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException as error:
            state = states.ended_by(error)
            if isinstance(error, DeviceLost) and self._jobs.lost_device(job_id):
                log.warning("the device is lost to this process; job %s goes on in another", job_id)
            elif state == states.BROKEN:
                log.exception("job %s broke", job_id)
            elif isinstance(state, states.Failed):
                log.warning("job %s failed: %s", job_id, error, exc_info=error.__cause__)
        self._jobs.set_state(job_id, state)
        await self._jobs.left_lane(job_id)  # its thread may still be writing there
        self._publishing.discard(job_id)

    async def _published(self, job_id: str, admitted: Admitted, lane_job: LaneJob[WrittenClip]) -> states.Succeeded:
        """With the job's clip. Raises Refused, HeldForReview, ArchiveError; Cancelled once nothing of it is left."""
        written = await lane_job.result()
        job, on_progress = self._jobs.get(job_id), partial(self._jobs.on_progress, job_id)
        outcome: Clip | HeldForReview
        try:
            outcome = await self._publishing.publish(
                job, admitted.planned.plan, admitted.prepared, written, on_progress
            )
        except HeldForReview as held:
            outcome = held
        if self._jobs.get(job_id).has_ended:  # cancelled while it was being published
            await self._publishing.remove(outcome.clip_id if isinstance(outcome, Clip) else job.clip_id)
            raise Cancelled
        if isinstance(outcome, HeldForReview):
            raise outcome
        return states.Succeeded(outcome.clip_id)

    async def _exported(self, job_id: str, clip_id: str, lane_job: LaneJob[Path]) -> states.Succeeded:
        path = await lane_job.result()
        if self._jobs.get(job_id).has_ended:  # cancelled while the file was being named
            await anyio.Path(path).unlink(missing_ok=True)
            raise Cancelled
        return states.Succeeded(clip_id, str(path))

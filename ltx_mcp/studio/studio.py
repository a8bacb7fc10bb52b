"""The one use case: admit a request, render it on a lane, publish its clip; or write one as a file on a lane.

The studio knows the order of these and nothing of how any of them is done. Every job has a record before anything is
done for it. The record of a cancelled one says so at once and never changes again, while its lane unwinds.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup

from ltx_mcp.archive.archive import Archive
from ltx_mcp.errors import BadInput, Cancelled, IndexUnavailable, QueueFull, Refused, StudioError
from ltx_mcp.index.query import SearchQuery
from ltx_mcp.jobs.lane import LaneJob
from ltx_mcp.jobs.record import Job
from ltx_mcp.preparation.clip_writer import WrittenClip
from ltx_mcp.preparation.export import PreparedExport
from ltx_mcp.studio.admission import Admission, Admitted, AlreadyThere
from ltx_mcp.studio.capabilities import Capabilities
from ltx_mcp.studio.finished_clips import FinishedClips
from ltx_mcp.studio.publishing import Publishing
from ltx_mcp.studio.tracking import JobTracker
from ltx_mcp.studio.verifying import Verification, Verifying
from ltx_mcp.types import states
from ltx_mcp.types.clips import SearchResult
from ltx_mcp.types.exports import ExportRequest
from ltx_mcp.types.requests import Request
from ltx_mcp.types.searches import SearchFilters, SearchRequest

log = logging.getLogger(__name__)

UNWIND_S = 5.0


class Studio:
    """Everything that tools, resources and the command line can ask for, of it or of its public parts."""

    def __init__(
        self,
        *,
        admission: Admission,
        jobs: JobTracker,
        publishing: Publishing,
        archive: Archive,
        clips: FinishedClips,
        verifying: Verifying,
        tasks: TaskGroup,
    ) -> None:
        self.archive, self.clips, self.jobs = archive, clips, jobs
        self.admission, self.equipment = admission, admission.equipment
        self._publishing, self._verifying = publishing, verifying
        self._tasks = tasks

    def with_roots(self, roots: Sequence[Path] | None) -> "Studio":
        """The same studio for another client, whose files may come from these folders."""
        return Studio(
            admission=self.admission.with_roots(roots),
            jobs=self.jobs,
            publishing=self._publishing,
            archive=self.archive,
            clips=self.clips.with_roots(roots),
            verifying=self._verifying.with_roots(roots),
            tasks=self._tasks,
        )

    async def start(self, request: Request) -> Job:
        """Record, admit and queue. A request that moderation refuses comes back as a refused job.

        Raises BadInput, which leaves no record: nothing was begun, and whoever asked wrongly is told now. Raises
        TooLarge, QueueFull, ModelUnavailable; the record then says why it failed.
        """
        clip_id = None if isinstance(request, ExportRequest) else self.archive.new_clip_id(request.prompt)
        job = self.jobs.create(request, self.admission.roots, clip_id)
        try:
            await self.begin(job)
        except BadInput:
            self.jobs.forget(job.job_id)
            raise
        except Refused as error:
            self.jobs.set_state(job.job_id, states.ended_by(error))
        except StudioError as error:
            self.jobs.set_state(job.job_id, states.ended_by(error))
            raise
        except Exception as error:
            log.exception("job %s could not be started", job.job_id)
            self.jobs.set_state(job.job_id, states.BROKEN)
            raise StudioError(states.BROKEN.message, states.BROKEN.hint) from error
        except BaseException:  # the caller gave up
            self.jobs.set_state(job.job_id, states.Cancelled())
            raise
        return self.jobs.get(job.job_id)

    async def begin(self, job: Job) -> None:
        """Admit a recorded job and queue it. Raises what admission raises, QueueFull, ArchiveError."""
        if isinstance(job.request, ExportRequest):
            export = await self.admission.admit_export(job, job.request)
            queue = partial(self._queue_export, job.job_id, export)
        else:
            match await self.admission.admit(job, job.request):
                case AlreadyThere(clip_id):
                    self.jobs.set_state(job.job_id, states.Succeeded(clip_id))
                    return
                case admitted:
                    queue = partial(self._queue, job.job_id, admitted)
        if not self.jobs.get(job.job_id).has_ended:  # whoever saw it in get_job's list may have cancelled it
            queue()

    def _queue(self, job_id: str, admitted: Admitted) -> None:
        planned, prepared = admitted.planned, admitted.prepared
        self.jobs.planned(job_id, planned.plan)
        write = self._publishing.writer(job_id, planned, prepared)
        try:
            lane_job = self.jobs.submit(job_id, prepared.lane, planned.render, write)
        except QueueFull as full:
            self._publishing.discard(job_id)
            free_s = self.jobs.free_s(self.jobs.get(job_id), prepared.lane)
            when = f" The next place is free in about {free_s:.0f} s." if free_s else ""
            raise QueueFull(full.message + when, full.hint) from None
        self._tasks.start_soon(self._finish, job_id, partial(self._published, job_id, admitted, lane_job))

    def _queue_export(self, job_id: str, export: PreparedExport) -> None:
        lane_job = self.jobs.submit(job_id, "edits", export.render, export.write)
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
            if state == states.BROKEN:
                log.exception("job %s broke", job_id)
            elif isinstance(state, states.Failed):
                log.warning("job %s failed: %s", job_id, error, exc_info=error.__cause__)
        self.jobs.set_state(job_id, state)
        await self.jobs.left_lane(job_id)  # its thread may still be writing there
        self._publishing.discard(job_id)

    async def _published(self, job_id: str, admitted: Admitted, lane_job: LaneJob[WrittenClip]) -> states.Succeeded:
        """With the job's clip. Raises Refused, ArchiveError, and Cancelled once nothing of it is left."""
        written = await lane_job.result()
        job, on_progress = self.jobs.get(job_id), partial(self.jobs.on_progress, job_id)
        clip = await self._publishing.publish(job, admitted.planned.plan, admitted.prepared, written, on_progress)
        if self.jobs.get(job_id).has_ended:  # cancelled while it was being published
            await self._publishing.remove(clip.clip_id)
            raise Cancelled
        return states.Succeeded(clip.clip_id)

    async def _exported(self, job_id: str, clip_id: str, lane_job: LaneJob[Path]) -> states.Succeeded:
        path = await lane_job.result()
        if self.jobs.get(job_id).has_ended:  # cancelled while the file was being named
            await anyio.Path(path).unlink(missing_ok=True)
            raise Cancelled
        return states.Succeeded(clip_id, str(path))

    async def search(self, asked: SearchRequest) -> SearchResult:
        """Raises Refused, BadInput, NotFound, IndexUnavailable."""
        image = None if asked.image is None else await self.admission.still(asked.image)
        clip_id = None if asked.clip is None else (await self.archive.clip(asked.clip)).clip_id
        filters = {name: getattr(asked, name) for name in SearchFilters.model_fields}
        return await self.archive.search(SearchQuery(**filters, image=image, clip_id=clip_id), asked.tags)

    async def verify(self, reference: str) -> Verification:
        """Where a file comes from. Raises BadInput, NotFound, MediaError."""
        return await to_thread.run_sync(self._verifying.verify, reference)

    async def capabilities(self) -> Capabilities:
        made = await self.equipment.capabilities(self.jobs.estimates.expected_shot_s)
        try:
            return made.model_copy(update={"search": await self.archive.search_model()})
        except IndexUnavailable as error:
            log.warning("the search model is not known: %s", error)
            return made

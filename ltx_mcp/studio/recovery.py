"""What becomes of the jobs whose process died: it is looked for in the archive, and gone on with where it is not there.

A job passes the same preparation and gates as a new one, with its own seed and the folders that it was admitted with.
"""

import logging
from collections.abc import Awaitable, Callable

import anyio

from ltx_mcp.archive.archive import Archive
from ltx_mcp.errors import StudioError
from ltx_mcp.jobs.record import MAX_RESTARTS, Job
from ltx_mcp.studio.publishing import Publishing
from ltx_mcp.studio.reviewing import held_for_review
from ltx_mcp.studio.tracking import JobTracker
from ltx_mcp.types import states
from ltx_mcp.types.owners import calling

log = logging.getLogger(__name__)


class Recovery:
    """Of a server, not of a command that ends. `begin` admits and queues a job."""

    def __init__(
        self, jobs: JobTracker, archive: Archive, publishing: Publishing, begin: Callable[[Job], Awaitable[None]]
    ) -> None:
        self._jobs = jobs
        self._archive = archive
        self._publishing = publishing
        self._begin = begin
        jobs.recovers = True
        jobs.adopt()
        self._scope = anyio.CancelScope()

    async def run(self) -> None:
        """Until `stop`, go on with what dead processes left, now and whenever another is found to be dead."""
        with self._scope:
            await self._remove_cancelled()
            while True:
                job = await self._jobs.next_adopted()
                with calling(job.owner):
                    await self._go_on(job)

    def stop(self) -> None:
        """What has not been gone on with yet is left to the next process."""
        self._scope.cancel()

    async def _remove_cancelled(self) -> None:
        """Clips that were being published when they were cancelled, by a process that died before it removed them."""
        try:
            for clip_id in self._jobs.cancelled_clips():
                if await self._archive.is_published(clip_id) or await self._archive.is_held(clip_id):
                    await self._publishing.remove(clip_id)
                else:
                    await self._publishing.remove_latents(clip_id)
        except StudioError as error:
            log.warning("clips of cancelled jobs are still there: %s", error)

    async def _go_on(self, job: Job) -> None:
        if self._jobs.get(job.job_id).has_ended:
            return  # cancelled while it waited here
        if job.clip_id is not None and await self._archive.was_published(job.clip_id):
            log.info("job %s was done when its process died", job.job_id)
            self._jobs.set_state(job.job_id, states.Succeeded(job.clip_id))
        elif job.clip_id is not None and await self._archive.is_held(job.clip_id):
            self._jobs.set_state(job.job_id, await self._held(job.clip_id))
        elif job.restarts > MAX_RESTARTS:
            self._jobs.set_state(job.job_id, states.INTERRUPTED)
            await self._publishing.remove_latents(job.clip_id)
        else:
            log.info("job %s goes on: its process died", job.job_id)
            await self._start_again(job)

    async def _held(self, clip_id: str) -> states.Ended:
        try:
            return states.Held.of(held_for_review(await self._archive.held(clip_id)))
        except StudioError as error:  # it is damaged, or a person has just decided
            return states.ended_by(error)

    async def _start_again(self, job: Job) -> None:
        try:
            await self._begin(self._jobs.admitting(job.job_id))
        except anyio.get_cancelled_exc_class():
            self._jobs.put_back(job.job_id)
            raise
        except Exception as error:
            unexpected = not isinstance(error, StudioError)
            log.warning("job %s cannot be gone on with: %s", job.job_id, error, exc_info=unexpected)
            self._jobs.set_state(job.job_id, states.ended_by(error))

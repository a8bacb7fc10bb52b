"""The studio of one client: everything that its tools, resources and commands can ask for."""

import logging
from collections.abc import Sequence
from pathlib import Path

from anyio import to_thread

from ltx_mcp.archive.archive import Archive
from ltx_mcp.errors import IndexUnavailable
from ltx_mcp.index.query import SearchQuery
from ltx_mcp.jobs.record import Job
from ltx_mcp.studio.admission import Admission
from ltx_mcp.studio.capabilities import Capabilities
from ltx_mcp.studio.consent import Consents
from ltx_mcp.studio.finished_clips import FinishedClips
from ltx_mcp.studio.job_runner import JobRunner
from ltx_mcp.studio.tracking import JobTracker
from ltx_mcp.studio.verifying import Verification, Verifying
from ltx_mcp.types.clips import SearchResult
from ltx_mcp.types.requests import Request
from ltx_mcp.types.searches import SearchFilters, SearchRequest

log = logging.getLogger(__name__)


class Studio:
    """Its public parts answer for themselves: jobs, archive, finished clips, equipment, consents.

    `admission`, `clips` and `verifying` read the files that this client may name; the rest is shared by all clients.
    """

    def __init__(
        self,
        *,
        admission: Admission,
        runner: JobRunner,
        jobs: JobTracker,
        archive: Archive,
        clips: FinishedClips,
        verifying: Verifying,
        consents: Consents,
    ) -> None:
        self.archive, self.clips, self.jobs = archive, clips, jobs
        self.admission, self.equipment = admission, admission.equipment
        self.consents = consents
        self._runner, self._verifying = runner, verifying

    def with_roots(self, roots: Sequence[Path] | None) -> "Studio":
        """The same studio for another client, whose files may come from these folders."""
        return Studio(
            admission=self.admission.with_roots(roots),
            runner=self._runner,
            jobs=self.jobs,
            archive=self.archive,
            clips=self.clips.with_roots(roots),
            verifying=self._verifying.with_roots(roots),
            consents=self.consents,
        )

    async def start(self, request: Request) -> Job:
        """Record, admit and queue a job. A request that moderation refuses comes back as a refused job.

        Raises BadInput, TooLarge, QueueFull, ModelUnavailable, as `JobRunner.start` says.
        """
        return await self._runner.start(request, self.admission.roots)

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

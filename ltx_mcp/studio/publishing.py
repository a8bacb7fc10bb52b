"""Publishing: from staged frames to a clip that can be named, and back where a job was cancelled meanwhile."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from textwrap import shorten

from anyio import to_thread

from ltx_mcp.archive.archive import Archive
from ltx_mcp.archive.draft_latents import DraftLatents, KeptDraft
from ltx_mcp.archive.library import Library
from ltx_mcp.jobs.lane import Step, Write
from ltx_mcp.jobs.store import Job
from ltx_mcp.moderation.audit import Audit
from ltx_mcp.moderation.frames import FrameGate
from ltx_mcp.preparation.clip_writer import WrittenClip, provenance_tags, write_clip
from ltx_mcp.preparation.prepared_job import Planned, PreparedJob
from ltx_mcp.studio.wording import AFTER_FRAMES, judged
from ltx_mcp.types import states
from ltx_mcp.types.clips import Clip, ClipFacts
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import prompts_of
from ltx_mcp.types.stages import Stage


class Publishing:
    """Everything between the lane's thread and the archive."""

    def __init__(
        self, *, library: Library, archive: Archive, frames: FrameGate, draft_latents: DraftLatents, audit: Audit
    ) -> None:
        self._library = library
        self._archive = archive
        self._frames = frames
        self._draft_latents = draft_latents
        self._audit = audit

    def writer(self, job_id: str, planned: Planned, prepared: PreparedJob) -> Write[WrittenClip]:
        """Stage a folder for the job, and say what the lane does with its frames. Raises ArchiveError."""
        return partial(
            write_clip,
            plan=planned.plan,
            folder=self._library.stage(job_id),
            gate=self._frames,
            replacement_audio=prepared.replacement_audio,
            tags=provenance_tags(planned.plan.model, prepared.provenance),
            unchanged=planned.unchanged,
        )

    def discard(self, job_id: str) -> None:
        """Delete what the job staged, if anything."""
        self._library.discard(job_id)

    async def publish(
        self, job: Job, plan: Plan, prepared: PreparedJob, written: WrittenClip, on_progress: Callable[[Step], None]
    ) -> states.Succeeded | states.Refused:
        """Raises ArchiveError. A clip that cannot be indexed is published all the same."""
        if written.verdict.verdict == "refused":
            self._audit.frames_refused(job.job_id, job.request.prompt, written.verdict)
            return states.Refused("refused", judged("The finished clip", written.verdict, "and deleted"), AFTER_FRAMES)
        on_progress(Step(Stage.PUBLISHING))
        facts = _facts(job, plan, prepared, written)
        clip = await self._archive.publish(job.job_id, facts, written.video, written.sheet)
        if written.latents is not None and prepared.recipe is None:  # one shot, not one of several
            kept = KeptDraft(written.latents, plan.model, prepared.digests())
            await to_thread.run_sync(self._draft_latents.keep, clip.clip_id, kept)
        on_progress(Step(Stage.INDEXING))
        await self._archive.add_to_index(clip, written.samples)
        return states.Succeeded(clip.clip_id)

    async def take_back(self, clip_id: str) -> None:
        """Remove a clip whose job was cancelled while it was being published."""
        await self._archive.remove(clip_id)
        await to_thread.run_sync(self._draft_latents.remove, clip_id)

    async def can_finalize(self, clip: Clip) -> bool:
        """Whether a draft's latents are still there."""
        return clip.recipe == "draft" and await to_thread.run_sync(self._draft_latents.has, clip.clip_id)


def _facts(job: Job, plan: Plan, prepared: PreparedJob, written: WrittenClip) -> ClipFacts:
    request = job.request
    plan = plan.model_copy(update={"notes": plan.notes + written.notes})
    return ClipFacts(
        kind=prepared.kind,
        prompt="\n".join(prompts_of(request)),
        title=_title(request.prompt),
        width=plan.width,
        height=plan.height,
        fps=plan.fps,
        frames=plan.frames,
        duration_s=plan.duration_s,
        has_audio=written.has_audio,
        codec=plan.codec,
        seed=None if prepared.kind == "imported" else plan.seed,
        model=plan.model,
        recipe=prepared.recipe or plan.quality,
        source=prepared.source,
        created_at=datetime.now(UTC),
        moderation=written.verdict,
        provenance=prepared.provenance,
        loras=tuple(use.model_dump(exclude_none=True) for use in plan.loras),
        requested=request.model_dump(mode="json", exclude_none=True),
        effective=plan.model_dump(mode="json", exclude_none=True),
    )


def _title(prompt: str) -> str:
    """The prompt's first sentence, cut at a word."""
    return shorten(prompt.split(". ")[0], 80, placeholder="…")

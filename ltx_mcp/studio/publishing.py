"""Publishing: from a job's staging folder to a clip in the archive, and back if the job was cancelled meanwhile."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from anyio import to_thread

from ltx_mcp.archive.archive import Archive
from ltx_mcp.archive.clip_id import new_clip_id
from ltx_mcp.archive.draft_latents import DraftLatents, KeptDraft
from ltx_mcp.archive.library import Library
from ltx_mcp.archive.originals import read_original
from ltx_mcp.archive.speech import SPEECH, speech_text
from ltx_mcp.jobs.lane_job import OnProgress, Step, Write
from ltx_mcp.jobs.record import Job
from ltx_mcp.preparation.clip_writer import Viewing, WrittenClip, provenance_tags, write_clip
from ltx_mcp.preparation.footage_in_place import look_through
from ltx_mcp.preparation.origins import marked_origin
from ltx_mcp.preparation.photo import write_photo
from ltx_mcp.preparation.prepared_job import Planned, PreparedJob
from ltx_mcp.provenance.fingerprint import FINGERPRINT, fingerprint_of, text_of
from ltx_mcp.studio.gates import Gates
from ltx_mcp.studio.reviewing import held_for_review
from ltx_mcp.studio.signing import Signing
from ltx_mcp.studio.watermarking import Watermarking
from ltx_mcp.types.clips import Clip, ClipFacts
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.request_texts import prompts_of
from ltx_mcp.types.stages import Stage
from ltx_mcp.types.texts import title_of
from ltx_mcp.watermark.base import FoundMark, Mark


class Publishing:
    """Stages, checks, archives and indexes clips; keeps the latents of drafts beside them."""

    def __init__(
        self,
        *,
        gates: Gates,
        library: Library,
        archive: Archive,
        draft_latents: DraftLatents,
        signing: Signing,
        watermarking: Watermarking,
    ) -> None:
        self._gates = gates
        self._library = library
        self._signing = signing
        self._watermarking = watermarking
        self._archive = archive
        self._draft_latents = draft_latents

    def writer(self, job_id: str, planned: Planned, prepared: PreparedJob) -> Write[WrittenClip]:
        """Create the job's staging folder; return what the lane does with its frames. Raises ArchiveError."""
        folder, plan = self._library.stage(job_id), planned.plan

        def view() -> Viewing:
            return Viewing(plan, self._gates.frames, folder, self._watermarking.reader(plan, prepared))

        if prepared.original is not None and prepared.kind == "photo":
            return partial(write_photo, folder=folder, view=view, path=prepared.original, in_place=prepared.in_place)
        if prepared.original is not None and prepared.in_place:
            return partial(look_through, plan=plan, view=view, path=prepared.original, codec=prepared.original_codec)
        return partial(
            write_clip,
            plan=plan,
            folder=folder,
            view=view,
            replacement_audio=prepared.replacement_audio,
            tags=provenance_tags(plan.model, prepared.provenance),
            unchanged=planned.unchanged,
            marker=self._watermarking.marker(self._watermarking.mark(plan, prepared), planned),
        )

    def discard(self, job_id: str) -> None:
        """Delete the job's staging folder, if there is one."""
        self._library.discard(job_id)

    async def publish(
        self, job: Job, plan: Plan, prepared: PreparedJob, written: WrittenClip, on_progress: OnProgress
    ) -> Clip:
        """Raises Refused, ArchiveError, and HeldForReview once the clip is in the quarantine. A clip that cannot be
        indexed is published all the same.
        """
        self._gates.check_clip(job.job_id, job.request.prompt, written.verdict)
        on_progress(Step(Stage.PUBLISHING))
        if prepared.original is not None and written.original is None:
            written = replace(written, original=await to_thread.run_sync(read_original, prepared.original))
        if written.watermarks:
            plan, prepared = await to_thread.run_sync(self._with_its_origin, plan, prepared, written.watermarks)
        facts = clip_facts(job, plan, prepared, written, self._watermarking.mark(plan, prepared))
        samples = written.samples
        fingerprint = await to_thread.run_sync(fingerprint_of, samples.times_s, samples.frames)
        texts = {**prepared.texts, FINGERPRINT: text_of(fingerprint)}
        texts |= {SPEECH: speech_text(written.said)} if written.said else {}
        facts = await to_thread.run_sync(self._signing.sign_clip, facts, written.video, prepared.parents)
        origin = facts.provenance.digital_source_type
        sheet = await to_thread.run_sync(self._signing.signed_image, written.sheet, [origin])
        clip_id = job.clip_id or new_clip_id(facts.prompt)
        # The latents come before the clip: whoever finds the clip after a crash takes the job as done.
        if written.latents is not None and prepared.recipe is None:  # a whole draft, not one of several chained shots
            kept = KeptDraft(written.latents, plan.model, prepared.digests())
            await to_thread.run_sync(self._draft_latents.keep, clip_id, kept)
        store = partial(self._library.publish, job.job_id, clip_id, facts, written.video, sheet, texts)
        if written.verdict.verdict == "review":
            held = await to_thread.run_sync(partial(store, held=True))
            raise held_for_review(held)
        clip = await to_thread.run_sync(store)
        # The index comes last: it is derived from the files, and reconciled with them if this is interrupted.
        on_progress(Step(Stage.INDEXING))
        await self._archive.add_to_index(clip, samples)
        return clip

    def _with_its_origin(
        self, plan: Plan, prepared: PreparedJob, marks: Sequence[FoundMark]
    ) -> tuple[Plan, PreparedJob]:
        """Footage that carries watermarks is called a model's: what the plan and the provenance say then."""
        origin, note = marked_origin(marks, plan.duration_s, self._library.own())
        provenance = prepared.provenance.model_copy(update={"digital_source_type": origin.digital_source_type})
        plan = plan.model_copy(update={"model": origin.model, "notes": (*plan.notes, note)})
        return plan, replace(prepared, provenance=provenance)

    async def remove(self, clip_id: str | None) -> None:
        """Delete a clip, published or held, its index rows and its draft latents."""
        if clip_id is None:  # of a record that an early version wrote
            return
        await self._archive.remove(clip_id)
        await self.remove_latents(clip_id)

    async def remove_latents(self, clip_id: str | None) -> None:
        """Delete the draft latents of a clip, which there may be without it: they are written first."""
        if clip_id is not None:
            await to_thread.run_sync(self._draft_latents.remove, clip_id)


def clip_facts(job: Job, plan: Plan, prepared: PreparedJob, written: WrittenClip, mark: Mark | None) -> ClipFacts:
    """What the sidecar says of the clip. Of the notes, those of the plan come first."""
    request = job.request
    plan = plan.model_copy(update={"notes": plan.notes + written.notes, "loudness": written.loudness})
    return ClipFacts(
        kind=prepared.kind,
        prompt="\n".join(prompts_of(request)),
        title=title_of(request.prompt),
        width=plan.width,
        height=plan.height,
        fps=plan.fps,
        frames=plan.frames,
        duration_s=plan.duration_s,
        has_audio=written.has_audio,
        codec=written.codec or plan.codec,
        cuts_s=written.cuts_s,
        seed=plan.seed if prepared.lane == "device" else None,  # a clip that no model rendered has no noise to repeat
        model=plan.model,
        recipe=prepared.recipe or plan.quality,
        original=written.original,
        in_place=written.video is None,
        source=prepared.source,
        sources=prepared.sources,
        created_at=datetime.now(UTC),
        job_id=job.job_id,
        moderation=written.verdict,
        owner=job.owner,
        provenance=prepared.provenance.model_copy(update={"watermark": mark and mark.text}),
        loras=tuple(use.model_dump(exclude_none=True) for use in plan.loras),
        requested=request.model_dump(mode="json", exclude_none=True),
        effective=plan.model_dump(mode="json", exclude_none=True, exclude=None if written.codec is None else {"codec"}),
    )

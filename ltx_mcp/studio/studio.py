"""The one use case: gate the words, render, gate the frames, publish, index.

The studio knows the order of things and nothing of how any of them is done. Every job has a record from
its first moment; a cancelled one says so at once and stays so, whatever the lane still unwinds.
"""

import logging
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from textwrap import shorten

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from ltx_mcp.archive.archive import Archive
from ltx_mcp.archive.draft_latents import DraftLatents, KeptDraft
from ltx_mcp.archive.library import Library
from ltx_mcp.controls.base import Controls
from ltx_mcp.engine.base import Engine, ModelCard
from ltx_mcp.engine.copying import CopyEngine
from ltx_mcp.engine.lora.installed import InstalledLoras, with_triggers
from ltx_mcp.engine.plan.layout import WORDS, Uses
from ltx_mcp.engine.plan.planning import plan as make_plan
from ltx_mcp.errors import Cancelled, ModelUnavailable, QueueFull, Refused, StudioError
from ltx_mcp.jobs.lane import Lane, LaneJob, Step
from ltx_mcp.jobs.store import Job, JobStore
from ltx_mcp.moderation.audit import Audit
from ltx_mcp.moderation.frames import FrameGate
from ltx_mcp.moderation.prompts import PromptGate
from ltx_mcp.preparation.clip_writer import WrittenClip, provenance_tags, write_clip
from ltx_mcp.preparation.finalize import to_finalize
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.prepare import equip, prepare
from ltx_mcp.preparation.prepared_job import Planned, PlanShot, PreparedJob
from ltx_mcp.preparation.restyle_methods import RestyleMethod
from ltx_mcp.studio.capabilities import Capabilities, capabilities
from ltx_mcp.types import states
from ltx_mcp.types.clips import Clip, ClipFacts, Verdict
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import (
    MAX_SEED,
    Codec,
    Control,
    FinalizeRequest,
    GenerateRequest,
    Request,
    is_film,
    prompts_of,
)
from ltx_mcp.types.stages import Stage

log = logging.getLogger(__name__)

MAX_DRAWN_SEED = 2**53  # larger whole numbers are rounded by hosts that are written in JavaScript
HEARTBEAT_S = 5.0  # some hosts give up on a call that has said nothing for ten
UNWIND_S = 5.0

AFTER_WORDS = "Describe something else; do not rephrase the same content."
AFTER_FRAMES = "If it shows nothing of the kind the classifier erred: another seed or strength may pass."
BROKEN = states.Failed("internal", "The studio broke on this job.", "The server's log says why; try once more.")

Report = Callable[[Job], Awaitable[None]]

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


class Studio:
    """Everything that tools, resources and the command line can ask for."""

    def __init__(
        self,
        *,
        engine: Engine,
        lane: Lane,
        copies: Lane,
        jobs: JobStore,
        library: Library,
        inputs: Inputs,
        installed: InstalledLoras,
        controls: Controls,
        prompts: PromptGate,
        frames: FrameGate,
        archive: Archive,
        draft_latents: DraftLatents,
        audit: Audit,
        tasks: TaskGroup,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self._engine = engine
        self._lane = lane
        self._copies = copies
        self._jobs = jobs
        self._library = library
        self._inputs = inputs
        self._installed = installed
        self._controls = controls
        self._prompts = prompts
        self._frames = frames
        self.archive = archive
        self._draft_latents = draft_latents
        self._audit = audit
        self._tasks = tasks
        self._heartbeat_s = heartbeat_s
        self._renders: dict[str, LaneJob[WrittenClip]] = {}
        self._changed: dict[str, anyio.Event] = {}

    async def card(self) -> ModelCard:
        """What the engine is. The first call may look at the device, which takes seconds."""
        return await anyio.to_thread.run_sync(lambda: self._engine.card)

    # -- making ---------------------------------------------------------------------------------------

    async def start(self, request: Request) -> Job:
        """Record, gate, plan and queue. A prompt that is refused comes back as a refused job.

        Raises TooLarge, QueueFull, ModelUnavailable; the record then says why it failed.
        """
        job = self._jobs.create(request)
        try:
            await self._admit(job.job_id, request)
        except Refused as error:
            self._move(job.job_id, states.Refused(error.code, error.message, error.hint))
        except StudioError as error:
            self._move(job.job_id, states.Failed.of(error))
            raise
        except Exception as error:
            log.exception("job %s could not be started", job.job_id)
            self._move(job.job_id, BROKEN)
            raise StudioError(BROKEN.message, BROKEN.hint) from error
        except BaseException:
            self._move(job.job_id, states.Cancelled())
            raise
        return self._jobs.get(job.job_id)

    async def _admit(self, job_id: str, request: Request) -> None:
        way = await anyio.to_thread.run_sync(equip, request, self._installed, lambda: self._engine.card)
        for prompt in prompts_of(request):
            words = with_triggers(prompt, [each.card for each in way.picked])  # what a file brings is gated too
            if (finding := await anyio.to_thread.run_sync(self._prompts.check, words)) is not None:
                self._audit.prompt_refused(job_id, prompt, finding)
                raise Refused(f"The prompt was refused ({finding.category}).", AFTER_WORDS)
        await self._admit_negative(job_id, request)
        await anyio.to_thread.run_sync(self._library.check_room)
        prepared = await anyio.to_thread.run_sync(
            prepare, request, self._inputs, way, self._controls, self._draft_latents
        )
        await anyio.to_thread.run_sync(self._check_inputs, job_id, request, prepared)
        planned = await anyio.to_thread.run_sync(prepared.planned, await self._planner(request, way))
        prepared = await anyio.to_thread.run_sync(prepared.waiting)
        if not self._jobs.get(job_id).has_ended:  # cancelled meanwhile, by someone who saw it listed
            self._jobs.planned(job_id, planned.plan)
            self._queue(job_id, planned, prepared)

    async def _admit_negative(self, job_id: str, request: Request) -> None:
        """A negative prompt reaches the model like any other words, and at a negative weight it would be led to."""
        words = getattr(request, "negative_prompt", None)
        if words and (finding := await anyio.to_thread.run_sync(self._prompts.check, words)) is not None:
            self._audit.prompt_refused(job_id, words, finding)
            raise Refused(f"The negative prompt was refused ({finding.category}).", "Leave it out, or say less in it.")

    async def to_finalize(self, reference: str, codec: Codec | None) -> FinalizeRequest:
        """The request that finishes this draft. Raises BadInput, NotFound."""
        clip_id = await anyio.to_thread.run_sync(self._inputs.clip_id, reference)
        return to_finalize(await self.archive.clip(clip_id), codec)

    async def can_finalize(self, clip: Clip) -> bool:
        """Whether a draft's latents are still there."""
        return clip.recipe == "draft" and await anyio.to_thread.run_sync(self._draft_latents.has, clip.clip_id)

    async def _planner(self, request: Request, way: RestyleMethod) -> PlanShot:
        card = CopyEngine.card if request.tool == "import_video" else await self.card()  # imports wait for no device
        first_seed = secrets.randbelow(MAX_DRAWN_SEED) if request.seed is None else request.seed

        def plan_shot(
            shot: GenerateRequest, part: int = 0, size: tuple[int, int] | None = None, uses: Uses = WORDS
        ) -> Plan:
            return make_plan(shot, card, (first_seed + part) % (MAX_SEED + 1), way.picked, way.rework, size, uses)

        return plan_shot

    def _check_inputs(self, job_id: str, request: Request, prepared: PreparedJob) -> None:
        """Gate the pictures that the clip is made from. Loads the classifier: a missing one must not cost a render."""
        self._frames.load()
        pictures = prepared.inputs()
        if pictures and (verdict := self._frames.judge(pictures)).verdict == "refused":
            self._audit.frames_refused(job_id, request.prompt, verdict)
            raise Refused(_judged("The input", verdict), AFTER_FRAMES)

    def recent_jobs(self, limit: int = 20) -> list[Job]:
        return self._jobs.recent(limit)

    async def wait(self, job_id: str, wait_s: float, report: Report) -> Job:
        """Wait for the job to end, at most `wait_s`; `report` hears of every change and every heartbeat."""
        with anyio.move_on_after(wait_s):
            while not (job := self._jobs.get(job_id)).has_ended:
                changed = self._changed.setdefault(job_id, anyio.Event())
                await report(job)
                with anyio.move_on_after(self._heartbeat_s):
                    await changed.wait()
        return self._jobs.get(job_id)

    def cancel(self, job_id: str) -> Job:
        """End the job now, if it has not ended; the device is freed as soon as the lane has unwound."""
        job = self._move(job_id, states.Cancelled())  # kept in memory even where it cannot be written
        if (render := self._renders.get(job_id)) is not None:
            for lane in (self._lane, self._copies):
                lane.cancel(render)
        return job

    def queue_position(self, job_id: str) -> int | None:
        """0 for the next to run, None for a job that does not wait."""
        if (render := self._renders.get(job_id)) is None:
            return None
        positions = (lane.position(render) for lane in (self._lane, self._copies))
        return next((position for position in positions if position is not None), None)

    def eta_s(self, job: Job, now: float) -> float | None:
        """Seconds until the job should end, from past jobs of its kind, else from its own pace; or None."""
        if job.plan is None or not isinstance(job.state, states.Running):
            return None
        expected = self._jobs.expected_s(job.plan, job.request.tool, film=is_film(job.request))
        elapsed = now - job.started_at if job.started_at else 0.0
        if job.state.progress > 0.1:
            own_pace = elapsed * (1 - job.state.progress) / job.state.progress
            return own_pace if expected is None else max(expected - elapsed, min(own_pace, expected))
        if expected is None:
            return None
        position = self.queue_position(job.job_id)
        ahead = 0 if position is None else position + 1  # the one that runs, and those that wait before it
        return max(1.0, expected * (1 + ahead) - elapsed)

    # -- asking ---------------------------------------------------------------------------------------

    async def still(self, reference: str) -> Frame:
        """The picture that a reference names. Raises BadInput."""
        return await anyio.to_thread.run_sync(self._inputs.still, reference)

    async def capabilities(self) -> Capabilities:
        loras = await anyio.to_thread.run_sync(self._installed.all)
        controls = await anyio.to_thread.run_sync(self._control_obstacles)
        return capabilities(await self.card(), self._jobs.expected_s, loras, controls)

    def _control_obstacles(self) -> dict[Control, str]:
        """Each control signal, with why it cannot be made just now, or nothing."""
        obstacles: dict[Control, str] = dict.fromkeys(self._controls, "")
        for control, maker in self._controls.items():
            try:
                maker.ready()
            except ModelUnavailable as missing:
                obstacles[control] = str(missing)
        return obstacles

    async def lora_names(self) -> list[str]:
        return await anyio.to_thread.run_sync(self._installed.names)

    # -- one job, from the lane to the archive ----------------------------------------------------------

    def _queue(self, job_id: str, planned: Planned, prepared: PreparedJob) -> None:
        plan, folder = planned.plan, self._library.stage(job_id)
        tags = provenance_tags(plan.model, prepared.provenance)
        gate, unchanged = self._frames, planned.unchanged
        writing = partial(
            write_clip, plan=plan, folder=folder, gate=gate, sound=prepared.sound, tags=tags, unchanged=unchanged
        )
        try:
            lane = self._copies if prepared.kind == "imported" else self._lane
            render = lane.submit(planned.render, writing, partial(self._hear, job_id))
        except QueueFull as full:
            self._library.discard(job_id)
            request = self._jobs.get(job_id).request
            expected = self._jobs.expected_s(plan, request.tool, film=is_film(request))
            pace = f" One such clip takes about {expected:.0f} s here." if expected else ""
            raise QueueFull(full.message + pace, full.hint) from None
        self._renders[job_id] = render
        self._tasks.start_soon(self._finish, job_id, plan, prepared, render)

    async def _finish(self, job_id: str, plan: Plan, prepared: PreparedJob, render: LaneJob[WrittenClip]) -> None:
        try:
            state = await self._archive(job_id, plan, prepared, await render.result())
        except Cancelled:
            state = states.Cancelled()
        except StudioError as error:
            log.warning("job %s failed: %s", job_id, error, exc_info=error.__cause__)
            state = states.Failed.of(error)
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException:  # a panic in a library's Rust is no Exception
            log.exception("job %s broke", job_id)
            state = BROKEN
        self._move(job_id, state)
        await render.left()
        self._library.discard(job_id)
        del self._renders[job_id]

    async def _archive(self, job_id: str, plan: Plan, prepared: PreparedJob, written: WrittenClip) -> states.Ended:
        if written.verdict.verdict == "refused":
            self._audit.frames_refused(job_id, self._jobs.get(job_id).request.prompt, written.verdict)
            return states.Refused("refused", _judged("The finished clip", written.verdict, "and deleted"), AFTER_FRAMES)
        self._hear(job_id, Step(Stage.PUBLISHING))
        clip = await self.archive.publish(
            job_id, self._facts(job_id, plan, prepared, written), written.video, written.sheet
        )
        if written.latents is not None and prepared.recipe is None:  # one shot, not a part of a film
            negative = KeptDraft(written.latents, plan.model, prepared.digests())
            await anyio.to_thread.run_sync(self._draft_latents.keep, clip.clip_id, negative)
        self._hear(job_id, Step(Stage.INDEXING))
        await self.archive.add_to_index(clip, written.samples)
        if self._jobs.get(job_id).has_ended:  # cancelled while it was published: leave nothing behind
            await self.archive.remove(clip.clip_id)
            await anyio.to_thread.run_sync(self._draft_latents.remove, clip.clip_id)
        return states.Succeeded(clip.clip_id)

    def _facts(self, job_id: str, plan: Plan, prepared: PreparedJob, written: WrittenClip) -> ClipFacts:
        request = self._jobs.get(job_id).request
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

    def _hear(self, job_id: str, step: Step) -> None:
        self._move(job_id, states.Running(step.stage, _progress(step)))

    def _move(self, job_id: str, state: states.JobState) -> Job:
        job = self._jobs.move(job_id, state)
        if (changed := self._changed.pop(job_id, None)) is not None:
            changed.set()
        return job

    def stop(self) -> None:
        """End every job that still runs here; the next start finds them as this one left them."""
        for job_id, render in self._renders.items():
            state = self._jobs.get(job_id).state
            if not isinstance(state, states.Running) or state.stage not in (Stage.PUBLISHING, Stage.INDEXING):
                self._move(job_id, states.RESTARTED)
                self._lane.cancel(render)


def _progress(step: Step) -> float:
    """Of the whole job, 0..1. Its renders share what one alone would have, in equal parts."""
    start, end = _SHARES[step.stage]
    alone = start + (end - start) * step.done / step.total
    first, last = _SHARES[Stage.ENCODING_PROMPT][0], _SHARES[Stage.DECODING][1]
    if not first <= alone <= last:
        return alone
    return first + (step.part * (last - first) + alone - first) / step.parts


def _title(prompt: str) -> str:
    """The prompt's first sentence, cut at a word."""
    return shorten(prompt.split(". ")[0], 80, placeholder="…")


def _judged(what: str, verdict: Verdict, then: str = "") -> str:
    figures = (
        f"{verdict.category} {verdict.max_score:.2f}, limit {verdict.threshold:.2f}, at {verdict.worst_at_s:.1f} s"
    )
    return " ".join(part for part in (what, "was refused", then, f"({figures}).") if part)

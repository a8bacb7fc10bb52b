"""Admission: what must hold before a request may wait for the device. Costs no render and leaves nothing behind."""

import secrets
from dataclasses import dataclass

from anyio import to_thread

from ltx_mcp.archive.draft_latents import DraftLatents
from ltx_mcp.archive.library import Library
from ltx_mcp.engine.copying import CopyEngine
from ltx_mcp.engine.lora.installed import with_triggers
from ltx_mcp.engine.plan.layout import WORDS, Uses
from ltx_mcp.engine.plan.planning import plan as make_plan
from ltx_mcp.errors import Refused
from ltx_mcp.moderation.audit import Audit
from ltx_mcp.moderation.frames import FrameGate
from ltx_mcp.moderation.prompts import PromptGate
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.prepare import choose_method, prepare
from ltx_mcp.preparation.prepared_job import Planned, PlanShot, PreparedJob
from ltx_mcp.preparation.restyle_methods import RestyleMethod
from ltx_mcp.studio.equipment import Equipment
from ltx_mcp.studio.wording import AFTER_FRAMES, AFTER_WORDS, judged
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import MAX_SEED, GenerateRequest, Request, texts_of

MAX_SAMPLED_SEED = 2**53  # larger whole numbers are rounded by hosts that are written in JavaScript


@dataclass(frozen=True)
class Admitted:
    """A request that may be queued."""

    planned: Planned
    prepared: PreparedJob


class Admission:
    """Gates words and input frames, prepares and plans. Every blocking step runs on a worker thread."""

    def __init__(
        self,
        *,
        equipment: Equipment,
        inputs: Inputs,
        library: Library,
        draft_latents: DraftLatents,
        prompts: PromptGate,
        frames: FrameGate,
        audit: Audit,
    ) -> None:
        self._equipment = equipment
        self._inputs = inputs
        self._library = library
        self._draft_latents = draft_latents
        self._prompts = prompts
        self._frames = frames
        self._audit = audit

    async def admit(self, job_id: str, request: Request) -> Admitted:
        """Raises Refused, BadInput, NotFound, TooLarge, ArchiveError, ModelUnavailable, ModerationUnavailable."""
        # The LoRAs first: their trigger words join the prompt, and must be moderated with it.
        loras, engine = self._equipment.loras, self._equipment.engine
        method = await to_thread.run_sync(choose_method, request, loras, lambda: engine.card)
        # Words before anything is read: a refused prompt must not make us open its files.
        await to_thread.run_sync(self._check_texts, job_id, request, method)
        # Room before work: a full archive is known without preparing anything.
        await to_thread.run_sync(self._library.check_room)
        controls = self._equipment.controls
        prepared = await to_thread.run_sync(prepare, request, self._inputs, method, controls, self._draft_latents)
        # Input frames before the plan, and with them the classifier: a missing one must not cost a render.
        await to_thread.run_sync(self._check_inputs, job_id, request, prepared)
        # The plan last of all checks: it may look at the device, which takes seconds.
        planned = await to_thread.run_sync(prepared.plan, await self._planner(request, method))
        # What waits in the queue holds no decoded images.
        return Admitted(planned, await to_thread.run_sync(prepared.release_inputs))

    async def still(self, reference: str) -> Frame:
        """The frame or image that a reference names. Raises BadInput."""
        return await to_thread.run_sync(self._inputs.still, reference)

    async def clip_id(self, reference: str) -> str:
        """Of a whole clip of the archive. Raises BadInput, NotFound."""
        return await to_thread.run_sync(self._inputs.clip_id, reference)

    def _check_texts(self, job_id: str, request: Request, method: RestyleMethod) -> None:
        """Every text of the request; whatever reaches the model as words, negative prompts too, leads it somewhere."""
        cards = [each.card for each in method.loras]
        for part, text in texts_of(request):
            checked = with_triggers(text, cards) if part.startswith(("prompt", "then")) else text
            if (finding := self._prompts.check(checked)) is not None:
                self._audit.prompt_refused(job_id, text, finding)
                raise Refused(f"The {part.replace('_', ' ')} was refused ({finding.category}).", AFTER_WORDS)

    def _check_inputs(self, job_id: str, request: Request, prepared: PreparedJob) -> None:
        self._frames.load()
        frames = prepared.input_frames()
        if frames and (verdict := self._frames.judge(frames)).verdict == "refused":
            self._audit.frames_refused(job_id, request.prompt, verdict)
            raise Refused(judged("The input", verdict), AFTER_FRAMES)

    async def _planner(self, request: Request, method: RestyleMethod) -> PlanShot:
        # Imports copy: their plan needs no model, so it must not wait for the device.
        card = CopyEngine.card if request.tool == "import_video" else await self._equipment.card()
        first_seed = secrets.randbelow(MAX_SAMPLED_SEED) if request.seed is None else request.seed

        def plan_shot(
            shot: GenerateRequest, part: int = 0, size: tuple[int, int] | None = None, uses: Uses = WORDS
        ) -> Plan:
            seed = (first_seed + part) % (MAX_SEED + 1)
            return make_plan(shot, card, seed, method.loras, method.rework, size, uses)

        return plan_shot

"""Admission: what must hold before a job may wait for a lane. It renders nothing and leaves nothing behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from anyio import to_thread

from ltx_mcp.archive.draft_latents import DraftLatents
from ltx_mcp.archive.library import Library
from ltx_mcp.engine.plan.layout import WORDS, Uses
from ltx_mcp.engine.plan.planning import plan as make_plan
from ltx_mcp.errors import ArchiveError
from ltx_mcp.jobs.record import Job
from ltx_mcp.preparation.base_film import with_base
from ltx_mcp.preparation.export import PreparedExport, prepare_export
from ltx_mcp.preparation.film_texts import with_subtitle_text
from ltx_mcp.preparation.finalize import to_finalize
from ltx_mcp.preparation.import_file import imported_before
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.prepare import choose_method, prepare
from ltx_mcp.preparation.prepared_job import Planned, PlanShot, PreparedJob
from ltx_mcp.preparation.reference_grammar import FileRef
from ltx_mcp.preparation.restyle_methods import RestyleMethod
from ltx_mcp.studio.equipment import Equipment
from ltx_mcp.studio.gates import Gates
from ltx_mcp.studio.signing import Signing
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.codecs import Codec
from ltx_mcp.types.exports import ExportRequest
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.request_texts import texts_of
from ltx_mcp.types.requests import MAX_SEED, ClipRequest, FinalizeRequest, GenerateRequest, ImportRequest
from ltx_mcp.types.states import Succeeded
from ltx_mcp.types.timeline import EditRequest


@dataclass(frozen=True)
class Admitted:
    """A job that may be queued: how it is rendered (`planned`), and where and as what it is published (`prepared`)."""

    planned: Planned
    prepared: PreparedJob


@dataclass(frozen=True)
class AlreadyThere:
    """A file that was imported before: nothing is to be done."""

    clip_id: str


class Admission:
    """Moderates, prepares and plans requests. Each step runs on a worker thread, so a caller can give up in between."""

    def __init__(
        self,
        *,
        equipment: Equipment,
        inputs: Inputs,
        gates: Gates,
        library: Library,
        draft_latents: DraftLatents,
        signing: Signing,
    ) -> None:
        self.equipment = equipment
        self._inputs = inputs
        self._gates = gates
        self._library = library
        self._draft_latents = draft_latents
        self._signing = signing

    def with_roots(self, roots: Sequence[Path] | None) -> "Admission":
        """The same for a client whose files may come from these folders."""
        return Admission(
            equipment=self.equipment,
            inputs=self._inputs.with_roots(roots),
            gates=self._gates,
            library=self._library,
            draft_latents=self._draft_latents,
            signing=self._signing,
        )

    @property
    def roots(self) -> tuple[Path, ...] | None:
        """Where inputs may come from now: a job keeps it, wherever it is gone on with."""
        return self._inputs.roots

    async def admit(self, job: Job, request: ClipRequest) -> Admitted | AlreadyThere:
        """`request` is the job's own.

        Raises Refused, HeldForReview, BadInput, NotFound, MediaError, TooLarge, ArchiveError, ModelUnavailable,
        ModerationUnavailable.
        """
        run, models, job_id, inputs = to_thread.run_sync, self.equipment, job.job_id, self._inputs.with_roots(job.roots)
        # LoRAs come before the texts: their trigger words join the prompts and are moderated with them.
        method = await run(choose_method, request, models.loras, models.engine_card)
        # Texts come before anything that they name is opened: what is refused must cost no work and reveal no file.
        loras = [picked.card for picked in method.loras]
        await run(self._gates.check_texts, job_id, texts_of(request), loras)
        # The quota comes before the inputs, which may take seconds to read: a full archive can publish nothing.
        await run(self._library.check_room)
        if isinstance(request, ImportRequest) and (known := await run(imported_before, request, inputs)):
            return AlreadyThere((await run(self._library.found_again, *known)).clip_id)
        prepared = await run(prepare, request, inputs, method, models.controls, self._draft_latents, models.narrator)
        # Input frames come before the plan, which fits them to the clip: nothing is made of an image that is refused.
        await run(
            lambda: self._gates.check_images(job_id, request.prompt, prepared.input_frames(), prepared.input_name)
        )
        if (video := prepared.input_video) is not None:
            await run(lambda: self._gates.check_inputs(job_id, request.prompt, video()))
        # The plan comes last: it needs the size of the inputs, and asking the engine's card may probe the device.
        planned = await run(prepared.plan, self._planner(job.seed, request, method))
        # Input images are let go only now, since planning fits them to the clip's size.
        return Admitted(planned, await run(prepared.release_inputs))

    async def give_back(self, job_id: str) -> None:
        """The job did not begin after all: a person's leave to what moderation held is not used up by it."""
        await to_thread.run_sync(self._gates.give_back, job_id)

    async def admit_export(self, job: Job, request: ExportRequest) -> PreparedExport | Succeeded:
        """Or that a process which died had written the file. Raises Refused, BadInput, NotFound, ArchiveError."""
        await to_thread.run_sync(self._gates.check_texts, job.job_id, texts_of(request), ())
        inputs = self._inputs.with_roots(job.roots)
        finish = partial(self._signing.sign_export, job.job_id)
        export = await to_thread.run_sync(prepare_export, request, inputs, finish)
        if (file := await to_thread.run_sync(self._written_before, job, export)) is not None:
            return Succeeded(export.clip_id, str(file))
        return export

    def _written_before(self, job: Job, export: PreparedExport) -> Path | None:
        try:
            return self._signing.exports.written_by(job.job_id, export.folder)
        except OSError as error:
            raise ArchiveError(f"{export.folder} cannot be read: {error}.", "Export the clip again.") from error

    def _planner(self, sampled_seed: int, request: ClipRequest, method: RestyleMethod) -> PlanShot:
        """The engine's card is asked for with the first shot only: a job that plans none never waits for the device."""
        first_seed = sampled_seed if request.seed is None else request.seed

        def plan_shot(
            shot: GenerateRequest, part: int = 0, size: tuple[int, int] | None = None, uses: Uses = WORDS
        ) -> Plan:
            seed = (first_seed + part) % (MAX_SEED + 1)
            return make_plan(shot, self.equipment.engine_card(), seed, method.loras, method.rework, size, uses)

        return plan_shot

    # -- questions about inputs that need no job --------------------------------------------------------

    async def still(self, reference: str) -> Frame:
        """The frame or image that a reference names. An image is moderated; a clip has been.

        Raises Refused, BadInput, NotFound, ModerationUnavailable.
        """

        def looked_at() -> Frame:
            frame = self._inputs.still(reference)
            if isinstance(self._inputs.parse(reference), FileRef):
                self._gates.check_images("search", "", [frame], lambda place: "The image")
            return frame

        return await to_thread.run_sync(looked_at)

    async def to_finalize(self, reference: str, codec: Codec | None) -> FinalizeRequest:
        """The request that finalizes this draft. Raises BadInput, NotFound."""
        return await to_thread.run_sync(lambda: to_finalize(self._library.get(self._inputs.clip_id(reference)), codec))

    async def to_edit(self, request: EditRequest) -> EditRequest:
        """The request with what it takes from its base, and with the text of its subtitle file, which is then moderated
        with the rest. Raises BadInput, NotFound.
        """

        def complete() -> EditRequest:
            base = request.base and self._library.get(self._inputs.clip_id(request.base))
            return with_subtitle_text(with_base(request, base) if base else request, self._inputs)

        return await to_thread.run_sync(complete)

    async def can_finalize(self, clip: Clip) -> bool:
        """Whether it is a draft whose latents are still kept, of a model whose finals look better."""
        if clip.recipe != "draft" or not (await self.equipment.card()).finals_improve:
            return False
        return await to_thread.run_sync(self._draft_latents.has, clip.clip_id)

"""Prepares finalize_draft: the final of twice a draft's size, from the latents that the draft left behind."""

from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from ltx_mcp.archive.draft_latents import DraftLatents, KeptDraft, digests
from ltx_mcp.engine.base import Materials, Watch
from ltx_mcp.engine.diffusers_ltx.conditions import check_materials
from ltx_mcp.errors import BadInput, NotFound
from ltx_mcp.preparation.animate import prepare_animate
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.prepared_job import PreparedJob
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.codecs import Codec
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import AnimateRequest, FinalizeRequest, NewShot
from ltx_mcp.types.sizes import doubled

_SHOT: TypeAdapter[NewShot] = TypeAdapter(NewShot)


def to_finalize(clip: Clip, codec: Codec | None) -> FinalizeRequest:
    """The request that finishes this draft: what was asked for it, with the seed and LoRAs that it was made with.

    Raises BadInput for a clip that is not a draft, or whose second stage does not exist.
    """
    if clip.recipe != "draft":
        hint = "Only drafts of generate_video and animate_image have a second stage that can follow."
        raise BadInput(f"{clip.clip_id} is not a draft: its recipe is {clip.recipe!r}.", hint)
    try:
        plan = Plan.model_validate(clip.effective)
        draft = _SHOT.validate_python(clip.requested)
    except ValidationError:
        hint = "Make the clip again with quality=final."
        raise BadInput(f"{clip.clip_id} does not say how it was made.", hint) from None
    size = doubled(plan.resolution)
    if size is None:
        raise BadInput(
            f"{clip.clip_id} has {plan.resolution}, and nothing is made at twice that.",
            "Drafts of 240p, 540p, 720p and 1080p can be finished.",
        )
    final = {"seed": plan.seed, "loras": plan.loras, "resolution": size, "quality": "final", "codec": codec}
    return FinalizeRequest(clip=clip.clip_id, final=draft.model_copy(update=final))


def prepare_finalize(request: FinalizeRequest, inputs: Inputs, draft_latents: DraftLatents) -> PreparedJob:
    """Raises BadInput; NotFound where the latents are gone, saying how to make the clip all the same."""
    shot = request.final
    prepared = prepare_animate(shot, inputs) if isinstance(shot, AnimateRequest) else PreparedJob("generated", shot)
    draft = _latents_of(request, draft_latents)
    if draft.inputs != digests(prepared.input_frames()):
        raise BadInput(
            f"An image that {request.clip} was made from has changed since.",
            "Put the first one back, or make the clip again.",
        )

    def check(plan: Plan) -> None:
        prepared.check(plan)
        if plan.model != draft.model:
            raise BadInput(
                f"{request.clip} was made by {draft.model}, and {plan.model} is in use now.",
                f"The user can set LTX_MCP_MODEL={draft.model}; or make the clip again.",
            )
        check_materials(plan, Materials(draft_latents=draft.latents))  # a model may have got a temporal upsampler since

    def gather(plan: Plan, watch: Watch) -> Materials:
        conditions = prepared.gather(plan, watch) if prepared.fit_inputs is None else prepared.fit_inputs(plan)
        return replace(conditions, draft_latents=_latents_of(request, draft_latents).latents)

    uses = replace(prepared.uses, from_draft=True)
    return replace(
        prepared, source=request.clip, recipe="final", uses=uses, gather=gather, fit_inputs=None, check=check
    )


def _latents_of(request: FinalizeRequest, draft_latents: DraftLatents) -> KeptDraft:
    try:
        return draft_latents.get(request.clip)
    except NotFound as error:
        final = request.final
        raise NotFound(
            error.message,
            f"Make it again: {final.tool} with seed {final.seed}, quality final and resolution {final.resolution} gives"
            " the same clip.",
        ) from None

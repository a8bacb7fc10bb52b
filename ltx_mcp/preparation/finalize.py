"""Orders of finalize_draft: the final of twice a draft's size, from the latents that the draft left behind."""

from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from ltx_mcp.archive.draft_latents import DraftLatents, KeptDraft, digests
from ltx_mcp.engine.base import Materials, Watch
from ltx_mcp.engine.diffusers_ltx.conditions import check_materials
from ltx_mcp.errors import BadInput, NotFound
from ltx_mcp.preparation.animate import animated
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.prepared_job import PreparedJob
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import AnimateRequest, Codec, FinalizeRequest, NewShot
from ltx_mcp.types.sizes import doubled

_SHOT: TypeAdapter[NewShot] = TypeAdapter(NewShot)


def to_finalize(clip: Clip, codec: Codec | None) -> FinalizeRequest:
    """The request that finishes this draft: what was asked for it, with the seed and LoRAs that it was made with.

    Raises BadInput for a clip that is no draft, or whose second stage does not exist.
    """
    if clip.recipe != "draft":
        hint = "Only drafts of generate_video and animate_image have a second stage that can follow."
        raise BadInput(f"{clip.clip_id} is no draft: its recipe is {clip.recipe!r}.", hint)
    try:
        plan = Plan.model_validate(clip.effective)
        draft = _SHOT.validate_python(clip.requested)
    except ValidationError:
        raise BadInput(f"{clip.clip_id} does not say how it was made.", "Make it again as a final.") from None
    size = doubled(plan.resolution)
    if size is None:
        raise BadInput(
            f"{clip.clip_id} has {plan.resolution}, and nothing is made at twice that.",
            "Drafts of 240p, 540p, 720p and 1080p can be finished.",
        )
    final = {"seed": plan.seed, "loras": plan.loras, "resolution": size, "quality": "final", "codec": codec}
    return FinalizeRequest(clip=clip.clip_id, final=draft.model_copy(update=final))


def finalized(request: FinalizeRequest, inputs: Inputs, draft_latents: DraftLatents) -> PreparedJob:
    """Raises BadInput; NotFound where the latents are gone, saying how to make the clip all the same."""
    shot = request.final
    prepared = animated(shot, inputs) if isinstance(shot, AnimateRequest) else PreparedJob("generated", shot)
    kept = _found(request, draft_latents)
    if kept.inputs != digests(prepared.inputs()):
        raise BadInput(
            f"A picture that {request.clip} was made from is another one now.",
            "Put the first one back, or make the clip again.",
        )

    def check(plan: Plan) -> None:
        prepared.check(plan)
        if plan.model != kept.model:
            raise BadInput(
                f"{request.clip} was made by {kept.model}, and {plan.model} is in use now.",
                f"The user can set LTX_MCP_MODEL={kept.model}; or make the clip again.",
            )
        check_materials(plan, Materials(draft_latents=kept.latents))  # a model may have got a temporal upsampler since

    def gather(plan: Plan, watch: Watch) -> Materials:
        shown = prepared.gather(plan, watch) if prepared.fitted is None else prepared.fitted(plan)
        return replace(shown, draft_latents=_found(request, draft_latents).latents)

    uses = replace(prepared.uses, from_draft=True)
    return replace(prepared, source=request.clip, recipe="final", uses=uses, gather=gather, fitted=None, check=check)


def _found(request: FinalizeRequest, draft_latents: DraftLatents) -> KeptDraft:
    try:
        return draft_latents.get(request.clip)
    except NotFound as error:
        final = request.final
        raise NotFound(
            error.message,
            f"Make it again: {final.tool} with seed {final.seed}, quality final and resolution {final.resolution} gives"
            " the same clip.",
        ) from None

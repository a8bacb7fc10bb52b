"""Orders of finalize_draft: the final of twice a draft's size, from the latents that the draft left behind."""

from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from ltx_mcp.clips import AnimateRequest, Clip, Codec, FinalizeRequest, Plan, Shot
from ltx_mcp.engine.base import Materials, Watch
from ltx_mcp.engine.conditions import check_materials
from ltx_mcp.errors import BadInput, NotFound
from ltx_mcp.inputs import Inputs
from ltx_mcp.negatives import Negative, Negatives, digests
from ltx_mcp.orders.animate import animated
from ltx_mcp.orders.order import Order
from ltx_mcp.sizes import doubled

_SHOT: TypeAdapter[Shot] = TypeAdapter(Shot)


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


def finalized(request: FinalizeRequest, inputs: Inputs, negatives: Negatives) -> Order:
    """Raises BadInput; NotFound where the latents are gone, saying how to make the clip all the same."""
    shot = request.final
    order = animated(shot, inputs) if isinstance(shot, AnimateRequest) else Order("generated", shot)
    negative = _found(request, negatives)
    if negative.pictures != digests(order.inputs()):
        raise BadInput(
            f"A picture that {request.clip} was made from is another one now.",
            "Put the first one back, or make the clip again.",
        )

    def check(plan: Plan) -> None:
        order.check(plan)
        if plan.model != negative.model:
            raise BadInput(
                f"{request.clip} was made by {negative.model}, and {plan.model} is in use now.",
                f"The user can set LTX_MCP_MODEL={negative.model}; or make the clip again.",
            )
        check_materials(plan, Materials(begun=negative.latents))  # a model may have got a temporal upsampler since

    def gather(plan: Plan, watch: Watch) -> Materials:
        shown = order.gather(plan, watch) if order.fitted is None else order.fitted(plan)
        return replace(shown, begun=_found(request, negatives).latents)

    uses = replace(order.uses, begun=True)
    return replace(order, source=request.clip, recipe="final", uses=uses, gather=gather, fitted=None, check=check)


def _found(request: FinalizeRequest, negatives: Negatives) -> Negative:
    try:
        return negatives.get(request.clip)
    except NotFound as error:
        final = request.final
        raise NotFound(
            error.message,
            f"Make it again: {final.tool} with seed {final.seed}, quality final and resolution {final.resolution} gives"
            " the same clip.",
        ) from None

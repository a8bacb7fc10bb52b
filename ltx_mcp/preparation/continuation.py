"""What `extend` and `retake` share: a shot planned with its context, and what stays as it is in the source clip."""

from ltx_mcp.engine.plan.layout import Uses
from ltx_mcp.errors import BadInput, TooLarge
from ltx_mcp.media.footage import Footage
from ltx_mcp.media.framing import nearest_aspect
from ltx_mcp.preparation.prepared_job import PlanShot
from ltx_mcp.types.clips import COMPOSITE, MODEL_MADE, Clip, Provenance
from ltx_mcp.types.codecs import CODECS, Codec
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import MIN_DURATION_S, GenerateRequest
from ltx_mcp.types.sizes import resolution_of


def plan_with_context(
    plan_shot: PlanShot, shot: GenerateRequest, context: int, part: int, size: tuple[int, int] | None
) -> Plan:
    """Plan a shot that begins or ends with `context` frames that there are already.

    Raises TooLarge with lengths as they are asked for, which do not count the context.
    """
    uses = Uses(conditions=context > 0)
    try:
        return plan_shot(shot, part, size, uses)
    except TooLarge as error:
        if not context:
            raise
        context_s, most_s = context / shot.fps, 0.0
        for tenths in range(round(MIN_DURATION_S * 10), int((shot.duration_s - context_s) * 10) + 1):
            try:
                plan_shot(shot.model_copy(update={"duration_s": tenths / 10 + context_s}), part, size, uses)
            except TooLarge:
                break
            most_s = tenths / 10
        most = f"At most {most_s:g} s at a time fit at this size." if most_s else "Not even half a second fits."
        message = f"{error.message} That counts the {context_s:.2f} s of the clip that the model is shown."
        raise TooLarge(message, f"{most} Use a smaller clip for more.") from error


def own_codec(clip: Clip) -> Codec:
    """The clip's codec where it is one that clips are written in; footage in place may have any."""
    return next((codec for codec in CODECS if codec == clip.codec), "h264")


def check_size_and_rate(request: GenerateRequest, footage: Footage, clip: Clip) -> None:
    """Raise BadInput if the request asks for another size or rate than the clip's, which stay."""
    size = footage.width, footage.height
    own = {"aspect": nearest_aspect(*size), "resolution": resolution_of(*size)}
    other = [f"{name}={value}" for name, value in own.items() if getattr(request, name) not in (None, value)]
    asked = request.model_fields_set
    wrong = [each for each in other if each.partition("=")[0] in asked]
    if "fps" in asked and abs(request.fps - clip.fps) > 0.01:
        wrong.append(f"fps={clip.fps:g}")
    if wrong:
        raise BadInput(
            f"Size and rate stay those of {clip.clip_id}: {', '.join(wrong)}.",
            "Leave aspect, resolution and fps out.",
        )


def provenance_of(clip: Clip | None) -> Provenance:
    """Of what is made in part from this clip, or from a file (None), of which it is not known who made it."""
    model_made = clip is not None and clip.provenance.digital_source_type == MODEL_MADE
    return Provenance(digital_source_type=MODEL_MADE if model_made else COMPOSITE)

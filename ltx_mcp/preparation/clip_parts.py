"""A clip of the archive, whole or in part, as a reference names it: for what is done with finished clips alone."""

from ltx_mcp.errors import BadInput
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.reference_grammar import ClipRef
from ltx_mcp.types.clips import Clip


def clip_part(reference: str, inputs: Inputs) -> tuple[ClipRef, Clip]:
    """Raises BadInput for a file and for a time that the clip does not have, NotFound."""
    ref, clip = inputs.parse(reference), inputs.clip(reference)
    if not isinstance(ref, ClipRef) or clip is None:
        raise BadInput(f"{reference!r} is a file; a clip of the archive is needed.", "import_video takes it in.")
    check_time(clip, ref.span_s[1] if ref.span_s else ref.at_s or 0.0)
    return ref, clip


def check_time(clip: Clip, time_s: float) -> None:
    """Raises BadInput for a time in seconds that lies outside the clip."""
    if not 0 <= time_s <= clip.duration_s + 0.001:  # times are handed out with three decimals
        raise BadInput(
            f"{clip.clip_id} has no frame at {time_s:g} s.", f"Its times go from 0 to {clip.duration_s:.3f}."
        )

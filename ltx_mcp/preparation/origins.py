"""Who made what a reference names: a file that came from the archive, or says that a model made it, keeps that mark.

So does a video that says nothing, if its frames carry a watermark or it looks the same as a clip of a model; what only
may be such a copy is noted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ltx_mcp.media.footage import Footage
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.lookalikes import Lookalike, lookalikes
from ltx_mcp.provenance.base import Manifest
from ltx_mcp.provenance.looks import MAX_LOOKED_S
from ltx_mcp.types.clips import COMPOSITE, MODEL_MADE, Clip
from ltx_mcp.watermark.base import FoundMark
from ltx_mcp.watermark.reading import MAX_READ_S

_UNNAMED = "a model that is not named"
_BY_A_MODEL = (MODEL_MADE, COMPOSITE)
_MOST = 0.9  # of the file that a clip must explain, for the file to be one
_WHOLE = 0.9  # of a clip made in part by a model that the file must show: else it may be the other part
_LOOK_S = 0.5  # between two frames of a fingerprint
_CLOSE = 0.02  # of likeness: clips that differ by less are as good an answer as each other


@dataclass(frozen=True)
class Origin:
    """`digital_source_type` is IPTC's code of what a model made, in whole or in part."""

    digital_source_type: str
    model: str


def origin_of(reference: str, clip: Clip | None, inputs: Inputs) -> Origin | None:
    """None for what nobody says a model made. `clip` is that which the reference names or is a copy of, if any.

    Raises BadInput, NotFound.
    """
    if (clip := clip or inputs.exported(reference)) is not None:
        made = clip.provenance.digital_source_type
        return None if made is None else Origin(made, clip.model)
    return stated_origin(inputs.manifest(reference))


def stated_origin(manifest: Manifest) -> Origin | None:
    """What a manifest states, though it may be broken: nobody gains by calling their film a model's."""
    types = [each.digital_source_type for each in manifest.actions if each.digital_source_type]
    if not any(each in _BY_A_MODEL for each in types):
        return None
    models = [each.model for each in manifest.actions if each.model]
    made = types[-1] if types[-1] in _BY_A_MODEL else COMPOSITE
    return Origin(made, models[-1] if models else manifest.generator or _UNNAMED)


def marked_origin(marks: Sequence[FoundMark], duration_s: float, clips: Sequence[Clip]) -> tuple[Origin, str]:
    """By the watermarks in its frames, of which there is one at least: the origin, and a note of where they were seen.

    Only a model's frames are marked, so those without one may be footage.
    """
    marked = {clip.provenance.watermark: clip for clip in clips if clip.provenance.watermark}
    known = [marked[mark.text] for mark in marks if mark.text in marked]
    marked_s = sum(mark.end_s - mark.start_s for mark in marks)
    is_all = marked_s >= _MOST * min(duration_s, MAX_READ_S)
    seen = ", ".join(f"{mark.start_s:g}-{mark.end_s:g} s" for mark in marks)
    whose = f" of {', '.join(dict.fromkeys(clip.clip_id for clip in known))}" if known else ""
    note = f"Its frames carry a watermark of ltx-mcp{whose} ({seen}), so it is marked as a model's."
    return Origin(MODEL_MADE if is_all else COMPOSITE, known[0].model if known else _UNNAMED), note


def seen_origin(footage: Footage, inputs: Inputs) -> tuple[Origin | None, str]:
    """By its look alone: the origin that it keeps, if any, and a note of which clip it matches, or may be a copy of.

    Nobody's footage is called a model's because of a film that shows it too. Raises BadInput, NotFound, MediaError.
    """
    clips = inputs.archived()
    if not any(clip.provenance.digital_source_type for clip in clips):
        return None, ""
    found = lookalikes(footage.reference, inputs, clips)
    marked = next((each for each in found if each.clip.provenance.digital_source_type), None)
    if marked is None:
        return None, ""
    clip, alike = marked.clip, f"frames {marked.likeness:.3f} alike"
    if not _matches(marked, footage.duration_s) or any(_as_good(other, marked) for other in found):
        return (
            None,
            f"It is possibly a copy of {clip.clip_id} or of a part of it ({alike}); it is not marked as a model's.",
        )
    kept = Origin(clip.provenance.digital_source_type or COMPOSITE, clip.model)
    return kept, f"It matches {clip.clip_id} ({alike}), and keeps its AI mark."


def _matches(found: Lookalike, duration_s: float) -> bool:
    looked_s = min(duration_s, MAX_LOOKED_S)
    is_most = found.common_s >= _MOST * looked_s - _LOOK_S
    is_whole = found.common_s >= _WHOLE * min(found.clip.duration_s, MAX_LOOKED_S) - _LOOK_S
    return is_most and (is_whole or found.clip.provenance.digital_source_type == MODEL_MADE)


def _as_good(other: Lookalike, marked: Lookalike) -> bool:
    """Whether footage that nobody calls a model's explains the file as well."""
    is_footage = other.clip.provenance.digital_source_type is None
    return is_footage and other.common_s >= marked.common_s - _LOOK_S and other.likeness >= marked.likeness - _CLOSE

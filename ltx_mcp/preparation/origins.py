"""Who made what a reference names: a file that came from the archive, or says that a model made it, keeps that mark."""

from dataclasses import dataclass

from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.provenance.base import Manifest
from ltx_mcp.types.clips import COMPOSITE, MODEL_MADE, Clip

_BY_A_MODEL = (MODEL_MADE, COMPOSITE)


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
    return Origin(made, models[-1] if models else manifest.generator or "a model that is not named")

"""The files that a clip is made from, by its request alone: each is named in what is signed of the clip."""

from collections.abc import Iterator

from ltx_mcp.errors import StudioError
from ltx_mcp.preparation.inputs import ANY_SIZE, Inputs
from ltx_mcp.provenance.base import Ingredient, Role
from ltx_mcp.provenance.claims import clip_ingredient, file_ingredient
from ltx_mcp.types.references import map_references
from ltx_mcp.types.requests import (
    ClipRequest,
    FinalizeRequest,
    GenerateRequest,
    ImportRequest,
    RestyleRequest,
)
from ltx_mcp.types.timeline import BLACK, EditRequest


def parents_of(request: ClipRequest, inputs: Inputs) -> tuple[Ingredient, ...]:
    """Each file once. What cannot be found any more is left out."""
    changed = _changed(request)
    rest: Role = "componentOf" if isinstance(request, EditRequest) else "inputTo"
    found: dict[object, Ingredient] = {}
    for reference in filter(None, (changed, *_named(request))):
        parent = _ingredient(reference, "parentOf" if reference == changed else rest, inputs)
        if parent is not None:
            found.setdefault(parent.path, parent)
    return tuple(found.values())


def _changed(request: ClipRequest) -> str | None:
    """The one file that the clip is a changed version of."""
    match request:
        case GenerateRequest():
            return request.extend or request.retake
        case RestyleRequest() | ImportRequest():
            return request.video
        case FinalizeRequest():
            return request.clip
        case EditRequest():
            return request.base
        case _:
            return None


def _named(request: ClipRequest) -> Iterator[str]:
    """Every media reference of a request, in order. Of a draft that is finished, those that it was made from."""
    named: list[str] = []

    def note(reference: str) -> str:
        named.append(reference)
        return reference

    map_references(request.final if isinstance(request, FinalizeRequest) else request, note)
    return (reference for reference in named if reference != BLACK)


def _ingredient(reference: str, role: Role, inputs: Inputs) -> Ingredient | None:
    try:
        if (clip := inputs.clip(reference)) is None:
            return file_ingredient(inputs.media_path(reference, ANY_SIZE), role)
    except StudioError:
        return None
    return clip_ingredient(clip, role, clip.path)

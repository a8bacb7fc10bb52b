"""A film made from an earlier one: what is given replaces what it had, single shots are patched."""

from ltx_mcp.errors import BadInput
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.timeline import EditRequest, Narration, Shot, ShotChange

_INHERITED = (
    "shots", "titles", "subtitles", "narration", "music", "title", "aspect", "resolution", "fps", "fit", "codec",
)  # fmt: skip


def with_base(request: EditRequest, base: Clip) -> EditRequest:
    """The request as it would be without a base; `base` stays, to say where the film came from.

    Raises BadInput for a clip that is not a film, and for changes of shots that it does not have.
    """
    if base.requested.get("tool") != "edit_video":
        raise BadInput(f"{base.clip_id} was not made by edit_video; it is {base.kind}.", "Use it as a shot's source.")
    earlier = EditRequest.model_validate(base.requested)
    given = request.model_fields_set
    kept = {name: getattr(earlier if name not in given else request, name) for name in _INHERITED}
    kept["shots"] = request.shots or _changed(earlier.shots, request.changes)
    if "narration" not in given and not request.shots:
        kept["narration"] = _following(earlier.narration, request.changes)
    return EditRequest(**kept, quality=request.quality, base=base.clip_id)


def _changed(shots: tuple[Shot, ...], changes: tuple[ShotChange, ...]) -> tuple[Shot, ...]:
    by_number: dict[int, ShotChange] = {}
    for change in changes:
        if change.shot > len(shots):
            raise BadInput(f"There is no shot {change.shot} in base, which has {len(shots)}.", "They count from 1.")
        if change.shot in by_number:
            raise BadInput(f"Shot {change.shot} is changed twice.", "Put both changes into one.")
        by_number[change.shot] = change
    kept = [(shot, by_number.get(number)) for number, shot in enumerate(shots, 1)]
    left = tuple(_patched(shot, change) for shot, change in kept if change is None or not change.remove)
    if not left:
        raise BadInput("Every shot of base is taken out.", "Leave at least one.")
    return left


def _following(narration: tuple[Narration, ...], changes: tuple[ShotChange, ...]) -> tuple[Narration, ...]:
    """The passages by the new numbers of their shots; those of a removed shot go with it."""
    removed = {change.shot for change in changes if change.remove}
    return tuple(
        passage
        if passage.shot is None
        else passage.model_copy(update={"shot": passage.shot - sum(shot < passage.shot for shot in removed)})
        for passage in narration
        if passage.shot not in removed
    )


def _patched(shot: Shot, change: ShotChange | None) -> Shot:
    if change is None:
        return shot
    fields = {
        name: getattr(change, name)
        for name in change.model_fields_set & Shot.model_fields.keys()
        if getattr(change, name) is not None
    }
    if fields.get("title") == "":
        fields["title"] = None
    return Shot(**{**shot.model_dump(), **fields})

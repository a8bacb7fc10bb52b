"""What may be asked of finished clips: the options of view_clip, update_clip, delete_clip and their commands."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ltx_mcp.types.clips import ClipChange
from ltx_mcp.types.options import Flag
from ltx_mcp.types.references import ClipId, Reference
from ltx_mcp.types.value import Value

ViewSize = Literal["small", "medium", "large"]

MAX_VIEWED = 16  # clips, and frames in all


class ViewRequest(Value):
    """Frames of clips to look at."""

    clip: Annotated[
        Reference | Annotated[tuple[Reference, ...], Field(min_length=1, max_length=MAX_VIEWED)],
        Field(description="clip_id, clip_id@2.0-5.5 (its span), clip_id@3.2 (one frame), or a list of them."),
        Flag(metavar="CLIP", help="clip_id, clip_id@2.0-5.5 (its span) or clip_id@3.2 (one frame)."),
    ]
    frames: Annotated[int, Field(ge=1, le=MAX_VIEWED, strict=True, description="Frames in all, spread evenly.")] = 9
    at_s: Annotated[
        tuple[Annotated[float, Field(ge=0, le=36_000, allow_inf_nan=False)], ...],
        Field(max_length=MAX_VIEWED, description="Times of the frames instead; a single one is shown whole."),
    ] = ()
    size: Annotated[ViewSize, Field(description="Of the image.")] = "medium"

    @property
    def clips(self) -> tuple[str, ...]:
        return (self.clip,) if isinstance(self.clip, str) else self.clip


class UpdateRequest(ClipChange):
    """A clip, and what is to be changed of it."""

    clip: Annotated[ClipId, Field(description="A clip_id.")]

    @property
    def change(self) -> ClipChange:
        return ClipChange(title=self.title, pinned=self.pinned, tags=self.tags)

    @model_validator(mode="after")
    def _changes_something(self) -> "UpdateRequest":
        if self.change == ClipChange():
            raise ValueError("Nothing is to be changed: give a title, tags, or whether it is pinned.")
        return self


class DeleteRequest(Value):
    """A clip to move to the trash, or to take back out of it."""

    clip: Annotated[ClipId, Field(description="A clip_id.")]
    restore: Annotated[bool, Field(description="Take a deleted clip back out of the trash instead.")] = False

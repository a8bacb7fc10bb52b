"""The options of those commands for finished clips that no tool has."""

from typing import Annotated

from pydantic import Field, model_validator

from ltx_mcp.types.clips import Kind
from ltx_mcp.types.options import Flag
from ltx_mcp.types.references import ClipId, Reference
from ltx_mcp.types.searches import Since, WithTags
from ltx_mcp.types.value import Value


class ListOptions(Value):
    """Which clips are listed."""

    kind: Annotated[Kind | None, Field(description="Clips of this kind only.")] = None
    since: Since = None
    tags: WithTags = ()


class OpenOptions(Value):
    """The clip to play."""

    clip: Annotated[ClipId, Field(description="A clip_id.")]


class VerifyOptions(Value):
    """The file in question."""

    file: Annotated[Reference, Field(description="A video or an image, or a clip_id.")]


class DeleteOptions(Value):
    """Clips to delete."""

    clips: Annotated[tuple[ClipId, ...], Field(description="A clip_id."), Flag(metavar="CLIP")]


class TrashOptions(Value):
    """What to do with the deleted clips; left out: list them."""

    restore: Annotated[ClipId | None, Field(description="Put this clip back."), Flag(metavar="CLIP")] = None
    empty: Annotated[bool, Field(description="Delete all of them for good.")] = False

    @model_validator(mode="after")
    def _one_of_them(self) -> "TrashOptions":
        if self.restore and self.empty:
            raise ValueError("Restore a clip, or empty the trash.")
        return self

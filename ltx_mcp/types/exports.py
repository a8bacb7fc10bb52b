"""A clip written as a file for other programs: what may be asked of export_clip."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from ltx_mcp.types.options import Flag
from ltx_mcp.types.references import Reference
from ltx_mcp.types.value import Value

ExportFormat = Literal["mp4", "webm", "gif", "prores", "png", "wav"]

_Folder = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
_FileName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class ExportRequest(Value):
    """A clip, its span or its frame in a file of the user's. Nothing is rendered, and no clip is made."""

    tool: Literal["export_clip"] = "export_clip"
    clip: Annotated[Reference, Field(description="clip_id, clip_id@2.0-5.5 (its span) or clip_id@3.2 (png).")]
    folder: Annotated[
        _Folder, Field(description="An existing folder that the user named."), Flag(help="An existing folder.")
    ]
    format: Annotated[
        ExportFormat,
        Field(description="mp4: H.264. gif: for a README, under 10 MB. prores: for editing. png: a frame. wav: audio."),
    ] = "mp4"
    name: Annotated[_FileName | None, Field(description="Of the file. Left out: the clip_id.")] = None
    seed: ClassVar[None] = None
    loras: ClassVar[tuple[()]] = ()

    @property
    def prompt(self) -> str:
        """What stands in the list of jobs."""
        return f"{self.clip} as {self.format}"

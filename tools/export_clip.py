"""export_clip: a clip as a file for other programs, in a folder that the user named."""

from pathlib import Path
from typing import Annotated, Literal

import anyio
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import Field

from ltx_mcp.tools._job import ToolContext
from ltx_mcp.tools._tool import studio_tool
from ltx_mcp.types.value import Value


class ExportedFile(Value):
    """The file that was written; `path` is absolute."""

    path: Path
    bytes: int


async def export_clip(
    context: ToolContext,
    clip: Annotated[
        str, Field(max_length=4096, description="clip_id, clip_id@2.0-5.5 (its span) or clip_id@3.2 (png).")
    ],
    folder: Annotated[str, Field(max_length=4096, description="An existing folder that the user named.")],
    format: Annotated[
        Literal["mp4", "webm", "gif", "prores", "png", "wav"],
        Field(description="mp4: H.264. gif: for a README, under 10 MB. prores: for editing. png: a frame. wav: audio."),
    ] = "mp4",
    name: Annotated[str | None, Field(max_length=200, description="Of the file. Left out: the clip_id.")] = None,
) -> Annotated[CallToolResult, ExportedFile]:
    """Write a clip, its span or its frame as a file into a folder of the user's, which must lie in one of the
    allowed folders. A file that is there is never overwritten: the name gets a number. The clip itself stays as it
    is, and the file says as the clip does that a model made it. Give the user the path.
    """
    studio = await context.request_context.lifespan_context.studio()
    path = await studio.clips.export(clip, format, await studio.clips.folder(folder), name)
    file = ExportedFile(path=path, bytes=(await anyio.Path(path).stat()).st_size)
    return CallToolResult(
        content=[TextContent(text=f"{file.path}\n{file.bytes:,} bytes. Tell the user the path.")],
        structured_content=file.model_dump(mode="json"),
    )


TOOL = studio_tool(
    export_clip,
    title="Export a clip",
    annotations=ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
    ),
)

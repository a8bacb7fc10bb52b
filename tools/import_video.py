"""import_video: a video file taken into the archive."""

from typing import Annotated

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from ltx_mcp.tools._arguments import WaitArg
from ltx_mcp.tools._job import JobView, ToolContext, make
from ltx_mcp.tools._tool import studio_tool
from ltx_mcp.types.requests import ImportRequest, Reference, Title


async def import_video(
    context: ToolContext,
    video: Annotated[Reference, Field(description="A video file in an allowed folder.")],
    title: Annotated[Title, Field(description="What is seen in it: the words by which search_clips finds it.")],
    wait_s: WaitArg = 45.0,
) -> Annotated[CallToolResult, JobView]:
    """Take a video of the user's into the archive, up to its first 60 s: moderated, copied, and from then on found by
    search_clips and usable like any clip made here. The file itself stays untouched. Nothing is generated.
    """
    return await make(context, ImportRequest(video=video, title=title), wait_s)


TOOL = studio_tool(
    import_video,
    title="Import a video",
    annotations=ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
    ),
)

"""import_video: a video file copied into the archive."""

from typing import Annotated

from mcp.types import CallToolResult

from ltx_mcp.tools._job import JobView, ToolContext, Wait, make
from ltx_mcp.tools._tool import MAKES, studio_tool
from ltx_mcp.types.requests import ImportRequest


async def import_video(
    context: ToolContext, request: ImportRequest, wait_s: Wait = 45.0
) -> Annotated[CallToolResult, JobView]:
    """Copy a video of the user's into the archive, up to its first 60 s: moderated, and from then on found by
    search_clips and usable like any clip made here. The file itself stays untouched. Nothing is generated.
    """
    return await make(context, request, wait_s)


TOOL = studio_tool(import_video, title="Import a video", annotations=MAKES)

"""export_clip: a clip as a file for other programs, in a folder that the user named."""

from typing import Annotated

from mcp.types import CallToolResult

from ltx_mcp.tools._job import JobView, ToolContext, Wait, make
from ltx_mcp.tools._tool import MAKES, studio_tool
from ltx_mcp.types.exports import ExportRequest


async def export_clip(
    context: ToolContext, request: ExportRequest, wait_s: Wait = 45.0
) -> Annotated[CallToolResult, JobView]:
    """Write a clip, its span or its frame as a file into a folder of the user's, which must lie in one of the
    allowed folders. A file that is there is never overwritten: the name gets a number. The clip itself stays as it
    is, and the file says as the clip does that a model made it. The result's file has the path. Long exports are
    jobs as in generate_video.
    """
    return await make(context, request, wait_s)


TOOL = studio_tool(export_clip, title="Export a clip", annotations=MAKES)

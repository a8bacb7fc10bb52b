"""export_clip: a clip as a file for other programs, in a folder that the user named."""

from ltx_mcp.tools._job import Answer, ToolContext, Wait, make
from ltx_mcp.tools._tool import MAKES, studio_tool
from ltx_mcp.types.exports import ExportRequest


async def export_clip(context: ToolContext, request: ExportRequest, wait_s: Wait = 45.0) -> Answer:
    """Write a clip, its span or its frame as a file into a folder of the user's, one of the allowed folders or
    inside one. A file that is there is never overwritten: the name gets a number. The result's file has the
    path. Jobs work as in generate_video.
    """
    return await make(context, request, wait_s)


TOOL = studio_tool(export_clip, title="Export a clip", annotations=MAKES)

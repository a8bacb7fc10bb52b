"""import_video: a video file taken into the archive."""

from ltx_mcp.tools._job import Answer, ToolContext, Wait, make
from ltx_mcp.tools._tool import MAKES, studio_tool
from ltx_mcp.types.requests import ImportRequest


async def import_video(context: ToolContext, request: ImportRequest, wait_s: Wait = 45.0) -> Answer:
    """Take a video of any length, or a photo, of the user's into the archive: moderated, then its moments are found by
    search_clips and usable like any clip made here. The file itself is never changed.
    """
    return await make(context, request, wait_s)


TOOL = studio_tool(import_video, title="Import a video", annotations=MAKES)

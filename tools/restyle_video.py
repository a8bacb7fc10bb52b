"""restyle_video: an existing video in a new style."""

from ltx_mcp.tools._job import Answer, ToolContext, Wait, make
from ltx_mcp.tools._tool import MAKES, studio_tool
from ltx_mcp.types.requests import RestyleRequest


async def restyle_video(context: ToolContext, request: RestyleRequest, wait_s: Wait = 45.0) -> Answer:
    """Give an existing video a new style: a clip, a span of it, or a video file, up to 20 s. Length, rate and
    aspect stay the video's own. Describe the whole scene in the new style, not the change; where an IC-LoRA has
    a template (ltx://loras), use that form. Raise strength for more of the style, lower it to keep more of the
    video. Jobs work as in generate_video.
    """
    return await make(context, request, wait_s)


TOOL = studio_tool(restyle_video, title="Restyle a video", annotations=MAKES)

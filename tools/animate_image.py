"""animate_image: a still image brought to motion."""

from typing import Annotated

from mcp.types import CallToolResult

from ltx_mcp.tools._job import JobView, ToolContext, Wait, make
from ltx_mcp.tools._tool import MAKES, studio_tool
from ltx_mcp.types.requests import AnimateRequest


async def animate_image(
    context: ToolContext, request: AnimateRequest, wait_s: Wait = 45.0
) -> Annotated[CallToolResult, JobView]:
    """Bring a still image to motion: a frame of an earlier clip (clip_id@seconds, as search_clips gives it) or an
    image file of the user's. The clip begins with the image; end_image sets its last frame, keyframes those in
    between. The prompt says what happens: movement, camera, sound. To continue a clip, use generate_video's extend.
    The image is cropped from the centre to the clip's aspect, and the result says how much. Jobs, sizes and
    moderation work as in generate_video; the images are moderated too.
    """
    return await make(context, request, wait_s)


TOOL = studio_tool(animate_image, title="Animate an image", annotations=MAKES)

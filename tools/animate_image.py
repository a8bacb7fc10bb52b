"""animate_image: a still image brought to motion."""

from ltx_mcp.tools._job import Answer, ToolContext, Wait, make
from ltx_mcp.tools._tool import MAKES, studio_tool
from ltx_mcp.types.requests import AnimateRequest


async def animate_image(context: ToolContext, request: AnimateRequest, wait_s: Wait = 45.0) -> Answer:
    """Bring a still image to motion: a frame of a clip (clip_id@seconds) or an image file. The clip begins with
    the image; end_image sets its last frame, keyframes those in between. To continue a clip, use
    generate_video's extend. The image is cropped from the centre to the clip's aspect. Jobs work as in
    generate_video.
    """
    return await make(context, request, wait_s)


TOOL = studio_tool(animate_image, title="Animate an image", annotations=MAKES)

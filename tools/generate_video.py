"""generate_video: text to a clip with synchronized audio; a clip continued, or regenerated in a span."""

from typing import Annotated

from mcp.types import CallToolResult

from ltx_mcp.tools._job import JobView, ToolContext, Wait, make
from ltx_mcp.tools._tool import MAKES, studio_tool
from ltx_mcp.types.requests import GenerateRequest


async def generate_video(
    context: ToolContext, request: GenerateRequest, wait_s: Wait = 45.0
) -> Annotated[CallToolResult, JobView]:
    """Make a new video clip with sound from a description. Use it for a new shot; to look for something made
    before, use search_clips first. Write the prompt as one flowing paragraph in the present tense: the action
    first, then the subject's looks, the setting, camera, light, and the sounds to be heard, with speech in
    quotes. Sizes, lengths and rates are honoured exactly; the result says what the model itself made.
    extend continues a clip by duration_s, from its last frames on; the result is a new clip, old and new joined.
    retake regenerates one span of a clip from the prompt and leaves the rest as it is. then gives the prompts of
    further shots, each continuing the one before by duration_s more, 60 s in all. The call
    waits up to wait_s; if the clip is not ready it answers with a job_id: call get_job with it, as often as
    needed, and do not start the same clip again. A finished job holds the clip's absolute path, an id for later
    calls, and a contact sheet of nine frames: look at it to judge the clip. Every prompt and every clip is
    moderated. Read ltx://capabilities for what this machine can make and how long it takes: where its model is micro,
    ask for one red, green, blue or yellow circle, square or triangle moving left, right, up or down, nothing else.
    """
    return await make(context, request, wait_s)


TOOL = studio_tool(generate_video, title="Generate a video", annotations=MAKES)

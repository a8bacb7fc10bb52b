"""generate_video: text to a clip with synchronized audio; a clip continued, or regenerated in a span."""

from ltx_mcp.tools._job import Answer, ToolContext, Wait, make
from ltx_mcp.tools._tool import MAKES, studio_tool
from ltx_mcp.types.requests import GenerateRequest


async def generate_video(context: ToolContext, request: GenerateRequest, wait_s: Wait = 45.0) -> Answer:
    """Make a new video clip with sound from a description. To find something made before, use search_clips
    first. Write the prompt as one flowing paragraph in the present tense: the action, then the subject's looks,
    the setting, camera, light and sounds, with speech in quotes. extend continues a clip by duration_s from its
    last frames on; the result joins old and new. retake regenerates one span of a clip and keeps the rest. then
    gives the prompts of further shots, each continuing the one before by duration_s, 60 s in all. If the clip
    is not ready within wait_s, the answer is a job_id: call get_job with it. The same call joins its running
    job; another seed starts another. A finished job has the clip's path, its id, and a contact sheet: look at
    it to judge the clip. ltx://capabilities says what this machine makes and how fast.
    """
    return await make(context, request, wait_s)


TOOL = studio_tool(generate_video, title="Generate a video", annotations=MAKES)

"""finalize_draft: a draft that was liked, finished at twice its size."""

from typing import Annotated

from mcp.types import CallToolResult

from ltx_mcp.tools._job import JobView, ToolContext, Wait, make
from ltx_mcp.tools._tool import MAKES, studio_tool
from ltx_mcp.types.requests import FinalizeOptions


async def finalize_draft(
    context: ToolContext, draft: FinalizeOptions, wait_s: Wait = 45.0
) -> Annotated[CallToolResult, JobView]:
    """Finish a draft: the same clip at twice its size with the detail of a final, in a fraction of the time of a new
    one. A draft of 540p becomes 1080p, 720p becomes 1440p, 1080p becomes 2160p, 240p becomes 480p. So try ideas with
    quality draft, show their contact sheets, and finish the one that was chosen. It is the final that the draft's
    seed would have given. Works for drafts of generate_video and animate_image, for some days after they were made;
    the images that an animated draft was made from must still be there. Jobs and moderation work as in
    generate_video.
    """
    studio = await context.request_context.lifespan_context.studio()
    return await make(context, await studio.admission.to_finalize(draft.clip, draft.codec), wait_s)


TOOL = studio_tool(finalize_draft, title="Finalize a draft", annotations=MAKES)

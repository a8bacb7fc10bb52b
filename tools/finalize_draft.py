"""finalize_draft: a draft that was liked, finished at twice its size."""

from ltx_mcp.tools._job import Answer, ToolContext, Wait, make
from ltx_mcp.tools._tool import MAKES, studio_tool
from ltx_mcp.types.requests import FinalizeOptions


async def finalize_draft(context: ToolContext, draft: FinalizeOptions, wait_s: Wait = 45.0) -> Answer:
    """Finish a draft: the same clip at twice its size (540p becomes 1080p, 720p 1440p, 1080p 2160p) with the
    detail of a final, in a fraction of the time of a new one. So try ideas with quality draft and finish the
    chosen one. Works for drafts of generate_video and animate_image, for some days; the images of an animated
    draft must still be there. Jobs work as in generate_video.
    """
    studio = await context.request_context.lifespan_context.studio()
    return await make(context, await studio.admission.to_finalize(draft.clip, draft.codec), wait_s)


TOOL = studio_tool(finalize_draft, title="Finalize a draft", annotations=MAKES)

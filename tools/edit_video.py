"""edit_video: shots joined into one film."""

from ltx_mcp.tools._job import Answer, ToolContext, Wait, make
from ltx_mcp.tools._tool import MAKES, studio_tool
from ltx_mcp.types.timeline import EditRequest


async def edit_video(context: ToolContext, request: EditRequest, wait_s: Wait = 45.0) -> Answer:
    """Join 1 to 100 shots into one finished film: clips, their spans or frames, the user's own videos and
    images, of any size and rate, with transitions, titles, subtitles, narration and music that gives way to it.
    Needs no GPU. First make a proof with quality draft and look at its contact sheet (one image a shot), then
    change it: base is the film's clip_id, what is given replaces what it had, and changes patch single shots
    ([{shot: 3, duration_s: 2}]). The result lists each shot's start_s. Jobs work as in generate_video.
    """
    studio = await context.request_context.lifespan_context.studio()
    return await make(context, await studio.admission.to_edit(request), wait_s)


TOOL = studio_tool(edit_video, title="Edit a film", annotations=MAKES)

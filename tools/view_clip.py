"""view_clip: look at frames of clips, and at their loudness and cuts as numbers."""

from mcp.server.mcpserver.utilities.types import Image
from mcp.types import CallToolResult, TextContent

from ltx_mcp.tools._job import ToolContext
from ltx_mcp.tools._job_view import shorten
from ltx_mcp.tools._tool import READS, studio_tool
from ltx_mcp.types.clip_requests import ViewRequest
from ltx_mcp.types.views import View, ViewedClip

_SHOWN_SECONDS = 30  # of loudness, in words; all are in the structured data


async def view_clip(context: ToolContext, asked: ViewRequest) -> CallToolResult:
    """Look at clips: one image of frames with their times, the loudness of every second, and when shots change.
    Use it to judge a clip more closely than by its contact sheet, to compare takes, or to find where to cut.
    rms_db is the level of each second in dB of full scale (-100 is silence), integrated_lufs the loudness of
    the whole, cuts_s where a new shot begins (dissolves of films alone).
    """
    studio = await context.request_context.lifespan_context.studio()
    view, jpeg = await studio.clips.view(asked)
    return CallToolResult(
        content=[TextContent(text=_text(view)), Image(data=jpeg, format="jpeg").to_image_content()],
        structured_content=view.model_dump(mode="json"),
    )


def _text(view: View) -> str:
    return "\n".join([*map(_line, view.clips), *([view.note] if view.note else [])])


def _line(clip: ViewedClip) -> str:
    times = ", ".join(f"{time_s:g}" for time_s in clip.frames_at_s)
    cuts = ", ".join(f"{cut_s:g}" for cut_s in clip.cuts_s[:_SHOWN_SECONDS]) or "none"
    line = f'{clip.ref} "{shorten(clip.title)}": frames at {times} s. Cuts at: {cuts}.'
    if clip.rms_db is None:
        return f"{line} No audio."
    levels = " ".join(f"{level:.0f}" for level in clip.rms_db[:_SHOWN_SECONDS])
    more = " …" if len(clip.rms_db) > _SHOWN_SECONDS else ""
    return f"{line} Loudness {clip.integrated_lufs:.1f} LUFS; each second in dB: {levels}{more}."


TOOL = studio_tool(view_clip, title="View a clip", annotations=READS)

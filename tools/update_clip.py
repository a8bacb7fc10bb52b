"""update_clip: what the user says of a clip: its title, whether it is pinned, its tags."""

from mcp.types import CallToolResult, TextContent

from ltx_mcp.tools._job import ToolContext
from ltx_mcp.tools._job_view import shorten
from ltx_mcp.tools._tool import CHANGES, studio_tool
from ltx_mcp.types.clip_requests import UpdateRequest


async def update_clip(context: ToolContext, asked: UpdateRequest) -> CallToolResult:
    """Change a clip's title, pin it, or set its tags. What is left out stays. The video itself does not change."""
    studio = await context.request_context.lifespan_context.studio()
    changed = await studio.clips.update(asked)
    tagged = f" Tags: {', '.join(changed.tags)}." if changed.tags else ""
    text = f'{changed.clip_id} "{shorten(changed.title)}"{", pinned" if changed.pinned else ""}.{tagged}'
    return CallToolResult(
        content=[TextContent(text=text)],
        structured_content=changed.model_dump(mode="json", exclude={"requested", "effective", "owner"}),
    )


TOOL = studio_tool(
    update_clip,
    title="Update a clip",
    annotations=CHANGES,
)

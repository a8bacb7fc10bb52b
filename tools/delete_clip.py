"""delete_clip: move a clip to the trash."""

from typing import Annotated

from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import Field

from ltx_mcp.tools._job import ToolContext
from ltx_mcp.tools._tool import studio_tool
from ltx_mcp.types.value import Value


class Deleted(Value):
    """A clip that is in the trash now, and how the user gets it back."""

    clip_id: str
    restorable_days: int
    restore_command: str


async def delete_clip(
    context: ToolContext, clip: Annotated[str, Field(max_length=4096, description="A clip_id.")]
) -> Annotated[CallToolResult, Deleted]:
    """Delete a clip, only when the user asked for it. It goes to a trash from which the user can restore it for 30
    days. Clips and films made from it stay, and so does a file of the user's that it was imported from. A pinned
    clip is refused.
    """
    from ltx_mcp.archive.trash import KEEP_DAYS

    studio = await context.request_context.lifespan_context.studio()
    clip_id = await studio.clips.delete(clip)
    deleted = Deleted(clip_id=clip_id, restorable_days=KEEP_DAYS, restore_command=f"ltx-mcp trash --restore {clip_id}")
    text = f"{clip_id} is in the trash for {KEEP_DAYS} days; the user restores it with: {deleted.restore_command}"
    return CallToolResult(content=[TextContent(text=text)], structured_content=deleted.model_dump(mode="json"))


TOOL = studio_tool(
    delete_clip,
    title="Delete a clip",
    annotations=ToolAnnotations(
        read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
    ),
)

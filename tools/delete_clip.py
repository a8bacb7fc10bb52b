"""delete_clip: move a clip to the trash, or take it out again."""

from mcp.types import CallToolResult, TextContent

from ltx_mcp.tools._job import ToolContext
from ltx_mcp.tools._tool import STOPS, studio_tool
from ltx_mcp.types.clip_requests import DeleteRequest
from ltx_mcp.types.value import Value


class Trashed(Value):
    """Whether a clip is in the trash now, for how many days it stays there, and what undoes the call."""

    clip_id: str
    in_trash: bool
    restorable_days: int | None = None
    next: str


async def delete_clip(context: ToolContext, asked: DeleteRequest) -> CallToolResult:
    """Delete a clip, only when the user asked for it. It goes to a trash, out of which restore=true takes it
    for 30 days. Clips and films made from it stay, and so does a file that it was imported from. A pinned clip
    is refused.
    """
    studio = await context.request_context.lifespan_context.studio()
    if asked.restore:
        return _result(_back((await studio.clips.restore(asked.clip)).clip_id))
    return _result(_gone(await studio.clips.delete(asked.clip)))


def _gone(clip_id: str) -> Trashed:
    from ltx_mcp.archive.trash import KEEP_DAYS

    undo = f"To undo it call delete_clip with clip={clip_id!r} and restore=true; the user: ltx-mcp trash --restore "
    return Trashed(clip_id=clip_id, in_trash=True, restorable_days=KEEP_DAYS, next=undo + clip_id)


def _back(clip_id: str) -> Trashed:
    return Trashed(clip_id=clip_id, in_trash=False, next="It is as it was, and search_clips finds it again.")


def _result(trashed: Trashed) -> CallToolResult:
    where = f"in the trash for {trashed.restorable_days} days" if trashed.in_trash else "back in the archive"
    return CallToolResult(
        content=[TextContent(text=f"{trashed.clip_id} is {where}. {trashed.next}")],
        structured_content=trashed.model_dump(mode="json"),
    )


TOOL = studio_tool(
    delete_clip,
    title="Delete a clip",
    annotations=STOPS,
)

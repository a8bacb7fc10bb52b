"""update_clip: what the user says of a clip: its title, whether it is pinned, its tags."""

from typing import Annotated

from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import Field, StringConstraints

from ltx_mcp.errors import BadInput
from ltx_mcp.tools._job import ToolContext, shorten
from ltx_mcp.tools._tool import studio_tool
from ltx_mcp.types.clips import Clip, ClipChange, Tags


async def update_clip(
    context: ToolContext,
    clip: Annotated[str, Field(max_length=4096, description="A clip_id.")],
    title: Annotated[
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400)] | None,
        Field(description="Words by which search_clips finds it."),
    ] = None,
    pinned: Annotated[bool | None, Field(description="A pinned clip cannot be deleted.")] = None,
    tags: Annotated[
        Tags | None, Field(description="All its tags; [] takes them away. search_clips filters by them.")
    ] = (None),
) -> Annotated[CallToolResult, Clip]:
    """Change a clip's title, pin it, or set its tags. What is left out stays. The video itself does not change."""
    change = ClipChange(title=title, pinned=pinned, tags=tags)
    if change == ClipChange():
        raise BadInput("Nothing is to be changed.", "Give at least one of title, pinned and tags.")
    studio = await context.request_context.lifespan_context.studio()
    changed = await studio.clips.update(clip, change)
    tagged = f" Tags: {', '.join(changed.tags)}." if changed.tags else ""
    text = f'{changed.clip_id} "{shorten(changed.title)}"{", pinned" if changed.pinned else ""}.{tagged}'
    return CallToolResult(
        content=[TextContent(text=text)],
        structured_content=changed.model_dump(mode="json", exclude={"requested", "effective"}),
    )


TOOL = studio_tool(
    update_clip,
    title="Update a clip",
    annotations=ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
    ),
)

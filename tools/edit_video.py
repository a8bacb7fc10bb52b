"""edit_video: shots joined into one film."""

from typing import Annotated, Any, Literal

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from ltx_mcp.tools._arguments import WaitArg
from ltx_mcp.tools._job import JobView, ToolContext, make
from ltx_mcp.tools._tool import studio_tool
from ltx_mcp.types.film_request import film_request
from ltx_mcp.types.requests import Fps, Reference, Title
from ltx_mcp.types.sizes import Aspect, Resolution
from ltx_mcp.types.timeline import (
    EditRequest,
    FilmQuality,
    FilmTitle,
    FrameFit,
    Music,
    Narration,
    Shot,
    ShotChange,
    Subtitles,
)


def _said(name: str) -> Any:
    return Field(description=EditRequest.model_fields[name].description)


async def edit_video(
    context: ToolContext,
    shots: Annotated[tuple[Shot, ...] | None, _said("shots")] = None,
    titles: Annotated[tuple[FilmTitle, ...] | None, _said("titles")] = None,
    subtitles: Annotated[Subtitles | Literal["none"] | None, _said("subtitles")] = None,
    narration: Annotated[tuple[Narration, ...] | None, _said("narration")] = None,
    music: Annotated[Music | Literal["none"] | None, _said("music")] = None,
    title: Annotated[Title | None, _said("title")] = None,
    aspect: Annotated[Aspect | None, _said("aspect")] = None,
    resolution: Annotated[Resolution | None, _said("resolution")] = None,
    fps: Annotated[Fps | None, _said("fps")] = None,
    fit: Annotated[FrameFit | None, _said("fit")] = None,
    quality: Annotated[FilmQuality, _said("quality")] = "final",
    base: Annotated[Reference | None, _said("base")] = None,
    changes: Annotated[tuple[ShotChange, ...] | None, _said("changes")] = None,
    wait_s: WaitArg = 45.0,
) -> Annotated[CallToolResult, JobView]:
    """Join 1 to 100 shots into one finished film: clips of the archive, their spans or frames, and the user's own
    videos and images, of any size, rate and shape, with transitions, titles, subtitles, a spoken narration and music
    that gives way to it. Needs no GPU and never waits for one. First make a proof with quality draft, look at its
    contact sheet (one image a shot), then change it: base is the film's clip_id, and what is given replaces what it
    had; changes patch single shots ([{shot: 3, duration_s: 2}]). The result lists each shot's start_s. Jobs and
    moderation work as in generate_video.
    """
    given = {
        "shots": shots, "titles": titles, "subtitles": subtitles, "narration": narration, "music": music,
        "title": title, "aspect": aspect, "resolution": resolution, "fps": fps, "fit": fit, "quality": quality,
        "base": base, "changes": changes,
    }  # fmt: skip
    request = film_request({name: value for name, value in given.items() if value is not None})
    studio = await context.request_context.lifespan_context.studio()
    return await make(context, await studio.to_edit(request), wait_s)


TOOL = studio_tool(
    edit_video,
    title="Edit a film",
    annotations=ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
    ),
)

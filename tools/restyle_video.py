"""restyle_video: an existing video in a new style."""

from typing import Annotated

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from ltx_mcp.tools._arguments import CodecArg, LorasArg, ResolutionArg, SeedArg, WaitArg
from ltx_mcp.tools._job import JobView, ToolContext, make
from ltx_mcp.tools._tool import studio_tool
from ltx_mcp.types.requests import Control, Prompt, Quality, Reference, RestyleMode, RestyleRequest, Strength


async def restyle_video(
    context: ToolContext,
    video: Annotated[
        Reference, Field(description="A clip_id, a span clip_id@2.0-5.5, or a video file in an allowed folder.")
    ],
    prompt: Annotated[Prompt, Field(description="The whole scene as it shall look: the style, then what is seen.")],
    mode: Annotated[
        RestyleMode,
        Field(
            description="reference: an IC-LoRA reworks the video. structure: new pictures on its edges, depth, poses. "
            "repaint: noise and denoise, no LoRA needed. auto takes the best that is installed; the result says which."
        ),
    ] = "auto",
    control: Annotated[
        Control | None, Field(description="Of structure: what is kept of the video. Left out: canny, its edges.")
    ] = None,
    strength: Annotated[
        Strength,
        Field(
            description="How far it may depart from the source, 0 to 1; reference and structure follow it fully to 0.6."
        ),
    ] = 0.6,
    keep_audio: Annotated[bool, Field(description="Keep the source's sound; else new sound is made.")] = True,
    resolution: ResolutionArg = None,
    quality: Annotated[Quality, Field(description="Repainting is one stage in each.")] = "final",
    seed: SeedArg = None,
    loras: LorasArg = (),
    codec: CodecArg = None,
    wait_s: WaitArg = 45.0,
) -> Annotated[CallToolResult, JobView]:
    """Give an existing video a new style: an earlier clip, a span of it, or a video file of the user's, up to 20 s.
    Length, rate and shape stay the video's own. Describe the whole scene in the new style, not the change; where an
    IC-LoRA has a template (ltx://capabilities), write the prompt in that form. Raise strength for more of the style,
    lower it to keep more of the picture. Styles in loras act in every mode. Jobs and moderation work as in
    generate_video; the source is moderated too.
    """
    request = RestyleRequest(
        video=video, prompt=prompt, mode=mode, control=control, strength=strength, keep_audio=keep_audio,
        resolution=resolution, quality=quality, seed=seed, loras=loras, codec=codec,
    )  # fmt: skip
    return await make(context, request, wait_s)


TOOL = studio_tool(
    restyle_video,
    title="Restyle a video",
    annotations=ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
    ),
)

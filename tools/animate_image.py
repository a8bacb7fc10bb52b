"""animate_image: a still brought to motion."""

from typing import Annotated

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from ltx_mcp.tools._arguments import (
    AudioArg,
    CameraArg,
    CodecArg,
    LorasArg,
    NegativePromptArg,
    QualityArg,
    ResolutionArg,
    SeedArg,
    WaitArg,
)
from ltx_mcp.tools._job import JobView, ToolContext, make
from ltx_mcp.tools._tool import studio_tool
from ltx_mcp.types.requests import AnimateRequest, Duration, Fps, Keyframe, Prompt, Reference, Strength
from ltx_mcp.types.sizes import Aspect


async def animate_image(
    context: ToolContext,
    image: Annotated[Reference, Field(description="clip_id@seconds, or an image file in an allowed folder.")],
    prompt: Annotated[Prompt, Field(description="What moves and how, the camera, the sound; not the still's looks.")],
    end_image: Annotated[Reference | None, Field(description="The picture that the last frame shows.")] = None,
    keyframes: Annotated[
        tuple[Keyframe, ...], Field(max_length=8, description="Pictures to be shown at times: [{image, at_s}].")
    ] = (),
    strength: Annotated[Strength, Field(description="How closely the pictures are kept, 0 to 1.")] = 1.0,
    duration_s: Duration = 5.0,
    aspect: Annotated[Aspect | None, Field(description="Left out: the image's own, as near as there is.")] = None,
    resolution: ResolutionArg = None,
    fps: Fps = 24.0,
    quality: QualityArg = "final",
    audio: AudioArg = True,
    camera: CameraArg = None,
    negative_prompt: NegativePromptArg = None,
    seed: SeedArg = None,
    loras: LorasArg = (),
    codec: CodecArg = None,
    wait_s: WaitArg = 45.0,
) -> Annotated[CallToolResult, JobView]:
    """Bring a still image to motion: a frame of an earlier clip (clip_id@seconds, as search_clips gives it) or an
    image file of the user's. The clip begins with the image; end_image sets its last frame, keyframes pictures in
    between. The prompt says what happens: movement, camera, sound. To continue a clip, animate its last frame. The
    image is cropped from the centre to the clip's shape, and the result says how much. Jobs, sizes and moderation
    work as in generate_video; the images are moderated too.
    """
    request = AnimateRequest(
        image=image, prompt=prompt, end_image=end_image, keyframes=keyframes, strength=strength, duration_s=duration_s,
        aspect=aspect, resolution=resolution, fps=fps, quality=quality, audio=audio, camera=camera,
        negative_prompt=negative_prompt, seed=seed, loras=loras, codec=codec,
    )  # fmt: skip
    return await make(context, request, wait_s)


TOOL = studio_tool(
    animate_image,
    title="Animate an image",
    annotations=ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
    ),
)

"""generate_video: text to a clip with synchronized sound."""

from typing import Annotated

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from ltx_mcp.clips import Duration, Fps, GenerateRequest, Prompt
from ltx_mcp.sizes import Aspect
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


async def generate_video(
    context: ToolContext,
    prompt: Annotated[Prompt, Field(description="One flowing paragraph: action, subject, setting, light, sound.")],
    duration_s: Duration = 5.0,
    aspect: Annotated[Aspect, Field(description="9:16 is native portrait.")] = "16:9",
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
    """Make a new video clip with sound from a description. Use it for a new shot; to look for something made
    before, use search_clips first. Write the prompt as one flowing paragraph in the present tense: the action
    first, then the subject's looks, the setting, camera, light, and the sounds to be heard, with speech in
    quotes. Sizes, lengths and rates are honoured exactly; the result says what the model itself made. The call
    waits up to wait_s; if the clip is not ready it answers with a job_id: call get_job with it, as often as
    needed, and do not start the same clip again. A finished job holds the clip's absolute path, an id for later
    calls, and a contact sheet of nine frames: look at it to judge the clip. Every prompt and every clip is
    moderated. Read ltx://capabilities for what this machine can make and how long it takes.
    """
    request = GenerateRequest(
        prompt=prompt, duration_s=duration_s, aspect=aspect, resolution=resolution, fps=fps, quality=quality,
        audio=audio, camera=camera, negative_prompt=negative_prompt, seed=seed, loras=loras, codec=codec,
    )  # fmt: skip
    return await make(context, request, wait_s)


TOOL = studio_tool(
    generate_video,
    title="Generate a video",
    annotations=ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
    ),
)

"""generate_video: text to a clip with synchronized sound; a clip continued, or made anew in a span."""

from typing import Annotated, Any

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
from ltx_mcp.types.requests import MAX_THEN, Duration, Fps, GenerateRequest, Prompt, Reference
from ltx_mcp.types.sizes import Aspect


async def generate_video(
    context: ToolContext,
    prompt: Annotated[Prompt, Field(description="One flowing paragraph: action, subject, setting, light, sound.")],
    duration_s: Annotated[
        Duration | None, Field(description="Seconds, of each new shot; left out: 5. Not for retake.")
    ] = None,
    aspect: Annotated[
        Aspect | None, Field(description="Left out: 16:9, or the extended clip's. 9:16 is native portrait.")
    ] = None,
    resolution: ResolutionArg = None,
    fps: Annotated[Fps | None, Field(description="Frames per second; left out: 24, or the extended clip's.")] = None,
    quality: QualityArg = "final",
    audio: AudioArg = True,
    camera: CameraArg = None,
    negative_prompt: NegativePromptArg = None,
    seed: SeedArg = None,
    loras: LorasArg = (),
    codec: CodecArg = None,
    extend: Annotated[Reference | None, Field(description="A clip_id, clip_id@2.0-5.5, or a video file.")] = None,
    retake: Annotated[Reference | None, Field(description="A span of a clip: clip_id@2.0-3.5.")] = None,
    then: Annotated[
        tuple[Prompt, ...], Field(max_length=MAX_THEN, description="Prompts of the shots that follow, in order.")
    ] = (),
    wait_s: WaitArg = 45.0,
) -> Annotated[CallToolResult, JobView]:
    """Make a new video clip with sound from a description. Use it for a new shot; to look for something made
    before, use search_clips first. Write the prompt as one flowing paragraph in the present tense: the action
    first, then the subject's looks, the setting, camera, light, and the sounds to be heard, with speech in
    quotes. Sizes, lengths and rates are honoured exactly; the result says what the model itself made.
    extend continues a clip by duration_s, from its last frames on; the result is a new clip, old and new joined.
    retake makes one span of a clip anew from the prompt and leaves the rest as it is. then gives the prompts of
    further shots, each continuing the one before by duration_s more, 60 s in all. The call
    waits up to wait_s; if the clip is not ready it answers with a job_id: call get_job with it, as often as
    needed, and do not start the same clip again. A finished job holds the clip's absolute path, an id for later
    calls, and a contact sheet of nine frames: look at it to judge the clip. Every prompt and every clip is
    moderated. Read ltx://capabilities for what this machine can make and how long it takes: where its model is micro,
    ask for one red, green, blue or yellow circle, square or triangle moving left, right, up or down, nothing else.
    """
    given: dict[str, Any] = {"duration_s": duration_s, "aspect": aspect, "fps": fps}
    request = GenerateRequest(
        prompt=prompt, resolution=resolution, quality=quality, audio=audio, camera=camera, codec=codec, seed=seed,
        negative_prompt=negative_prompt, loras=loras, extend=extend, retake=retake, then=then,
        **{name: value for name, value in given.items() if value is not None},
    )  # fmt: skip
    return await make(context, request, wait_s)


TOOL = studio_tool(
    generate_video,
    title="Generate a video",
    annotations=ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
    ),
)

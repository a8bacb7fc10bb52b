"""The arguments that several makers share, with the words by which the model knows them."""

from typing import Annotated

from pydantic import Field

from ltx_mcp.types.requests import Camera, Codec, Loras, NegativePrompt, Quality, Seed
from ltx_mcp.types.sizes import Resolution

ResolutionArg = Annotated[Resolution | None, Field(description="Height class; left out, this machine's best.")]
QualityArg = Annotated[
    Quality,
    Field(
        description="draft: fast, can be finalized later. final: two stages, sharper. best: slow, guided, if offered."
    ),
]
AudioArg = Annotated[bool, Field(description="Make synchronized sound.")]
CameraArg = Annotated[Camera | None, Field(description="A camera move added to the prompt.")]
NegativePromptArg = Annotated[NegativePrompt | None, Field(description="What to avoid; heeded at quality best.")]
SeedArg = Annotated[Seed | None, Field(description="The same request and seed give the same clip.")]
LorasArg = Annotated[
    Loras, Field(description="Styles by name or id (ltx://capabilities), or owner/repo of Hugging Face.")
]
CodecArg = Annotated[Codec | None, Field(description="Left out: h264, and hevc at 2160p.")]
WaitArg = Annotated[
    float,
    Field(ge=0, allow_inf_nan=False, description="Seconds to wait for the end before answering with a handle."),
]

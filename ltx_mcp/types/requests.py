"""What can be asked for: one frozen request type a tool, with the range and default of every option.

Field names are the tool contract: what stands here is what an agent reads, and what a sidecar keeps.
"""

from typing import Annotated, ClassVar, Literal, assert_never

from pydantic import Field, StringConstraints

from ltx_mcp.types.sizes import Aspect, Resolution
from ltx_mcp.types.timeline import EditRequest
from ltx_mcp.types.value import Value

Quality = Literal["draft", "final", "best"]
Codec = Literal["h264", "hevc"]
Camera = Literal["static", "dolly_in", "dolly_out", "dolly_left", "dolly_right", "jib_up", "jib_down", "focus_shift"]

MIN_DURATION_S, MAX_DURATION_S = 0.5, 20.0  # 20 s is the transformer's longest trained position (pos_embed_max_pos)
MIN_FPS, MAX_FPS = 8.0, 60.0
MAX_SEED = 2**63 - 1
MAX_FILM_S = 60.0  # of shots that continue each other
MAX_THEN = 30  # shots of 2 s; shorter ones would be made of little more than what they are shown of the one before
MAX_KEYFRAMES = 8  # pictures held while a job waits
MAX_LORAS = 4  # at once; each more takes memory and blurs the others
MAX_LORA_STRENGTH = 2.0  # the highest published one (engine/lora/catalogue.py: cinemagraph-motion)

Prompt = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400)]
NegativePrompt = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)]
Duration = Annotated[float, Field(ge=MIN_DURATION_S, le=MAX_DURATION_S, allow_inf_nan=False, description="seconds")]
Fps = Annotated[float, Field(ge=MIN_FPS, le=MAX_FPS, allow_inf_nan=False, description="frames per second")]
Reference = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4096)]
Strength = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
RestyleMode = Literal["auto", "reference", "structure", "repaint"]
Control = Literal["canny", "depth", "pose"]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED, strict=True)]


class LoraUse(Value):
    """A LoRA, and how strongly it acts: 0 is not at all, below 0 is its opposite, None as is recommended for it.

    `name` is that of a file on the shelf, the id of a known one, owner/repo, or owner/repo:file.safetensors. Of a
    repository, `revision` is the commit; None is its newest.
    """

    name: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    strength: Annotated[float, Field(ge=-MAX_LORA_STRENGTH, le=MAX_LORA_STRENGTH, allow_inf_nan=False)] | None = None
    revision: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")] | None = None


Loras = Annotated[tuple[LoraUse, ...], Field(max_length=MAX_LORAS)]


class ShotRequest(Value):
    """What may be asked of any new shot, word for word. None means: as this machine does best."""

    prompt: Prompt
    duration_s: Duration = 5.0
    resolution: Resolution | None = None
    fps: Fps = 24.0
    quality: Quality = "final"
    audio: bool = True
    camera: Camera | None = None
    negative_prompt: NegativePrompt | None = None
    seed: Seed | None = None
    loras: Loras = ()
    codec: Codec | None = None


class GenerateRequest(ShotRequest):
    """A clip from words, or one taken on from another: it is continued (`extend`), or a span made anew (`retake`).

    `then` are the prompts of further shots, each of which continues the one before. Size and rate that were left out
    (`model_fields_set` tells) are those of the clip that is taken on from.
    """

    tool: Literal["generate_video"] = "generate_video"
    aspect: Aspect = "16:9"
    extend: Reference | None = None
    retake: Reference | None = None
    then: Annotated[tuple[Prompt, ...], Field(max_length=MAX_THEN)] = ()


class Keyframe(Value):
    """A picture that the clip must show at a time, in seconds from its start."""

    image: Reference
    at_s: Annotated[float, Field(ge=0, le=MAX_DURATION_S, allow_inf_nan=False)]


class AnimateRequest(ShotRequest):
    """A still brought to motion. `aspect` None means that of the image."""

    tool: Literal["animate_image"] = "animate_image"
    image: Reference
    end_image: Reference | None = None
    keyframes: Annotated[tuple[Keyframe, ...], Field(max_length=MAX_KEYFRAMES)] = ()
    strength: Strength = 1.0
    aspect: Aspect | None = None


class RestyleRequest(Value):
    """An existing video in a new style. Length, rate and shape are the video's own."""

    tool: Literal["restyle_video"] = "restyle_video"
    video: Reference
    prompt: Prompt
    mode: RestyleMode = "auto"
    control: Control | None = None
    strength: Strength = 0.6
    keep_audio: bool = True
    resolution: Resolution | None = None
    quality: Quality = "final"
    seed: Seed | None = None
    loras: Loras = ()
    codec: Codec | None = None


class ImportRequest(Value):
    """A video file taken into the archive. Nothing is rendered."""

    tool: Literal["import_video"] = "import_video"
    video: Reference
    title: Title
    seed: ClassVar[None] = None
    loras: ClassVar[Loras] = ()

    @property
    def prompt(self) -> str:
        """The words by which the clip is found."""
        return self.title


NewShot = Annotated[GenerateRequest | AnimateRequest, Field(discriminator="tool")]


class FinalizeRequest(Value):
    """A draft finished: the final of twice its size. `final` is what would ask for that final from the beginning."""

    tool: Literal["finalize_draft"] = "finalize_draft"
    clip: Reference
    final: NewShot

    @property
    def prompt(self) -> str:
        return self.final.prompt

    @property
    def negative_prompt(self) -> str | None:
        return self.final.negative_prompt

    @property
    def seed(self) -> int | None:
        return self.final.seed

    @property
    def loras(self) -> Loras:
        return self.final.loras


Request = Annotated[
    GenerateRequest | AnimateRequest | RestyleRequest | ImportRequest | FinalizeRequest | EditRequest,
    Field(discriminator="tool"),
]
"""Every request there is, told apart by `tool`."""


def texts_of(request: Request) -> tuple[tuple[str, str], ...]:
    """(part, text) of everything in a request that is words: all of it is moderated before anything else happens."""
    match request:
        case GenerateRequest():
            further = ((f"then {number}", text) for number, text in enumerate(request.then, 1))
            return (("prompt", request.prompt), *further, *_negative(request))
        case AnimateRequest():
            return (("prompt", request.prompt), *_negative(request))
        case RestyleRequest():
            return (("prompt", request.prompt),)
        case ImportRequest():
            return (("title", request.title),)
        case FinalizeRequest():
            return texts_of(request.final)
        case EditRequest():
            return request.named_texts
        case _:
            assert_never(request)


def _negative(request: ShotRequest) -> tuple[tuple[str, str], ...]:
    return (("negative_prompt", request.negative_prompt),) if request.negative_prompt else ()


def prompts_of(request: Request) -> tuple[str, ...]:
    """Every text of a request that says what is to be seen: all are moderated, and all find the clip."""
    match request:
        case GenerateRequest():
            return request.prompt, *request.then
        case EditRequest():
            further = (text for part, text in request.named_texts if part != "text of the subtitles")
            return tuple(dict.fromkeys((request.prompt, *further)))
        case _:
            return (request.prompt,)


def is_joined(request: Request) -> bool:
    """Whether the clip is joined from several parts: renders that continue each other, or a source and a render."""
    return isinstance(request, GenerateRequest) and bool(request.extend or request.retake or request.then)

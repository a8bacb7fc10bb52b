"""Requests: one frozen type for each tool that makes a clip. Every option is declared here, and only here.

A field's type, range, default and description are what `tools/list` shows and what `ltx-mcp COMMAND --help` prints
(types/options.py); its name is the tool contract, and what a sidecar keeps.
"""

import re
from pathlib import PurePath
from typing import Annotated, ClassVar, Literal
from urllib.parse import unquote

from pydantic import Field, StringConstraints

from ltx_mcp.types.codecs import ChosenCodec
from ltx_mcp.types.exports import ExportRequest
from ltx_mcp.types.options import Flag, omit_default
from ltx_mcp.types.references import ClipId, Name, Reference
from ltx_mcp.types.sizes import Aspect, Resolution
from ltx_mcp.types.timeline import EditRequest
from ltx_mcp.types.value import Value

Quality = Literal["draft", "final", "best"]
Camera = Literal["static", "dolly_in", "dolly_out", "dolly_left", "dolly_right", "jib_up", "jib_down", "focus_shift"]
RestyleMode = Literal["auto", "reference", "structure", "repaint"]
Control = Literal["canny", "depth", "pose"]

MIN_DURATION_S, MAX_DURATION_S = 0.5, 20.0  # 20 s is the transformer's longest trained position (pos_embed_max_pos)
MIN_FPS, MAX_FPS = 8.0, 60.0
MAX_SEED = 2**63 - 1
MAX_FILM_S = 60.0  # of shots that continue each other
MAX_THEN = 30  # shots of 2 s; a shorter shot would be little more than the frames it is shown of the one before
MAX_KEYFRAMES = 8  # images held in memory while a job waits
MAX_LORAS = 4  # at once; each more takes memory and blurs the others
MAX_LORA_STRENGTH = 2.0  # the highest published one (engine/lora/catalogue.py: cinemagraph-motion)

Prompt = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
MAX_TITLE_CHARS = 400
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TITLE_CHARS)]
NegativePrompt = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)]
Duration = Annotated[float, Field(ge=MIN_DURATION_S, le=MAX_DURATION_S, allow_inf_nan=False)]
Fps = Annotated[float, Field(ge=MIN_FPS, le=MAX_FPS, allow_inf_nan=False)]
Strength = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED, strict=True)]


class LoraUse(Value):
    """A LoRA, and how strongly it acts. `strength` None is the recommended one, `revision` None the newest commit."""

    name: Annotated[Name, Field(min_length=1, max_length=255)]
    strength: Annotated[
        Annotated[float, Field(ge=-MAX_LORA_STRENGTH, le=MAX_LORA_STRENGTH, allow_inf_nan=False)] | None,
        Field(description="0 has no effect. Left out: as recommended."),
    ] = None
    revision: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")] | None = None


def _lora(text: str) -> dict[str, str]:
    name, given, strength = text.rpartition("=")
    return {"name": name, "strength": strength} if given else {"name": text}


class RenderRequest(Value):
    """What may be asked of every render. None means: whatever suits this machine best."""

    resolution: Annotated[Resolution | None, Field(description="Left out: the best that this machine makes.")] = None
    quality: Annotated[
        Quality,
        Field(description="draft: fast, can be finalized. final: sharper. best: slow, where the model offers it."),
    ] = "final"
    seed: Annotated[Seed | None, Field(description="The same seed gives the same clip.")] = None
    loras: Annotated[
        tuple[LoraUse, ...],
        Field(
            max_length=MAX_LORAS,
            description="Styles by name (ltx://loras), owner/repo or owner/repo:file.",
        ),
        Flag(
            "--lora", "NAME[=STRENGTH]", "A LoRA: an installed one, a known id, owner/repo or owner/repo:file.", _lora
        ),
    ] = ()
    codec: ChosenCodec = None


class ShotRequest(RenderRequest):
    """What may be asked of every new shot."""

    duration_s: Annotated[Duration, Field(description="Seconds.")] = 5.0
    fps: Annotated[Fps, Field(description="Frames per second.")] = 24.0
    audio: Annotated[bool, Field(description="Make synchronized audio.")] = True
    camera: Annotated[Camera | None, Field(description="A camera move, added to the prompt.")] = None
    negative_prompt: Annotated[
        NegativePrompt | None, Field(description="What to avoid; has an effect at quality best only.")
    ] = None


class GenerateRequest(ShotRequest):
    """A clip from words alone, or one that continues a clip (`extend`) or regenerates a span of it (`retake`).

    `then` are the prompts of further shots, each of which continues the one before. Size and rate that were left out
    (`model_fields_set` tells) are those of the clip that is extended or retaken.
    """

    tool: Literal["generate_video"] = "generate_video"
    prompt: Annotated[Prompt, Field(description="One flowing paragraph: action, subject, setting, light, sound.")]
    duration_s: Annotated[
        Duration,
        Field(description="Seconds of each new shot. Left out: 5. Not for retake.", json_schema_extra=omit_default),
    ] = 5.0
    aspect: Annotated[
        Aspect,
        Field(
            description="Left out: 16:9, or the extended clip's. 9:16 is native portrait.",
            json_schema_extra=omit_default,
        ),
    ] = "16:9"
    fps: Annotated[
        Fps,
        Field(description="Frames per second. Left out: 24, or the extended clip's.", json_schema_extra=omit_default),
    ] = 24.0
    extend: Annotated[
        Reference | None,
        Field(description="The clip to continue: clip_id, clip_id@2.0-5.5, or a video file."),
        Flag(metavar="VIDEO"),
    ] = None
    retake: Annotated[
        Reference | None,
        Field(description="The span to regenerate: clip_id@2.0-3.5. The rest stays as it is."),
        Flag(metavar="SPAN"),
    ] = None
    then: Annotated[
        tuple[Prompt, ...],
        Field(max_length=MAX_THEN, description="Prompts of the shots that follow, in order."),
        Flag(metavar="PROMPT", help="The prompt of a shot that continues the one before."),
    ] = ()


class Keyframe(Value):
    """An image that the clip must show at a time, in seconds from its start."""

    image: Annotated[Reference, Field(description="As image.")]
    at_s: Annotated[float, Field(ge=0, le=MAX_DURATION_S, allow_inf_nan=False, description="Seconds from the start.")]


def _keyframe(text: str) -> dict[str, object]:
    at_s, given, image = text.partition("=")
    if not given:
        raise ValueError
    return {"at_s": at_s, "image": image}


class AnimateRequest(ShotRequest):
    """A still image brought to motion. `aspect` None means that of the image."""

    tool: Literal["animate_image"] = "animate_image"
    image: Annotated[
        Reference,
        Field(description="clip_id@seconds, or an image file."),
        Flag(help="clip_id@seconds, or an image file."),
    ]
    prompt: Annotated[
        Prompt, Field(description="What moves and how, the camera, the sound; not what the image looks like.")
    ]
    end_image: Annotated[
        Reference | None, Field(description="The image that the last frame shows."), Flag(metavar="IMAGE")
    ] = None
    keyframes: Annotated[
        tuple[Keyframe, ...],
        Field(max_length=MAX_KEYFRAMES, description="Images that frames in between show."),
        Flag("--keyframe", "SECONDS=IMAGE", "An image that the frame at this time shows.", _keyframe),
    ] = ()
    strength: Annotated[Strength, Field(description="How closely the images are kept.")] = 1.0
    aspect: Annotated[Aspect | None, Field(description="Left out: the one nearest to the image's own.")] = None


class RestyleRequest(RenderRequest):
    """An existing video in a new style. Length, rate and aspect are the video's own."""

    tool: Literal["restyle_video"] = "restyle_video"
    video: Annotated[
        Reference,
        Field(description="clip_id, clip_id@2.0-5.5 (its span), or a video file."),
        Flag(help="A clip_id, a span clip_id@2.0-5.5, or a video file."),
    ]
    prompt: Annotated[
        Prompt, Field(description="The whole scene in the new style: first the style, then what is in it.")
    ]
    mode: Annotated[
        RestyleMode,
        Field(
            description="reference: by an IC-LoRA. structure: new frames on edges, depth or poses. repaint: no LoRA. "
            "auto: the best installed."
        ),
    ] = "auto"
    control: Annotated[
        Control | None, Field(description="What mode structure keeps of the video. Left out: canny, its edges.")
    ] = None
    strength: Annotated[
        Strength,
        Field(description="How far it may depart; reference and structure follow the video fully up to 0.6."),
    ] = 0.6
    keep_audio: Annotated[bool, Field(description="false: new audio is generated.")] = True
    quality: Annotated[Quality, Field(description="As in generate_video.")] = "final"


class ImportRequest(Value):
    """A video or photo taken into the archive, as a copy or where it is. Nothing is rendered."""

    tool: Literal["import_video"] = "import_video"
    video: Annotated[
        Reference,
        Field(description="A video or photo file in an allowed folder."),
        Flag(metavar="PATH", help="A video, a photo, or a folder of them.", many=True),
    ]
    title: Annotated[
        Title | None,
        Field(description="What it shows: words by which it is found. Default: the file's name."),
    ] = None
    copy_file: Annotated[
        bool | None,
        Field(description="Copy it (MP4, at most 1080p) or leave it in place. Default: above 60 s it is left."),
        Flag("--copy", help="Copy them, as MP4 of at most 1080p; left out, they stay where they are."),
    ] = None
    seed: ClassVar[None] = None
    loras: ClassVar[tuple[LoraUse, ...]] = ()

    @property
    def prompt(self) -> str:
        """The words by which the clip is found: "beach_trip-01.mp4" is "beach trip 01"."""
        if self.title is not None:
            return self.title
        path = PurePath(unquote(self.video) if self.video.startswith("file://") else self.video)
        return re.sub(r"[\s_.-]+", " ", path.stem).strip()[:MAX_TITLE_CHARS] or path.name


class FinalizeOptions(Value):
    """What may be asked of finalize_draft; the draft itself says the rest."""

    clip: Annotated[ClipId, Field(description="The clip_id of a draft.")]
    codec: ChosenCodec = None


NewShot = Annotated[GenerateRequest | AnimateRequest, Field(discriminator="tool")]


class FinalizeRequest(Value):
    """A draft finished at twice its size. `final` is the request that would give the same final from the beginning."""

    tool: Literal["finalize_draft"] = "finalize_draft"
    clip: ClipId
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
    def loras(self) -> tuple[LoraUse, ...]:
        return self.final.loras


ClipRequest = GenerateRequest | AnimateRequest | RestyleRequest | ImportRequest | FinalizeRequest | EditRequest
"""A request that makes a clip."""

Request = Annotated[ClipRequest | ExportRequest, Field(discriminator="tool")]
"""Every request of which a job is made, told apart by `tool`."""


def is_joined(request: Request) -> bool:
    """Whether the clip is joined from several parts: renders that continue each other, or a source and a render."""
    return isinstance(request, GenerateRequest) and bool(request.extend or request.retake or request.then)

"""The values that rooms hand to each other: requests, plans, verdicts, clips, moments. All frozen.

Field names are the tool contract: what stands here is what an agent reads, and what a sidecar keeps.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ltx_mcp.sizes import Aspect, Resolution

Quality = Literal["draft", "final", "best"]
Codec = Literal["h264", "hevc"]
Kind = Literal["generated", "animated", "restyled", "imported"]
Camera = Literal["static", "dolly_in", "dolly_out", "dolly_left", "dolly_right", "jib_up", "jib_down", "focus_shift"]

MIN_DURATION_S, MAX_DURATION_S = 0.5, 20.0  # 20 s is the transformer's longest trained position (pos_embed_max_pos)
MIN_FPS, MAX_FPS = 8.0, 60.0
MAX_SEED = 2**63 - 1
MAX_FILM_S = 60.0  # of shots that continue each other
MAX_THEN = 30  # shots of 2 s; shorter ones would be made of little more than what they are shown of the one before
MAX_KEYFRAMES = 8  # pictures held while a job waits
MAX_LORAS = 4  # at once; each more takes memory and blurs the others
MAX_LORA_STRENGTH = 2.0  # the highest published one (engine/lora_catalogue.py: cinemagraph-motion)

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


class Value(BaseModel):
    """A frozen value that refuses unknown fields by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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


Shot = Annotated[GenerateRequest | AnimateRequest, Field(discriminator="tool")]


class FinalizeRequest(Value):
    """A draft finished: the final of twice its size. `final` is what would ask for that final from the beginning."""

    tool: Literal["finalize_draft"] = "finalize_draft"
    clip: Reference
    final: Shot

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
    GenerateRequest | AnimateRequest | RestyleRequest | ImportRequest | FinalizeRequest, Field(discriminator="tool")
]
"""Every request there is, told apart by `tool`."""


def prompts_of(request: Request) -> tuple[str, ...]:
    """Every text of a request that says what is to be seen: all are moderated, and all find the clip."""
    return request.prompt, *(request.then if isinstance(request, GenerateRequest) else ())


class InContext(Value):
    """How an IC-LoRA reworks a reference: a video beside the clip that the model attends to while it makes it.

    `width` and `height` are the reference's in pixels, without the margin that is cropped from the clip.
    `downscale_factor` is what the LoRA was trained with: the reference is smaller by it than the first pass's
    pictures. `strength` is 0..1: 1 shows the reference clean, as in training, 0 as pure noise. `second_stage` says
    whether a pass at the made size follows, without LoRA and reference.
    """

    lora: str
    control: Control | None = None  # what of the source is shown; None: the source itself
    width: int
    height: int
    downscale_factor: int = 1
    strength: float = 1.0
    second_stage: bool = True


class Plan(Value):
    """What the model will make and what will be delivered; the `effective` of a result.

    `width`, `height`, `frames`, `fps` describe the delivered clip exactly; the `made_*` fields what the
    model makes before cropping and trimming. `doubled_rate`: its first passes make every second frame. `tiles`
    (across, down): its last pass is shared by them. `upscaled`: the picture is made at `upscaled_from` (width, height)
    and scaled to the delivered size.
    """

    prompt: str
    negative_prompt: str | None = None
    width: int
    height: int
    frames: int
    fps: float
    duration_s: float
    resolution: Resolution
    quality: Quality
    audio: bool
    codec: Codec = "h264"
    seed: int
    loras: tuple[LoraUse, ...] = ()
    reference: InContext | None = None
    model: str
    made_width: int
    made_height: int
    made_frames: int
    doubled_rate: bool = False
    tiles: tuple[int, int] | None = None
    upscaled: bool = False
    upscaled_from: tuple[int, int] | None = None
    beyond_training: bool = False
    notes: tuple[str, ...] = ()

    @property
    def inner_size(self) -> tuple[int, int]:
        """(width, height) of the delivered picture within the made one, before it is scaled."""
        return self.upscaled_from or (self.width, self.height)

    @property
    def pixel_frames(self) -> int:
        """Pixels times frames that the model makes: what memory and time grow with."""
        return self.made_width * self.made_height * self.made_frames


class Verdict(Value):
    """What moderation said. `max_score` is the highest classifier probability, 0..1; `category` what scored it."""

    verdict: Literal["passed", "refused"]
    model: str
    max_score: float
    category: str | None = None
    threshold: float | None = None
    frames_seen: int = 0
    worst_at_s: float | None = None


_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
MODEL_MADE = f"{_IPTC}trainedAlgorithmicMedia"
COMPOSITE = f"{_IPTC}compositeWithTrainedAlgorithmicMedia"


class Provenance(Value):
    """Where the pixels come from, as IPTC's code: made by a trained model, or in part. None: not known."""

    signed: bool = False
    digital_source_type: str | None = MODEL_MADE


class ClipFacts(Value):
    """What the maker of a clip knows of it. Sizes in pixels."""

    kind: Kind
    prompt: str
    title: str
    width: int
    height: int
    fps: float
    frames: int
    duration_s: float
    has_audio: bool
    codec: Codec
    seed: int | None
    model: str
    recipe: str
    loras: tuple[dict[str, Any], ...] = ()
    source: str | None = None
    created_at: datetime
    moderation: Verdict
    provenance: Provenance
    requested: dict[str, Any] = Field(default_factory=dict)
    effective: dict[str, Any] = Field(default_factory=dict)


class Stored(Value):
    """What the archive adds. `path` and `sheet_path` are absolute; `bytes` and `sha256` of the video file."""

    clip_id: str
    path: Path
    resource_uri: str
    sheet_path: Path
    bytes: int
    sha256: str
    searchable: bool = False


class Clip(ClipFacts, Stored):  # the last base's fields come first in JSON: where it is, then what it is
    """One finished clip of the archive."""


class Moment(Value):
    """A span of a clip that answers a query; `ref` is ready to be passed on as an input. Times in seconds."""

    rank: int
    clip_id: str
    ref: str
    start_s: float
    end_s: float
    peak_s: float
    score: float
    matched: Literal["vision", "text", "both", "newest"]
    prompt: str
    title: str
    kind: Kind
    path: Path
    duration_s: float


class SearchResult(Value):
    """Moments, best first; `note` says so when nothing matches well. Never padded with noise."""

    moments: tuple[Moment, ...]
    total_clips: int
    note: str = ""

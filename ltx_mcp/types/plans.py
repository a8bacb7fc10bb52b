"""What the model will make of a request and what will be delivered: the `effective` of a result."""

from ltx_mcp.types.codecs import Codec
from ltx_mcp.types.film import Loudness, ShotTime
from ltx_mcp.types.requests import Control, LoraUse, Quality
from ltx_mcp.types.sizes import Resolution
from ltx_mcp.types.value import Value


class InContext(Value):
    """How an IC-LoRA reworks a reference: a video that the model attends to while it denoises the clip.

    `width` and `height` are those of the reference in pixels, without the margin that is cropped from the clip. The
    reference is smaller than the frames of the first pass by `downscale_factor`, as the LoRA was trained. `strength` is
    0..1: 1 shows the reference clean, as in training, 0 as pure noise. `second_stage`: whether a pass at the made size
    follows, without LoRA and reference.
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

    `width`, `height`, `frames`, `fps` describe the delivered clip exactly; the `made_*` fields what the model makes
    before cropping and trimming. `doubled_rate`: its first passes make every second frame. `tiles` (columns, rows): its
    last pass runs on these. `upscaled`: frames of `upscaled_from` (width, height) are scaled to the delivered size.
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
    shots: tuple[ShotTime, ...] = ()
    loudness: Loudness | None = None

    @property
    def shot_frames(self) -> tuple[int, ...]:
        """The frames that stand for a film's shots: the middle of each, or none where the clip is not a film."""
        return tuple(shot.middle_frame for shot in self.shots)

    @property
    def inner_size(self) -> tuple[int, int]:
        """(width, height) of the delivered frame within the made one, before it is scaled."""
        return self.upscaled_from or (self.width, self.height)

    @property
    def pixel_frames(self) -> int:
        """Pixels times frames that the model makes: memory and time grow with it."""
        return self.made_width * self.made_height * self.made_frames

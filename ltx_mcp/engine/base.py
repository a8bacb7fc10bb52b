"""The engine's seam: what a maker of frames promises, and what it is told while it works.

An engine knows nothing of jobs, queues, files, moderation or the event loop. All its methods but `card`
are called on one thread, the lane's.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.engine.plan.quality_presets import DISTILLED, Recipes
from ltx_mcp.types.film import Loudness, TimedText
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.sizes import Resolution
from ltx_mcp.types.stages import Stage


class Watch(Protocol):
    """The engine's line to whoever waits for the clip."""

    def check(self) -> None:
        """Raise `Cancelled` if the job was cancelled. Cheap: call it as often as a block or a tile."""

    def stage(self, stage: Stage) -> None: ...

    def step(self, done: int, total: int) -> None:
        """`done` of `total` steps of the present stage are finished. Also checks."""


@dataclass(frozen=True)
class Latents:
    """A clip before it is decoded, as the pipelines exchange it: denormalised, float32, exact.

    `video` is (1, channels, latent frames, height / 32, width / 32), `audio` (1, channels, length, mel bins).
    """

    video: NDArray[np.float32]
    audio: NDArray[np.float32]


@dataclass(frozen=True)
class Rendering:
    """A clip on its way out: exactly `plan.frames` frames, decoded while they are pulled.

    `audio` is float32 (channels, samples) in -1..1 at `sample_rate` Hz, or None; its length is the model's own, and
    whoever muxes pads or trims it to the video. `late_audio` gives it where it is made along with the frames.
    `audio_file` holds it where it is too long for memory: raw, interleaved, little-endian float32 stereo at 48 kHz,
    whose `loudness` was measured; `subtitle_file` is the SRT of a soft track. `said` is what is said in the clip, in
    order of time, where that is known. `close` frees what frames and files
    need, once the clip is written or given up. `latents` are those of a draft that is the first stage of a final of
    twice its size: given back as `Materials.draft_latents` they become that final, the same as if it had been asked
    for at once.
    """

    frames: Iterator[Frame]
    audio: NDArray[np.float32] | None = None
    sample_rate: int = 48_000
    late_audio: Callable[[], NDArray[np.float32] | None] | None = None
    latents: Latents | None = None
    audio_file: Path | None = None
    loudness: Loudness | None = None
    subtitle_file: Path | None = None
    said: Sequence[TimedText] = ()
    close: Callable[[], None] = lambda: None

    def final_audio(self) -> NDArray[np.float32] | None:
        """What `audio` is, known for certain only after the last frame."""
        return self.audio if self.late_audio is None else self.late_audio()


@dataclass(frozen=True)
class Condition:
    """Frames that the clip must show from a given one of its frames on. Each is (plan.height, plan.width, 3).

    `strength` is 0..1: 1 keeps the frames, less lets the model depart from them.
    """

    frames: Sequence[Frame]
    at_frame: int = 0  # of the delivered clip; plan.frames - 1 is its last
    strength: float = 1.0


@dataclass(frozen=True)
class Materials:
    """What a clip is made from beside its words. `repaint` is a whole source video, plan.frames long.

    `repaint_strength` is 0..1: how far the new clip may depart from the source. `reference` is the video that the
    plan's IC-LoRA reworks, plan.frames long, each frame (plan.reference.height, plan.reference.width, 3).
    `draft_latents` is a draft of half the plan's made size, whose final is the plan's.
    `finished` is a clip that needs no model at all: one that is only copied in.
    """

    conditions: tuple[Condition, ...] = ()
    repaint: Sequence[Frame] | None = None
    repaint_strength: float = 0.6
    reference: Sequence[Frame] | None = None
    draft_latents: Latents | None = None
    finished: Rendering | None = None


NO_MATERIALS = Materials()


@dataclass(frozen=True)
class ModelCard:
    """What an engine is and can make, known without loading it."""

    name: str  # goes into sidecars and metadata
    label: str  # one honest sentence for `doctor` and ltx://capabilities
    default_resolution: Resolution
    max_pixel_frames: int  # made width x height x frames that fit this machine's memory
    trained_short_side: int  # pixels; larger is honoured and flagged `beyond_training`
    caveat: str = ""  # what every result of this model must say of itself
    conditioned_caveat: str = ""  # what a result that was shown frames must say besides
    finals_improve: bool = True  # whether the final of a draft looks better, and is worth proposing
    takes_loras: bool = False
    doubles_rate: bool = False  # it has a temporal upsampler, so 48 to 60 fps are made at half the rate
    conditioned_load: float = 1.0  # pixel-frames that one takes where frames or a reference are given
    source_load: float = 0.0  # those added where a source video is held beside
    decode_load: float = 0.0  # those that a made pixel takes while the frames are decoded, however long it is
    recipes: Recipes = field(default_factory=lambda: DISTILLED)
    licence: str = ""


class Engine(Protocol):
    """Makes frames from a plan."""

    @property
    def card(self) -> ModelCard: ...

    def load(self, watch: Watch) -> None:
        """Get ready to render; a second call is free. Raises ModelUnavailable, OutOfMemory."""

    def render(self, plan: Plan, watch: Watch, materials: Materials = NO_MATERIALS) -> Rendering:
        """Denoise now, decode as the frames are pulled. Raises RenderFailed, OutOfMemory, Cancelled.

        The same plan and materials give the same frames. `watch` is told every step; the device is free within two
        seconds of its first `Cancelled`.
        """

    def lean(self) -> bool:
        """After OutOfMemory: free the device, and use less of its memory from now on. False where nothing is leaner."""

    def close(self) -> None:
        """Free the device; `load` gets ready again."""

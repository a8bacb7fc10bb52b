"""What becomes of the frames: one pass over the stream feeds encoder, frame gate, sampler and contact sheet.

Runs on the lane's thread while the frames are decoded, so a clip is never held whole. All of it goes into
the job's staging folder, which no client can name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ltx_mcp import __version__
from ltx_mcp.clips import Plan, Verdict
from ltx_mcp.encode import AUDIO_RATE, VideoWriter
from ltx_mcp.engine.base import Rendering, Stage, Watch
from ltx_mcp.index.sample import FrameSampler, Samples, sampled_places
from ltx_mcp.moderation.frames import FrameGate
from ltx_mcp.sheets import SheetMaker

VIDEO_NAME = "video.mp4"


@dataclass(frozen=True)
class Taken:
    """A finished take, still in staging. `sheet` is a JPEG."""

    video: Path
    verdict: Verdict
    sheet: bytes
    samples: Samples
    has_audio: bool


Sound = Callable[[], NDArray[np.float32] | None]


def take(
    rendering: Rendering,
    watch: Watch,
    plan: Plan,
    folder: Path,
    gate: FrameGate,
    sound: Sound,
    tags: Mapping[str, str],
) -> Taken:
    """Pull every frame once. `sound` may give float32 (2, n) at 48 kHz, which replaces the model's own.

    Raises MediaError, ModerationUnavailable, Cancelled.
    """
    kept = sound()
    audio, sample_rate = (rendering.audio, rendering.sample_rate) if kept is None else (kept, AUDIO_RATE)
    video = folder / VIDEO_NAME
    sampler = FrameSampler(plan.fps, plan.frames)
    sheet = SheetMaker(plan.frames, plan.fps)
    viewing = gate.watch(plan.fps, plan.frames, shown=sheet.wanted.union(sampled_places(plan.fps, plan.frames)))
    writer = VideoWriter(
        video,
        plan.width,
        plan.height,
        plan.fps,
        plan.frames,
        codec=plan.codec,
        audio=audio,
        sample_rate=sample_rate,
        metadata=tags,
    )
    with writer:
        for index, frame in enumerate(rendering.frames):
            writer.write(frame)
            for look in (viewing, sampler, sheet):
                look.see(index, frame)
            watch.step(index + 1, plan.frames)
    watch.stage(Stage.MODERATING)
    verdict = viewing.verdict()
    watch.check()
    return Taken(video, verdict, sheet.jpeg(), sampler.samples, audio is not None)


def provenance_tags(model: str) -> dict[str, str]:
    """Metadata of the file itself: whoever finds it learns that a model made it, and which."""
    return {
        "comment": f"AI-generated video. Model: {model}. Made with ltx-mcp {__version__}.",
        "artist": f"{model} (AI model)",
    }

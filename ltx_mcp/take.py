"""What becomes of the frames: one pass over the stream feeds encoder, frame gate, sampler and contact sheet.

Runs on the lane's thread while the frames are decoded, so a clip is never held whole. All of it goes into
the job's staging folder, which no client can name.
"""

from dataclasses import dataclass
from pathlib import Path

from ltx_mcp import __version__
from ltx_mcp.clips import Plan, Verdict
from ltx_mcp.encode import VideoWriter
from ltx_mcp.engine.base import Rendering, Stage, Watch
from ltx_mcp.index.sample import FrameSampler, Samples
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


def take(rendering: Rendering, watch: Watch, plan: Plan, folder: Path, gate: FrameGate) -> Taken:
    """Pull every frame once. Raises MediaError, ModerationUnavailable, Cancelled."""
    video = folder / VIDEO_NAME
    viewing = gate.watch(plan.fps, plan.frames)
    sampler = FrameSampler(plan.fps, plan.frames)
    sheet = SheetMaker(plan.frames, plan.fps)
    writer = VideoWriter(
        video,
        plan.width,
        plan.height,
        plan.fps,
        plan.frames,
        codec=plan.codec,
        audio=rendering.audio,
        sample_rate=rendering.sample_rate,
        metadata=provenance_tags(plan.model),
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
    return Taken(video, verdict, sheet.jpeg(), sampler.samples, rendering.audio is not None)


def provenance_tags(model: str) -> dict[str, str]:
    """Metadata of the file itself: whoever finds it learns that a model made it, and which."""
    return {
        "comment": f"AI-generated video. Model: {model}. Made with ltx-mcp {__version__}.",
        "artist": f"{model} (AI model)",
    }

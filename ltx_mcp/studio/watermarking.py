"""What is marked, and as what: frames and audio that a model made, by installation and clip. Footage never is.

What is only cut, joined or copied keeps the marks that its frames have, so that a film holds those of its clips. In
imported footage of unknown origin they are looked for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from ltx_mcp.preparation.chained_shots import sample_at
from ltx_mcp.preparation.prepared_job import Planned, PreparedJob
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.watermark.base import ClipMarker, FrameMarker, Mark, MarkReader, Watermarker
from ltx_mcp.watermark.identity import Identity


@dataclass
class Watermarking:
    """`marks`: whether frames are to be marked. `identify` reads this installation's key, or makes it."""

    watermarker: Watermarker
    marks: bool
    identify: Callable[[], Identity]

    @cached_property
    def _identity(self) -> Identity:
        return self.identify()

    def mark(self, plan: Plan, prepared: PreparedJob) -> Mark | None:
        """That of the clip which is made so; None if no model renders it. Raises ArchiveError."""
        if not self.marks or prepared.lane != "device":
            return None
        return self._identity.mark(f"{prepared.source} {plan.model_dump_json()}")

    def marker(self, mark: Mark | None, planned: Planned) -> ClipMarker | None:
        """Marks the frames that the model made, with their audio, and gives the others back as they are."""
        if mark is None:
            return None
        plan, made = planned.plan, planned.made or range(planned.plan.frames)
        frame = self.watermarker.marker(mark, plan.width, plan.height, plan.fps)
        samples = range(sample_at(made.start, plan.fps), sample_at(made.stop, plan.fps))
        return ClipMarker(_only(frame, made), lambda audio: self.watermarker.mark_audio(mark, audio, samples))

    def reader(self, plan: Plan, prepared: PreparedJob) -> MarkReader | None:
        """For footage that nobody yet says a model made; None for all else."""
        if prepared.kind != "imported" or prepared.provenance.digital_source_type is not None:
            return None
        return self.watermarker.reader(plan.width, plan.height)


def _only(marker: FrameMarker, made: range) -> FrameMarker:
    def marked(index: int, frame: Frame) -> Frame:
        return marker(index, frame) if index in made else frame

    return marked

"""Which frames are marked, and as what: those that a model made, by installation and clip. Footage of the user's never.

What is only cut, joined or copied keeps the marks that its frames have, so that a film holds those of its clips.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from ltx_mcp.preparation.prepared_job import Planned, PreparedJob
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.watermark.base import FrameMarker, Mark, Watermarker
from ltx_mcp.watermark.identity import Identity


@dataclass
class Watermarking:
    """`watermarker` is None where nothing is to be marked. `identify` reads this installation's key, or makes it."""

    watermarker: Watermarker | None
    identify: Callable[[], Identity]

    @cached_property
    def _identity(self) -> Identity:
        return self.identify()

    def mark(self, plan: Plan, prepared: PreparedJob) -> Mark | None:
        """That of the clip which is made so; None if no model renders it. Raises ArchiveError."""
        if self.watermarker is None or prepared.lane != "device":
            return None
        return self._identity.mark(f"{prepared.source} {plan.model_dump_json()}")

    def marker(self, mark: Mark | None, planned: Planned) -> FrameMarker | None:
        """Marks the frames that the model made, and gives the others back as they are."""
        if mark is None or self.watermarker is None:
            return None
        plan, made = planned.plan, planned.made
        marker = self.watermarker.marker(mark, plan.width, plan.height, plan.fps)
        return marker if made is None else _only(marker, made)


def _only(marker: FrameMarker, made: range) -> FrameMarker:
    def marked(index: int, frame: Frame) -> Frame:
        return marker(index, frame) if index in made else frame

    return marked

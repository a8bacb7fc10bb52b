"""A prepared job: what to plan, what to moderate beside the texts, how the lane gets its materials."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from ltx_mcp.archive.draft_latents import digests
from ltx_mcp.engine.base import Materials
from ltx_mcp.engine.plan.layout import WORDS, Uses
from ltx_mcp.jobs.lane import LaneName
from ltx_mcp.jobs.lane_job import Gather, Render, nothing, one_shot
from ltx_mcp.media.framing import fit
from ltx_mcp.media.splice import UnchangedFrames
from ltx_mcp.preparation.moderated_frames import InputFrames
from ltx_mcp.provenance.base import Ingredient
from ltx_mcp.types.clips import Kind, Provenance
from ltx_mcp.types.film import SourceUse
from ltx_mcp.types.frames import Audio, Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import GenerateRequest


class PlanShot(Protocol):
    """Plans one shot of a job with the engine's model card, the request's seed and its LoRAs."""

    def __call__(
        self, shot: GenerateRequest, part: int = 0, size: tuple[int, int] | None = None, uses: Uses = WORDS
    ) -> Plan:
        """Shot number `part`, from 0: each has noise of its own. `size` is (width, height) where it is not a named one;
        `uses` is what else the shot is made from.

        Raises TooLarge, BadInput.
        """


@dataclass(frozen=True)
class Planned:
    """`plan` describes the clip to be delivered, `render` makes it; `unchanged` is what is spliced back of a source.

    `made` are the frames that the model makes, where others are a source's.
    """

    plan: Plan
    render: Render
    unchanged: UnchangedFrames | None = None
    made: range | None = None


PlanClip = Callable[[PlanShot], Planned]
"""Plans a clip that is more than one render, or more than what is rendered."""


@dataclass(frozen=True)
class PreparedJob:
    """A request made ready.

    `shot` is what to plan: a shot, or the plan itself where no model is asked, or a whole clip. `uses` is what else
    that shot is made from. `input_frames` gives the images to moderate, `input_video` the frames of a video; `check`
    raises BadInput for a plan that does not suit them. `gather` reads the materials on the lane's thread, or
    `fit_inputs` makes them as soon as the size is known. `replacement_audio` gives audio that replaces the model's
    own, or None. `recipe` is None where it is the plan's quality. `input_digests` are known once `release_inputs` has
    dropped the frames. `input_name` says what the input frame at a place is of, `sources` what a film was made from;
    `texts` are files to be published beside the clip. `parents` are the files that it is made from. `original` is the
    file that is imported, which with `in_place` stays the clip's video.
    """

    kind: Kind
    shot: GenerateRequest | Plan | PlanClip
    source: str | None = None
    recipe: str | None = None
    uses: Uses = WORDS
    gather: Gather = nothing
    fit_inputs: Callable[[Plan], Materials] | None = None
    input_frames: Callable[[], Sequence[Frame]] = tuple
    input_video: Callable[[], InputFrames] | None = None
    input_digests: tuple[str, ...] | None = None
    replacement_audio: Callable[[], Audio | None] = lambda: None
    notes: Callable[[Plan], tuple[str, ...]] = lambda plan: ()
    check: Callable[[Plan], None] = lambda plan: None
    provenance: Provenance = field(default_factory=Provenance)
    lane: LaneName = "device"
    sources: tuple[SourceUse, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    input_name: Callable[[int], str] = lambda place: "The input"
    parents: tuple[Ingredient, ...] = ()
    original: Path | None = None
    original_codec: str = ""
    in_place: bool = False

    def plan(self, plan_shot: PlanShot) -> Planned:
        """Raises TooLarge, BadInput."""
        match self.shot:
            case Plan() as plan:
                pass
            case GenerateRequest() as shot:
                plan = plan_shot(shot, uses=self.uses)
            case plan_clip:
                return plan_clip(plan_shot)
        self.check(plan)
        gather = self.gather if self.fit_inputs is None else _given(self.fit_inputs(plan))
        return Planned(plan.model_copy(update={"notes": plan.notes + self.notes(plan)}), one_shot(plan, gather))

    def release_inputs(self) -> "PreparedJob":
        """The job once it is planned: whatever may hold input images at their own size is dropped, the rest stays."""
        if self.fit_inputs is None:
            return self
        return replace(
            self,
            fit_inputs=None,
            input_digests=self.digests(),
            input_frames=tuple,
            notes=lambda plan: (),
            check=lambda plan: None,
        )

    def digests(self) -> tuple[str, ...]:
        """Of the frames and images that the clip is made from."""
        return digests(self.input_frames()) if self.input_digests is None else self.input_digests


def _given(materials: Materials) -> Gather:
    return lambda plan, watch: materials


def cropping_note(source: tuple[int, int], target: tuple[int, int]) -> tuple[str, ...]:
    """What of a (width, height) source is cropped away to fill the target's shape, if anything is."""
    note = fit(source, target).note
    return (note,) if note else ()

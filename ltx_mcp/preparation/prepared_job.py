"""An order: a request made ready. What to plan, what to moderate beside the words, how the lane gets its materials."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.archive.draft_latents import digests
from ltx_mcp.engine.base import Materials
from ltx_mcp.engine.plan.layout import WORDS, Uses
from ltx_mcp.jobs.lane import Gather, LaneName, Render, nothing, one_shot
from ltx_mcp.media.framing import fit
from ltx_mcp.media.splice import UnchangedFrames
from ltx_mcp.types.clips import Kind, Provenance
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import GenerateRequest
from ltx_mcp.types.timeline import SourceUse


class PlanShot(Protocol):
    """Plans one shot of an order with the engine's card, the request's seed and its LoRAs."""

    def __call__(
        self, shot: GenerateRequest, part: int = 0, size: tuple[int, int] | None = None, uses: Uses = WORDS
    ) -> Plan:
        """Shot number `part`, from 0: each has noise of its own. `size` is (width, height) where it is no class's;
        `uses` is what else the shot is made from.

        Raises TooLarge, BadInput.
        """


@dataclass(frozen=True)
class Planned:
    """`plan` describes the clip to be delivered, `render` makes it; `unchanged` is what is spliced back of a source."""

    plan: Plan
    render: Render
    unchanged: UnchangedFrames | None = None


Script = Callable[[PlanShot], Planned]
"""Plans a clip that is more than one render, or more than it renders."""


@dataclass(frozen=True)
class PreparedJob:
    """A request made ready. `shot` is what to plan, or the plan itself where no model is asked, or a whole script.

    `uses` is what else that shot is made from. `inputs` gives the pictures to moderate; `check` raises BadInput;
    `gather` reads the materials on the lane's thread, or `fitted` makes them as soon as the size is known; `sound`
    gives audio that replaces the model's own. `input_name` says which input the frame at that place of `inputs` is
    of, `sources` what a film was made from, `texts` are files to be published beside the clip. `pictures` are the
    inputs' digests, once `waiting` has dropped them.
    """

    kind: Kind
    shot: GenerateRequest | Plan | Script
    source: str | None = None
    recipe: str | None = None
    uses: Uses = WORDS
    gather: Gather = nothing
    fitted: Callable[[Plan], Materials] | None = None
    inputs: Callable[[], Sequence[Frame]] = tuple
    pictures: tuple[str, ...] | None = None
    sound: Callable[[], NDArray[np.float32] | None] = lambda: None
    notes: Callable[[Plan], tuple[str, ...]] = lambda plan: ()
    check: Callable[[Plan], None] = lambda plan: None
    provenance: Provenance = field(default_factory=Provenance)
    lane: LaneName = "device"
    sources: tuple[SourceUse, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    input_name: Callable[[int], str] = lambda place: "The input"

    def planned(self, plan_shot: PlanShot) -> Planned:
        """Raises TooLarge, BadInput."""
        match self.shot:
            case Plan() as plan:
                pass
            case GenerateRequest() as shot:
                plan = plan_shot(shot, uses=self.uses)
            case script:
                return script(plan_shot)
        self.check(plan)
        gather = self.gather if self.fitted is None else _given(self.fitted(plan))
        return Planned(plan.model_copy(update={"notes": plan.notes + self.notes(plan)}), one_shot(plan, gather))

    def waiting(self) -> "PreparedJob":
        """The job once it is planned: whatever may hold input images at their own size is dropped, the rest stays."""
        if self.fitted is None:
            return self
        return replace(
            self, fitted=None, pictures=self.digests(), inputs=tuple, notes=lambda plan: (), check=lambda plan: None
        )

    def digests(self) -> tuple[str, ...]:
        """Of the pictures it is made from."""
        return digests(self.inputs()) if self.pictures is None else self.pictures


def _given(materials: Materials) -> Gather:
    return lambda plan, watch: materials


def cropping(width: int, height: int) -> Callable[[Plan], tuple[str, ...]]:
    """The note that says what of a (width, height) picture is cropped away, if anything is."""

    def notes(plan: Plan) -> tuple[str, ...]:
        words = fit((width, height), (plan.width, plan.height)).words
        return (words,) if words else ()

    return notes

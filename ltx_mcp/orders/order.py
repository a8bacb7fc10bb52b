"""An order: a request made ready. What to plan, what to moderate beside the words, how the lane gets its materials."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.clips import GenerateRequest, Kind, Plan
from ltx_mcp.engine.base import Frame
from ltx_mcp.framing import fit
from ltx_mcp.lane import Gather, nothing


@dataclass(frozen=True)
class Order:
    """A request made ready. `shot` is what to plan, or the plan itself where no model is asked.

    `inputs` gives the pictures to moderate; `check` raises BadInput; `gather` reads the materials on the lane's
    thread; `sound` gives audio that replaces the model's own.
    """

    kind: Kind
    shot: GenerateRequest | Plan
    source: str | None = None
    recipe: str | None = None
    gather: Gather = nothing
    inputs: Callable[[], Sequence[Frame]] = tuple
    sound: Callable[[], NDArray[np.float32] | None] = lambda: None
    notes: Callable[[Plan], tuple[str, ...]] = lambda plan: ()
    check: Callable[[Plan], None] = lambda plan: None


def cropping(width: int, height: int) -> Callable[[Plan], tuple[str, ...]]:
    """The note that says what of a (width, height) picture is cropped away, if anything is."""

    def notes(plan: Plan) -> tuple[str, ...]:
        words = fit((width, height), (plan.width, plan.height)).words
        return (words,) if words else ()

    return notes

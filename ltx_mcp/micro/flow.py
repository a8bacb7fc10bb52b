"""One training sample of the transformer: which noise, at which level, and what the model must answer.

A clip of the core world leaves one thing open: where across its way the thing stands. In the samples that teach
generation that choice is read off the noise: one number of it, the mean of a few channels of the first token, is made
to say the place. The noise is still normal noise, but the picture is now a function of prompt and noise, so every step
of a short schedule aims at the same picture. In the other samples (given first frames, a late start) picture and noise
are independent, as they are when frames are given or a video is repainted.

The first token alone carries it, because a mean over all tokens is small where they are many, and of another scale at
each size: it was hardly read at the larger ones.
"""

import math
from typing import Literal

import numpy as np
import torch

from ltx_mcp.engine.schedules import DISTILLED_SIGMAS, REFINE_SIGMAS
from ltx_mcp.micro import captions
from ltx_mcp.micro.prompts import Prompt
from ltx_mcp.micro.world import Scene

Sort = Literal["paired", "late", "given", "footage"]
SORTS: dict[Sort, float] = {"paired": 0.6, "late": 0.16, "given": 0.14, "footage": 0.1}
"""`given` and `footage` begin with frames that are shown: of the drawn world, or of pictures from outside it."""

CARRIERS = 8  # channels of the first token whose mean says the open choice

GIVEN_FRAMES = (1, 3)
"""Latent frames that are shown: an image, or the end of a clip that is continued (film.LEAD_S at 24 fps)."""

LATE_SIGMA = 0.95  # the highest noise of a late start: a repaint, or the second stage
_NEAR_ONE = 0.97  # of the distilled sigmas, those above are nearly one: together they count as one
_SCHEDULED = 0.6  # of the samples stand on a distilled sigma
_WALKED = 0.45  # of the samples that can be, are what the model comes to by itself
_DOWN: dict[Sort, tuple[float, ...]] = {
    "paired": (DISTILLED_SIGMAS[0], DISTILLED_SIGMAS[4], *REFINE_SIGMAS),  # between the first five it hardly moves
    "late": REFINE_SIGMAS,
}
_EDGE = 0.01  # of the normal distribution that the open choice leaves out on each side


def read_choice(noise: torch.Tensor) -> torch.Tensor:
    """(samples,) standard normal numbers, of noise (samples, tokens, channels): what its first token says."""
    return noise[:, 0, :CARRIERS].sum(1) / math.sqrt(CARRIERS)


def write_choice(noise: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """The same noise, but for `read_choice`, which then gives `wanted`."""
    noise = noise.clone()
    noise[:, 0, :CARRIERS] += ((wanted - read_choice(noise)) / math.sqrt(CARRIERS))[:, None]
    return noise


def open_choice(scene: Scene, prompt: Prompt) -> float:
    """The standard normal number that stands for where this scene's thing is across its way.

    Uniform places -1..1 become normal ones. Where the prompt names a third of the height, the number goes over it.
    """
    thing = scene.things[0]
    if thing.motion in ("left", "right"):
        share = (thing.y + 1) / 2
        if prompt.says("level") != "unsaid":
            share = share * 3 - (2, 1, 0)[captions.LEVELS.index(captions.level(thing))]
    else:
        share = (thing.x + 1) / 2
    share = min(max(share, _EDGE), 1 - _EDGE)
    return math.sqrt(2) * float(torch.erfinv(torch.tensor(2 * share - 1)))


def draw_sigma(lot: np.random.Generator, sort: Sort) -> float:
    """A noise level: more than half on the distilled schedule, the rest in between."""
    if lot.random() < _SCHEDULED:
        steps = [sigma for sigma in DISTILLED_SIGMAS if sigma < _NEAR_ONE]
        if sort == "late":
            return steps[int(lot.integers(len(steps)))]
        group = int(lot.integers(len(steps) + 2))  # those near one count twice
        if group < len(steps):
            return steps[group]
        high = [sigma for sigma in DISTILLED_SIGMAS if sigma > _NEAR_ONE]
        return high[int(lot.integers(len(high)))]
    top = LATE_SIGMA if sort == "late" else 1.0
    return top * (1 - math.pow(lot.uniform(0, 0.97), 1.5))


def draw_path(lot: np.random.Generator, sort: Sort) -> tuple[float, ...]:
    """The levels that the model goes down by its own estimates before the one that it learns at; often none.

    A short schedule takes big steps, so what it comes to is not a noisy picture but a noisy estimate. Shown its own,
    the model learns to mend them; the target stays the clip, which prompt and noise have settled.
    """
    down = _DOWN.get(sort, ())
    if not down or lot.random() >= _WALKED:
        return ()
    return down[: int(lot.integers(2, len(down) + 1))]


def draw_sort(lot: np.random.Generator, *, footage: bool) -> Sort:
    """By lot; without footage what would be of it is of the drawn world."""
    names = list(SORTS)
    sort = names[int(lot.choice(len(names), p=list(SORTS.values())))]
    return "given" if sort == "footage" and not footage else sort

"""One training sample of the transformer: which noise, at which level, and what the model must answer.

A clip of the core world leaves one thing open: where across its way the thing stands. In the samples that teach
generation it stands where the prompt says, or else in the middle (prompts.is_told), so that the video is a function
of the prompt, and every step of a short schedule aims at the same video. Where anything was left to the noise, a
model of this size found it to a few pixels only, and nothing with corners can be drawn so. In the other samples (given
first frames, a late start) the thing may be anywhere.
"""

import math
from collections.abc import Collection, Mapping
from typing import Literal

import numpy as np

from ltx_mcp.engine.plan.sigmas import DISTILLED_SIGMAS, REFINE_SIGMAS, from_strength
from ltx_mcp.micro.training.sampling import one

SampleKind = Literal["told", "late", "twin", "given", "footage", "kept"]
SHARES: dict[SampleKind, float] = {"told": 0.5, "late": 0.15, "twin": 0.1, "given": 0.12, "footage": 0.08, "kept": 0.05}
"""Shares of the samples. In the `told` ones the prompt tells everything; a `late` one starts from the clip under noise.
In a `twin` the noise is on the same scene in another colour or on another ground, as when a video is repainted. `given`
and `footage` begin with frames that are shown: of the drawn world, or of frames from outside it. `kept` is footage
that is repainted, and shall stay as it is."""

AUDIO_SHARES: dict[SampleKind, float] = {"told": 0.4, "late": 0.2, "given": 0.4}
"""Likewise of those that the sound is learnt over: what the prompt leaves unsaid of a height must be seen."""

OUTSIDE: tuple[SampleKind, ...] = ("footage", "kept")  # of the drawn world

GIVEN_FRAMES = (1, 3)
"""Latent frames that are shown: an image, or the end of a clip that goes on (chained_shots.CONTEXT_S at 24 fps)."""

_TOP: dict[SampleKind, float] = {"late": 0.95, "kept": 0.7}
"""The highest noise of a late start: a repaint or the second stage; above 0.7 little of footage is left to be kept."""

_TWIN = (0.5, 0.95)  # where repaints of twins start
_NEAR_ONE = 0.97  # distilled sigmas above are nearly one: there the video is decided
_NEAR_ONE_COUNTS = 3  # all of them together, where each of the others counts one
_SCHEDULED = 0.8  # of the samples stand on a distilled sigma
_WALKED = 0.45  # of the samples that can be, are what the model comes to by itself
_DOWN: dict[SampleKind, tuple[float, ...]] = {
    "told": (DISTILLED_SIGMAS[0], DISTILLED_SIGMAS[4], *REFINE_SIGMAS),  # between the first five it hardly moves
    "late": REFINE_SIGMAS,
}


def draw_sigma(rng: np.random.Generator, kind: SampleKind) -> float:
    """A noise level: most on the distilled schedule, the rest in between."""
    top = _TOP.get(kind, 1.0)
    if rng.random() >= _SCHEDULED:
        return top * (1 - math.pow(rng.uniform(0, 0.97), 1.5))
    near_one = [sigma for sigma in DISTILLED_SIGMAS if _NEAR_ONE < sigma <= top]
    steps = [sigma for sigma in DISTILLED_SIGMAS if sigma < min(_NEAR_ONE, top)]
    group = int(rng.integers(len(steps) + (_NEAR_ONE_COUNTS if near_one else 0)))
    return steps[group] if group < len(steps) else one(rng, near_one)


def draw_path(rng: np.random.Generator, kind: SampleKind) -> tuple[float, ...]:
    """The levels that the model goes down by its own estimates before the one that it learns at; often none.

    A short schedule takes big steps, so what it comes to is not a noisy video but a noisy estimate. Shown its own,
    the model learns to mend them; the target stays the clip, which the prompt has settled. Of a twin there is
    always a path, which may be of one level: what it starts from is not what it is to become.
    """
    if kind == "twin":
        down = from_strength(rng.uniform(*_TWIN))
        return down[: int(rng.integers(1, len(down) + 1))]
    down = _DOWN.get(kind, ())
    if not down or rng.random() >= _WALKED:
        return ()
    return down[: int(rng.integers(2, len(down) + 1))]


def draw_kind(rng: np.random.Generator, shares: Mapping[SampleKind, float], able: Collection[SampleKind]) -> SampleKind:
    """One of those that there are clips for, at random and their shares."""
    left = [kind for kind in shares if kind in able]
    return one(rng, left, [shares[kind] for kind in left])

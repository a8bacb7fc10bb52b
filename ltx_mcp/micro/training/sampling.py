"""One of several at random, as all that draws the micro model's world and its training does it."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

_T = TypeVar("_T")


def one(rng: np.random.Generator, options: Sequence[_T], shares: Sequence[float] | None = None) -> _T:
    """Each as often as the others, or by their shares, whose sum may be anything above zero."""
    if shares is None:
        return options[int(rng.integers(len(options)))]
    weights = np.asarray(shares, np.float64)
    return options[int(rng.choice(len(options), p=weights / weights.sum()))]

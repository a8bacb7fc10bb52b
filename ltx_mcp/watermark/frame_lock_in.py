"""Draws the pattern out of frames: what turns its sign with the mark's period, cell by cell, and little else.

What changes more slowly, and what neighbouring cells have in common, is taken away; cells count the less, the more is
left there. Frames are then summed by their place in the period, so that any beginning of the mark can be tried later.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.watermark.carriers import Chips, normalized
from ltx_mcp.watermark.decoding import Decoder, Folded
from ltx_mcp.watermark.grid import CARRIERS
from ltx_mcp.watermark.modulation import PERIOD, RATE, waves

Lumas = NDArray[np.float32]
"""(frames, rows, columns): the mean luma of each cell, 0..255."""

PIECE = 3 * PERIOD
_SHARED = 0.5  # of what the neighbours have in common: measured better than all of it and than none
_FLOOR = 0.5  # grey levels squared that codec and rounding leave in the calmest cell


class Folding:
    """Folds the (rows, columns) cells of frames at RATE, second by second, as they are added.

    A piece is (PERIOD + 1, cells): sums by place in the period, weighted; last the sum of the weights.
    """

    def __init__(self) -> None:
        self._pieces: list[Folded] = []
        self._window: list[NDArray[np.float32]] = []  # of a piece, and PERIOD frames on either side

    def add(self, cells: NDArray[np.float32]) -> None:
        if not self._window:
            self._window = [cells] * PERIOD
        self._window.append(cells)
        if len(self._window) == PIECE + 2 * PERIOD:
            self._fold(PIECE)

    def ended(self) -> list[Folded]:
        """Those of all frames; the last may be of less than a second."""
        while (left := len(self._window) - PERIOD) > 0:
            self._fold(min(left, PIECE))
        return self._pieces

    def _fold(self, count: int) -> None:
        window = self._window[: count + 2 * PERIOD]
        missing = count + 2 * PERIOD - len(window)  # at the end of a video
        self._pieces.append(_folded(np.stack([*window, *[window[-1]] * missing]), count))
        self._window = self._window[count:]


def _folded(lumas: Lumas, count: int) -> Folded:
    """Of `count` frames, which have PERIOD others on either side."""
    changes = lumas - _moving_mean(lumas)
    changes -= np.float32(_SHARED) * _of_neighbours(changes)
    weights = 1 / (_moving_mean(changes**2) + np.float32(_FLOOR))
    kept = slice(PERIOD, PERIOD + count)
    weighted = (changes * weights)[kept].reshape(count, -1)
    places = [weighted[place::PERIOD].sum(axis=0) for place in range(PERIOD)]
    return np.stack([*places, weights[kept].reshape(count, -1).sum(axis=0)])


def _moving_mean(lumas: Lumas) -> Lumas:
    """Over one period around each frame; of as much as there is at the ends."""
    padded = np.pad(lumas, ((PERIOD // 2, PERIOD // 2 - 1), (0, 0), (0, 0)), mode="edge")
    sums = np.cumsum(np.concatenate([np.zeros_like(padded[:1]), padded]), axis=0, dtype=np.float64)
    return ((sums[PERIOD:] - sums[:-PERIOD]) / PERIOD).astype(np.float32)


def _of_neighbours(lumas: Lumas) -> Lumas:
    """The mean of the four cells around each."""
    padded = np.pad(lumas, ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows = padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1]
    around = rows + padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:]
    return (around / 4).astype(np.float32)


def _beginnings(folded: Folded) -> Iterator[Chips]:
    """The pattern as it would be read for each time at which a half period may begin."""
    sums, weights = folded[:PERIOD], folded[PERIOD]
    for wave in waves():
        yield normalized((wave @ sums) / np.sqrt(weights))


DECODER = Decoder("frames", CARRIERS, PIECE / RATE, 5.0, _beginnings)
"""Of ten beginnings one fits at five standard deviations by chance once in 300,000 stretches."""

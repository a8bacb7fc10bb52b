"""Draws the pattern out of a film: what turns its sign with the mark's period, cell by cell, and little else.

What changes more slowly, and what neighbouring cells have in common, is taken away; cells count the less, the more is
left there. Frames are then summed by their place in the period, so that any beginning of the mark can be tried later.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, islice, repeat

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.watermark.modulation import PERIOD, RATE

Lumas = NDArray[np.float32]
"""(frames, rows, columns): the mean luma of each cell, 0..255."""

Folded = NDArray[np.float32]
"""(PERIOD + 1, cells): sums by place in the period, weighted; last the sum of the weights."""

PIECE = 3 * PERIOD
PIECE_S = PIECE / RATE
_SHARED = 0.5  # of what the neighbours have in common: measured better than all of it and than none
_FLOOR = 0.5  # grey levels squared that codec and rounding leave in the calmest cell


def folded_pieces(cells: Iterable[NDArray[np.float32]]) -> Iterator[Folded]:
    """For every second of the (rows, columns) cells of frames at RATE; the last may be of less."""
    frames = iter(cells)
    held = list(islice(frames, PIECE + PERIOD))
    before = list(repeat(held[0], PERIOD)) if held else []
    while held:
        after = held[PIECE:] or [held[-1]]
        padded = chain(before, held, repeat(after[-1], max(0, PERIOD - len(held[PIECE:]))))
        yield _folded(np.stack(list(padded)), min(PIECE, len(held)))
        before = [*before, *held[:PIECE]][-PERIOD:]
        held = [*held[PIECE:], *islice(frames, PIECE)]


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

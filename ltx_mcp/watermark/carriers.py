"""The carriers: a frame as a grid of cells, each of which is made a little lighter or darker, by a public pattern.

A grid has as many cells whatever the frame's size, so that a scaled copy needs no search. Which cells carry which
symbol, and with which sign, is drawn from SHAKE-256 of a public text: whoever has this program can read any mark.
"""

import hashlib
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.watermark.convolution import SYMBOLS, Symbols

CELLS = 2304
"""Of any grid. At 960x540 a cell is 15 pixels wide. With 2.25 times as many, less of the mark was left in moving
textures at half the size and CRF 28, and the files grew more.
"""

_SEED = b"ltx-mcp watermark, version 1"
PILOTS = 346  # cells with a known sign, 15 %: they tell where the mark is, and when its sign turns

Chips = NDArray[np.float32]
"""(CELLS,): one number for each cell, row by row."""


def grid_of(width: int, height: int) -> tuple[int, int]:
    """(rows, columns) of nearly square cells: for a wide frame, a tall one, or one between."""
    if width >= 4 / 3 * height:
        return 36, 64
    return (64, 36) if height >= 4 / 3 * width else (48, 48)


def spread(symbols: Symbols) -> Chips:
    """The pattern of +1 and -1 that carries these symbols."""
    signs, _, data = _layout()
    chips = signs.copy()
    chips[data] *= symbols[np.arange(len(data)) % SYMBOLS]
    return chips


def gather(chips: Chips) -> Symbols:
    """The symbols of a pattern as it was read; each is the sum of its cells."""
    signs, _, data = _layout()
    return np.bincount(np.arange(len(data)) % SYMBOLS, (chips * signs)[data], SYMBOLS).astype(np.float32)


def pilot(chips: Chips) -> float:
    """How well the known cells fit, in standard deviations of what cells of mean square 1 give by chance."""
    signs, known, _ = _layout()
    return float((chips * signs)[known].sum() / np.sqrt(len(known)))


def pilot_pattern() -> Chips:
    """The signs of the known cells, 0 elsewhere."""
    signs, known, _ = _layout()
    pattern = np.zeros_like(signs)
    pattern[known] = signs[known]
    return pattern


@cache
def _layout() -> tuple[Chips, NDArray[np.int64], NDArray[np.int64]]:
    """(signs of all cells, the known cells, those that carry symbols in turn).

    Drawn from SHAKE-256, because NumPy's generators may change and a watermark must stay readable.
    """
    drawn = np.frombuffer(hashlib.shake_256(_SEED).digest(8 * CELLS), dtype=">u8")
    signs = np.where(drawn & 1, 1.0, -1.0).astype(np.float32)
    order = np.argsort(drawn, kind="stable")
    return signs, order[:PILOTS], order[PILOTS:]

"""The carriers: what of a frame or of audio is made a little stronger or weaker, each by a public sign.

Which carry which symbol, and with which sign, is drawn from SHAKE-256 of a public text: whoever has this program can
read any mark.
"""

import hashlib
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.watermark.convolution import SYMBOLS, Symbols

Chips = NDArray[np.float32]
"""(count,): one number for each carrier."""


class Carriers:
    """`count` carriers, of which `pilots` have a known sign: they tell where a mark is, and when its signs turn."""

    def __init__(self, seed: bytes, count: int, pilots: int) -> None:
        self.count, self.pilots, self._seed = count, pilots, seed

    def spread(self, symbols: Symbols) -> Chips:
        """The pattern of +1 and -1 that carries these symbols."""
        signs, _, data = self._layout
        chips = signs.copy()
        chips[data] *= symbols[np.arange(len(data)) % SYMBOLS]
        return chips

    def gather(self, chips: Chips) -> Symbols:
        """The symbols of a pattern as it was read; each is the sum of its carriers."""
        signs, _, data = self._layout
        return np.bincount(np.arange(len(data)) % SYMBOLS, (chips * signs)[data], SYMBOLS).astype(np.float32)

    def pilot(self, chips: Chips) -> float:
        """How well the known ones fit, in standard deviations of what chips of mean square 1 give by chance."""
        signs, known, _ = self._layout
        return float((chips * signs)[known].sum() / np.sqrt(len(known)))

    @cached_property
    def _layout(self) -> tuple[Chips, NDArray[np.int64], NDArray[np.int64]]:
        """(all signs, the known carriers, those that carry symbols in turn).

        Drawn from SHAKE-256, because NumPy's generators may change and a watermark must stay readable.
        """
        drawn = np.frombuffer(hashlib.shake_256(self._seed).digest(8 * self.count), dtype=">u8")
        signs = np.where(drawn & 1, 1.0, -1.0).astype(np.float32)
        order = np.argsort(drawn, kind="stable")
        return signs, order[: self.pilots], order[self.pilots :]


_CLIPPED = 3.0  # standard deviations: no carrier may outvote many


def normalized(chips: NDArray[np.floating]) -> Chips:
    """Of mean square 1, without outliers."""
    most = _CLIPPED * (_size(chips) + 1e-9)
    clipped = np.clip(chips, -most, most)
    return np.asarray(clipped / (_size(clipped) + 1e-9), dtype=np.float32)


def _size(chips: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(chips**2)))

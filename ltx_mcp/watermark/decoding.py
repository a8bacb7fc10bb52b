"""From what was drawn out of frames or audio to the marks in it: where the known carriers fit, the message is decoded
and checked.

A film may hold several marks, one after another: shorter stretches are tried before longer ones. What is taken for a
mark by chance needs known carriers that fit by several standard deviations and a checksum that is right: docs/trust.md.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.watermark.base import FoundMark, Mark, Medium
from ltx_mcp.watermark.carriers import Carriers, Chips
from ltx_mcp.watermark.convolution import OWN_SYMBOLS, SYMBOLS, Symbols, decode, encode
from ltx_mcp.watermark.payload import from_bits, to_bits

Folded = NDArray[np.float32]
"""What a piece of a film says of a mark. That of a stretch is the sum of its pieces."""

_SHORTEST = 2  # pieces of a stretch


@dataclass(frozen=True)
class Decoder:
    """How the pieces of a medium are read. `beginnings` gives the chips for each time at which a mark may begin;
    `least_fit` is how well the known ones must fit at the best of them, in standard deviations.
    """

    medium: Medium
    carriers: Carriers
    piece_s: float
    least_fit: float
    beginnings: Callable[[Folded], Iterator[Chips]]

    def marks(self, pieces: Sequence[Folded]) -> tuple[FoundMark, ...]:
        """The marks of a film, by the time at which each begins."""
        readings: dict[Mark, tuple[Reading, Sequence[int]]] = {}
        explained: set[int] = set()
        for start, stop in _stretches(len(pieces)):
            if explained.issuperset(range(start, stop)):
                continue
            if (reading := self._read(np.sum(pieces[start:stop], axis=0))) is not None:
                readings.setdefault(reading.mark, (reading, range(start, stop)))
                explained.update(range(start, stop))
        places = self._places_of(list(readings), pieces)
        found = [self._found(reading, places[mark] or stretch) for mark, (reading, stretch) in readings.items()]
        return tuple(sorted(found, key=lambda each: (each.start_s, each.text)))

    def best_fit(self, folded: Folded) -> float:
        """That of the known carriers, in standard deviations, over all beginnings."""
        return max(abs(self.carriers.pilot(chips)) for chips in self.beginnings(folded))

    def _read(self, folded: Folded) -> "Reading | None":
        """The mark that runs through a stretch of film, if there is one."""
        chips = max(self.beginnings(folded), key=lambda found: abs(self.carriers.pilot(found)))
        fit = self.carriers.pilot(chips)
        if abs(fit) < self.least_fit:
            return None
        symbols = self.carriers.gather(chips * np.float32(np.sign(fit)))
        message = decode(symbols)
        mark = from_bits(message)
        return None if mark is None else Reading(mark, _agreement(symbols, encode(message)))

    def _places_of(self, marks: Sequence[Mark], pieces: Sequence[Folded]) -> dict[Mark, list[int]]:
        """The pieces that each mark is in: of a stretch that was read, some may be of another clip, or of none."""
        places: dict[Mark, list[int]] = {mark: [] for mark in marks}
        for place, piece in enumerate(pieces if marks else ()):
            fits = {mark: self._fit(piece, mark) for mark in marks}
            best = max(marks, key=fits.__getitem__)
            if fits[best] >= self.least_fit:
                places[best].append(place)
        return places

    def _fit(self, folded: Folded, mark: Mark) -> float:
        """How well what tells this mark from others of its installation fits, in standard deviations."""
        written = encode(to_bits(mark))[OWN_SYMBOLS:]
        read = (self.carriers.gather(chips)[OWN_SYMBOLS:] for chips in self.beginnings(folded))
        carriers = len(written) * (self.carriers.count - self.carriers.pilots) / SYMBOLS
        return max(abs(float(symbols @ written)) for symbols in read) / math.sqrt(carriers)

    def _found(self, reading: "Reading", places: Sequence[int]) -> FoundMark:
        return FoundMark(
            text=reading.mark.text,
            start_s=min(places) * self.piece_s,
            end_s=(max(places) + 1) * self.piece_s,
            agreement=reading.agreement,
            medium=self.medium,
        )


@dataclass(frozen=True)
class Reading:
    mark: Mark
    agreement: float


def _stretches(count: int) -> Iterator[tuple[int, int]]:
    """(first, one past the last) piece: of two from every piece on, then of twice as many each, at last the whole."""
    length = min(_SHORTEST, count)
    while length < count:
        for start in range(0, count - length + 1, max(1, length // 2)):
            yield start, start + length
        length *= 2
    if count:
        yield 0, count


def _agreement(read: Symbols, written: Symbols) -> float:
    return round(float(np.mean(np.sign(read) == written)), 3)

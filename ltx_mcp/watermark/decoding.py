"""From what was drawn out of a film to the marks in it: where the known cells fit, the message is decoded and checked.

A film may hold several marks, one after another: shorter stretches are tried before longer ones. What is taken for a
mark by chance needs known cells that fit at five standard deviations and a checksum that is right: docs/trust.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ltx_mcp.watermark.base import FoundMark, Mark
from ltx_mcp.watermark.carriers import Chips, gather, pilot
from ltx_mcp.watermark.convolution import Symbols, decode, encode
from ltx_mcp.watermark.lock_in import PIECE_S, Folded
from ltx_mcp.watermark.modulation import PERIOD, waves
from ltx_mcp.watermark.payload import from_bits

PILOT_FITS = 5.0
"""Standard deviations. Of ten beginnings one fits so well by chance once in 300,000 stretches."""

_CLIPPED = 3.0  # standard deviations: no cell may outvote many
_SHORTEST = 2  # pieces, 2 s


@dataclass(frozen=True)
class Reading:
    mark: Mark
    agreement: float


def read_stretch(folded: Folded) -> Reading | None:
    """The mark that runs through a stretch of film, if there is one."""
    chips = max(beginnings(folded), key=lambda found: abs(pilot(found)))
    fit = pilot(chips)
    if abs(fit) < PILOT_FITS:
        return None
    symbols = gather(chips * np.float32(np.sign(fit)))
    message = decode(symbols)
    mark = from_bits(message)
    return None if mark is None else Reading(mark, _agreement(symbols, encode(message)))


def pilot_fit(folded: Folded) -> float:
    """The best fit of the known cells, in standard deviations, over all beginnings of the period."""
    return max(abs(pilot(chips)) for chips in beginnings(folded))


def read_pieces(pieces: Sequence[Folded]) -> tuple[FoundMark, ...]:
    """The marks of a film, by the time at which each begins."""
    found: dict[Mark, tuple[set[int], float]] = {}
    for start, stop in _stretches(len(pieces)):
        known = set().union(*(places for places, _ in found.values()))
        places = set(range(start, stop))
        if places <= known:
            continue
        if (reading := read_stretch(np.sum(pieces[start:stop], axis=0))) is not None:
            before, best = found.get(reading.mark, (set(), 0.0))
            found[reading.mark] = (before | (places - known), max(best, reading.agreement))
    marks = [_found(mark, places, agreement) for mark, (places, agreement) in found.items()]
    return tuple(sorted(marks, key=lambda each: (each.start_s, each.text)))


def _stretches(count: int) -> Iterator[tuple[int, int]]:
    """(first, one past the last) piece: of 2 s from every piece on, then of twice as many each, at last the whole."""
    length = min(_SHORTEST, count)
    while length < count:
        for start in range(0, count - length + 1, max(1, length // 2)):
            yield start, start + length
        length *= 2
    if count:
        yield 0, count


def beginnings(folded: Folded) -> Iterator[Chips]:
    """The pattern as it would be read for each time at which a half period may begin, of mean square 1."""
    sums, weights = folded[:PERIOD], folded[PERIOD]
    for wave in waves():
        chips = (wave @ sums) / np.sqrt(weights)
        chips = np.clip(chips, *(np.array([-_CLIPPED, _CLIPPED]) * (_size(chips) + 1e-9)))
        yield (chips / (_size(chips) + 1e-9)).astype(np.float32)


def _size(chips: Chips) -> float:
    return float(np.sqrt(np.mean(chips**2)))


def _agreement(read: Symbols, written: Symbols) -> float:
    return round(float(np.mean(np.sign(read) == written)), 3)


def _found(mark: Mark, places: set[int], agreement: float) -> FoundMark:
    start_s, end_s = min(places) * PIECE_S, (max(places) + 1) * PIECE_S
    return FoundMark(text=mark.text, start_s=round(start_s, 1), end_s=round(end_s, 1), agreement=agreement)

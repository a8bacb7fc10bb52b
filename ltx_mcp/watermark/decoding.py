"""From what was drawn out of a film to the marks in it: where the known cells fit, the message is decoded and checked.

A film may hold several marks, one after another: shorter stretches are tried before longer ones. What is taken for a
mark by chance needs known cells that fit at five standard deviations and a checksum that is right: docs/trust.md.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ltx_mcp.watermark.base import FoundMark, Mark
from ltx_mcp.watermark.carriers import CELLS, PILOTS, Chips, gather, pilot
from ltx_mcp.watermark.convolution import OWN_SYMBOLS, SYMBOLS, Symbols, decode, encode
from ltx_mcp.watermark.lock_in import PIECE_S, Folded
from ltx_mcp.watermark.modulation import PERIOD, waves
from ltx_mcp.watermark.payload import from_bits, to_bits

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
    readings: dict[Mark, tuple[Reading, Sequence[int]]] = {}
    explained: set[int] = set()
    for start, stop in _stretches(len(pieces)):
        if explained.issuperset(range(start, stop)):
            continue
        if (reading := read_stretch(np.sum(pieces[start:stop], axis=0))) is not None:
            readings.setdefault(reading.mark, (reading, range(start, stop)))
            explained.update(range(start, stop))
    seconds = _seconds_of(list(readings), pieces)
    found = [_found(reading, seconds[mark] or stretch) for mark, (reading, stretch) in readings.items()]
    return tuple(sorted(found, key=lambda each: (each.start_s, each.text)))


def _seconds_of(marks: Sequence[Mark], pieces: Sequence[Folded]) -> dict[Mark, list[int]]:
    """The pieces that each mark is in: of a stretch that was read, some may be of another clip, or of none."""
    seconds: dict[Mark, list[int]] = {mark: [] for mark in marks}
    for place, piece in enumerate(pieces if marks else ()):
        fits = {mark: _fit(piece, mark) for mark in marks}
        best = max(marks, key=fits.__getitem__)
        if fits[best] >= PILOT_FITS:
            seconds[best].append(place)
    return seconds


def _fit(folded: Folded, mark: Mark) -> float:
    """How well what tells this mark from others of its installation fits, in standard deviations."""
    written = encode(to_bits(mark))[OWN_SYMBOLS:]
    fits = (abs(float(gather(chips)[OWN_SYMBOLS:] @ written)) for chips in beginnings(folded))
    return max(fits) / math.sqrt(len(written) * (CELLS - PILOTS) / SYMBOLS)


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


def _found(reading: Reading, places: Sequence[int]) -> FoundMark:
    start_s, end_s = min(places) * PIECE_S, (max(places) + 1) * PIECE_S
    return FoundMark(text=reading.mark.text, start_s=start_s, end_s=end_s, agreement=reading.agreement)

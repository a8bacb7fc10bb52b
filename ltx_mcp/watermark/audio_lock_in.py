"""Draws the pattern out of audio: what turns its sign from step to step, band by band, and little else.

What lasts longer, and what neighbouring bands have in common, is taken away; bands count the less, the more is left
there, and hardly where they lie under louder ones. A period is a piece.
"""

from collections.abc import Iterator

import numpy as np

from ltx_mcp.watermark.audio_bands import BANDS, Levels
from ltx_mcp.watermark.audio_marker import moving_mean
from ltx_mcp.watermark.audio_pattern import CARRIERS, PATTERNS, PERIOD, PERIOD_S, STEP
from ltx_mcp.watermark.carriers import Chips, normalized
from ltx_mcp.watermark.decoding import Decoder, Folded

_DEPTH_DB = 70.0  # below the loudest level all is silence
_NEAR = 6  # bands on either side, among which one stands out
_AROUND = 8  # bands on either side, which have what is common
_CALM = 16  # windows on either side, by which a band's noise is judged
_FLOOR = 0.5  # square decibels that codec and rounding leave in the calmest band
_UNDER = 0.3  # times the mean of the bands around: below it, a band counts for less
_FAINT = 1e-3  # of the mean energy
_LEAST = 1e-3  # of a weight
_MOST_DB = 12.0  # no window may outvote many


def folded_pieces(energies: Levels) -> list[Folded]:
    """Each (2, PERIOD, BANDS): weighted changes of level, and their weights; the last may be of less than a period."""
    if not energies.any():
        return []
    changes, weights = _changes(energies)
    missing = -len(changes) % PERIOD
    both = np.pad(np.stack([changes * weights, weights]), ((0, 0), (0, missing), (0, 0)))
    return [both[:, first : first + PERIOD] for first in range(0, both.shape[1], PERIOD)]


def _changes(energies: Levels) -> tuple[Levels, Levels]:
    """In decibels, and how much each counts."""
    silence = energies.max() * np.float32(10 ** (-_DEPTH_DB / 10))
    smooth = moving_mean(energies, STEP // 2, 0) + silence
    stands_out = np.clip(smooth / moving_mean(smooth, _NEAR, 1) / _UNDER, 10 * _LEAST, 1)
    counts = (stands_out * np.clip(smooth / (smooth.mean() * _FAINT), _LEAST, 1)).astype(np.float32)
    decibels = np.float32(10) * np.log10(energies + silence)
    changes = decibels - moving_mean(decibels, STEP, 0)
    changes -= moving_mean(changes * counts, _AROUND, 1) / moving_mean(counts, _AROUND, 1)
    weights = counts / (moving_mean(changes**2, _CALM, 0) + np.float32(_FLOOR))
    return np.clip(changes, -_MOST_DB, _MOST_DB), weights


_WAVE = np.hanning(STEP + 2)[1:-1, None].astype(np.float32)  # windows across the turn of a sign say little


def _beginnings(folded: Folded) -> Iterator[Chips]:
    """The patterns as they would be read for each window at which a period may begin."""
    for first in range(PERIOD):
        changes, weights = np.roll(folded, -first, axis=1).reshape(2, PATTERNS, 2, STEP, BANDS)
        louder, softer = np.moveaxis((changes * _WAVE).sum(axis=2), 1, 0)
        counted = (weights * _WAVE**2).sum(axis=(1, 2))
        # By the root of what makes their noise alike: between that and the surest bands alone, measured best.
        yield normalized(((louder - softer) / (counted + np.float32(1e-9)) ** 0.25).ravel())


DECODER = Decoder("audio", CARRIERS, PERIOD_S, 4.0, _beginnings)
"""Of 128 beginnings one fits at four standard deviations by chance once in 120 stretches; then comes the checksum."""

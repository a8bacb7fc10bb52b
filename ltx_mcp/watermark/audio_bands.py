"""Audio as levels in narrow bands, and back with some of them raised or lowered: overlapping windows of its spectrum.

From 400 Hz to 7.15 kHz: what lies above is the first that lossy codecs drop.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray

RATE = 48_000  # Hz
HOP = 960  # samples, 20 ms, between two windows
WINDOW = 4 * HOP  # 12.5 Hz a bin
BANDS = 180
_FIRST, _WIDTH = 32, 3  # bins: the first band's first, and those of each band
_BINS = slice(_FIRST, _FIRST + _WIDTH * BANDS)
_BLOCK = 256  # windows that are transformed at once: a longer clip takes no more memory

Samples = NDArray[np.float32]
"""(n,) at RATE."""

Levels = NDArray[np.float32]
"""(windows, BANDS): energies. A window is centred WINDOW / 2 - HOP samples before its own HOP samples begin."""

_HANN = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)
_OVERLAP = 2.0  # the sum of the squares of the windows at each sample


def centre(window: int | NDArray[np.int64]) -> int | NDArray[np.int64]:
    """The sample in the middle of a window."""
    return (window + 1) * HOP - WINDOW // 2


def levels(pieces: Iterable[Samples]) -> Levels:
    """Of audio that comes in pieces of any length, until each sample was in WINDOW / HOP windows."""
    found = [np.zeros((0, BANDS), dtype=np.float32)]
    for windows in _windows(pieces):
        energy = np.abs(np.fft.rfft(windows * _HANN)[:, _BINS]) ** 2
        found.append(energy.reshape(-1, BANDS, _WIDTH).sum(axis=2))
    return np.concatenate(found)


def with_gains(samples: Samples, gains: Levels) -> Samples:
    """The audio whose bands are as many times as strong in each window. A gain of 1 leaves samples as they are, bit for
    bit.
    """
    changed = np.zeros((len(gains) + WINDOW // HOP - 1, HOP), dtype=np.float32)
    first = 0
    for windows in _windows([samples]):
        spectra = np.fft.rfft(windows * _HANN)
        factors = np.zeros(spectra.shape, dtype=np.float32)
        factors[:, _BINS] = np.repeat(gains[first : first + len(windows)] - 1, _WIDTH, axis=1)
        parts = (np.fft.irfft(spectra * factors, WINDOW) * (_HANN / _OVERLAP)).astype(np.float32)
        for part in range(WINDOW // HOP):
            changed[first + part : first + part + len(windows)] += parts[:, part * HOP : (part + 1) * HOP]
        first += len(windows)
    return samples + changed.ravel()[WINDOW - HOP :][: len(samples)]


def _windows(pieces: Iterable[Samples]) -> Iterator[NDArray[np.float32]]:
    """(at most _BLOCK, WINDOW): all windows in order, the first and last filled up with silence."""
    silence = np.zeros(WINDOW - HOP, dtype=np.float32)
    held = silence
    for piece in chain(pieces, [silence]):
        held = np.concatenate([held, piece])
        if len(held) < WINDOW:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(held, WINDOW)[::HOP]
        for first in range(0, len(windows), _BLOCK):
            yield windows[first : first + _BLOCK]
        held = held[len(windows) * HOP :]

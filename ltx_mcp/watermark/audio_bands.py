"""Audio as levels in narrow bands, and back with some of them raised or lowered: overlapping windows of its spectrum.

From 400 Hz to 7.15 kHz: what lies above is the first that lossy codecs drop.
"""

from collections.abc import Generator, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.types.frames import Audio

RATE = 48_000  # Hz
HOP = 960  # samples, 20 ms, between two windows
WINDOW = 4 * HOP  # 12.5 Hz a bin
BANDS = 180
_FIRST, _WIDTH = 32, 3  # bins: the first band's first, and those of each band
_BINS = slice(_FIRST, _FIRST + _WIDTH * BANDS)
_BLOCK = 256  # windows that are transformed at once: a longer clip takes no more memory

Levels = NDArray[np.float32]
"""(windows, BANDS): energies, summed over the channels."""

_HANN = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)
_OVERLAP = 2.0  # the sum of the squares of the windows at each sample


def centre(window: int | NDArray[np.int64]) -> int | NDArray[np.int64]:
    """The sample in the middle of a window."""
    return (window + 1) * HOP - WINDOW // 2


def levels(pieces: Iterable[Audio]) -> Levels:
    """Of audio at RATE that comes in pieces of any length, until each sample was in WINDOW / HOP windows."""
    found = [np.zeros((0, BANDS), dtype=np.float32)]
    for windows in _windows(pieces):
        energy = np.abs(np.fft.rfft(windows * _HANN)[..., _BINS]) ** 2
        found.append(energy.reshape(*windows.shape[:2], BANDS, _WIDTH).sum(axis=(0, 3)))
    return np.concatenate(found)


def with_gains(audio: Audio, gains: Levels) -> Audio:
    """The audio whose bands are as many times as strong in each window. A gain of 1 leaves samples as they are, bit for
    bit.
    """
    channels, samples = audio.shape
    changed = np.zeros((channels, len(gains) + WINDOW // HOP - 1, HOP), dtype=np.float32)
    first = 0
    for windows in _windows([audio]):
        spectra, last = np.fft.rfft(windows * _HANN), first + windows.shape[1]
        factors = np.zeros(spectra.shape[1:], dtype=np.float32)
        factors[:, _BINS] = np.repeat(gains[first:last] - 1, _WIDTH, axis=1)
        parts = (np.fft.irfft(spectra * factors, WINDOW) * (_HANN / _OVERLAP)).astype(np.float32)
        for part in range(WINDOW // HOP):
            changed[:, first + part : last + part] += parts[..., part * HOP : (part + 1) * HOP]
        first = last
    return audio + changed.reshape(channels, -1)[:, WINDOW - HOP :][:, :samples]


def _windows(pieces: Iterable[Audio]) -> Iterator[NDArray[np.float32]]:
    """(channels, at most _BLOCK, WINDOW): all windows in order, the first and last filled up with silence."""
    held: Audio | None = None
    for piece in pieces:
        held = np.concatenate([_silence(piece) if held is None else held, piece], axis=1)
        held = yield from _whole(held)
    if held is not None:
        yield from _whole(np.concatenate([held, _silence(held)], axis=1))


def _whole(held: Audio) -> Generator[NDArray[np.float32], None, Audio]:
    """The windows that are whole; returns the samples that are left of them."""
    if held.shape[1] < WINDOW:
        return held
    windows = np.lib.stride_tricks.sliding_window_view(held, WINDOW, axis=1)[:, ::HOP]
    for first in range(0, windows.shape[1], _BLOCK):
        yield windows[:, first : first + _BLOCK]
    return held[:, windows.shape[1] * HOP :]


def _silence(audio: Audio) -> Audio:
    return np.zeros((len(audio), WINDOW - HOP), dtype=np.float32)

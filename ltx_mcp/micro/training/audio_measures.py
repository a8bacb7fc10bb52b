"""What can be heard in a sound by plain signal processing: pitch, loudness, clicks, whether it rises. numpy only."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Trend = Literal["rising", "falling", "steady", "silent"]

WINDOW_S = 0.1
SILENT_DB = -45.0  # below full scale
_TONES_HZ = (250, 2800)  # where the world's tones lie; clicks lie above
_RISES = 1.25  # from the first third to the last; the world's smallest step is 1.2


def loudness_db(wave: Array) -> float:
    """RMS of all channels in dB below full scale; -120 for nothing at all."""
    return float(20 * np.log10(max(np.sqrt(np.mean(np.square(wave, dtype=np.float64))), 1e-6)))


def pitches(wave: Array, rate: int) -> NDArray[np.float64]:
    """The strongest tone in Hz in each whole 0.1 s of (channels, samples), zero where the tones are silent.

    The channels' powers are summed, so a sound on one side counts.
    """
    spectra = _spectra(wave, rate, WINDOW_S)
    lines = np.arange(spectra.shape[1]) / WINDOW_S
    power = np.where((lines >= _TONES_HZ[0]) & (lines <= _TONES_HZ[1]), spectra, 0)
    loud = 10 * np.log10(power.sum(1) + 1e-12) > SILENT_DB
    return np.where(loud, lines[power.argmax(1)], 0.0)


def clicks(wave: Array, rate: int) -> list[float]:
    """The seconds at which sound above the tones sets in, to 10 ms."""
    spectra = _spectra(wave, rate, 0.01)
    above = 10 * np.log10(spectra[:, int(_TONES_HZ[1] * 0.01) + 3 :].sum(1) + 1e-12) > -36
    starts = np.flatnonzero(above & ~np.concatenate([[False], above[:-1]]))
    return [float(start) * 0.01 for start in starts]


def trend(wave: Array, rate: int) -> Trend:
    """Whether the strongest tone rises or falls from the first third of the sound to the last."""
    track = pitches(wave, rate)
    track = track[track > 0]
    if not len(track):
        return "silent"
    third = max(1, len(track) // 3)
    change = float(np.median(track[-third:]) / np.median(track[:third]))
    return "rising" if change > _RISES else "falling" if change < 1 / _RISES else "steady"


def _spectra(wave: Array, rate: int, window_s: float) -> Array:
    """Power in each FFT line of each window: (windows, lines). The lines of a window sum to its mean square."""
    size = round(rate * window_s)
    count = wave.shape[-1] // size
    hann = np.hanning(size + 1)[:-1]
    cut = wave[..., : count * size].reshape(-1, count, size) * hann
    power = np.square(np.abs(np.fft.rfft(cut))).mean(0)
    return np.asarray(power * 2 / (size * np.square(hann).sum()))

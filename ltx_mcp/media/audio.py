"""Sound on one timeline: brought to one rate, laid at its time, crossed over without a click. Float32 (2, samples)."""

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]

RATE = 48_000  # Hz of everything here: what is delivered
FADE_S = 0.25  # long enough that two rooms' noises pass into each other, short enough to spare a word
CUT_S = 0.02  # where sound just ends: no click, and nothing else lost


def laid(sound: Audio, sample_rate: int, at: int, samples: int) -> Audio:
    """(2, samples): silence, and from sample `at` on the sound, one channel or two, as far as there is room."""
    resampled = at_rate(sound, sample_rate)
    whole = np.zeros((2, samples), dtype=np.float32)
    room = max(0, min(resampled.shape[1], samples - at))
    whole[:, at : at + room] = resampled[:, :room]
    return whole


def at_rate(sound: Audio, sample_rate: int) -> Audio:
    """The same at `RATE`, exactly band-limited: its spectrum is continued with zeros, or cut."""
    if sample_rate == RATE:
        return sound
    samples = round(sound.shape[1] * RATE / sample_rate)
    spectrum = np.fft.rfft(sound)
    resized = np.zeros((len(sound), samples // 2 + 1), dtype=spectrum.dtype)
    shared = min(resized.shape[1], spectrum.shape[1])
    resized[:, :shared] = spectrum[:, :shared]
    resampled: Audio = (np.fft.irfft(resized, samples) * (samples / max(1, sound.shape[1]))).astype(np.float32)
    return resampled


def crossed(old: Audio, new: Audio, start: int, end: int) -> Audio:
    """`old` before sample `start`, `new` from `end` on, between them the one fading into the other.

    At equal power: the sounds know nothing of each other, so their powers add, and the loudness stays.
    """
    turn = np.linspace(0, np.pi / 2, max(0, end - start), endpoint=False)
    between = old[:, start:end] * np.cos(turn) + new[:, start:end] * np.sin(turn)
    joined: Audio = np.clip(np.concatenate([old[:, :start], between, new[:, end:]], axis=1), -1, 1).astype(np.float32)
    return joined

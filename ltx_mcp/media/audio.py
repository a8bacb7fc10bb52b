"""Audio on one timeline: resampled, placed at its time, crossfaded without a click. Arrays as `types.frames.Audio`."""

import numpy as np

from ltx_mcp.types.frames import Audio

SAMPLE_RATE = 48_000  # Hz: of the delivered AAC, and of all that is mixed
CROSSFADE_S = 0.25  # long enough that two rooms' noises pass into each other, short enough to spare a word
DECLICK_S = 0.02  # a fade where audio just ends: no click, and nothing else lost


def place(audio: Audio, sample_rate: int, at: int, samples: int) -> Audio:
    """(2, samples) at SAMPLE_RATE: silence, and from sample `at` on the mono or stereo audio, as far as it fits."""
    resampled = resample(audio, sample_rate)
    placed = np.zeros((2, samples), dtype=np.float32)
    room = max(0, min(resampled.shape[1], samples - at))
    placed[:, at : at + room] = resampled[:, :room]
    return placed


def resample(audio: Audio, sample_rate: int) -> Audio:
    """The same at SAMPLE_RATE, exactly band-limited: its spectrum is continued with zeros, or cut."""
    if sample_rate == SAMPLE_RATE:
        return audio
    samples = round(audio.shape[1] * SAMPLE_RATE / sample_rate)
    spectrum = np.fft.rfft(audio)
    resized = np.zeros((len(audio), samples // 2 + 1), dtype=spectrum.dtype)
    shared = min(resized.shape[1], spectrum.shape[1])
    resized[:, :shared] = spectrum[:, :shared]
    resampled: Audio = (np.fft.irfft(resized, samples) * (samples / max(1, audio.shape[1]))).astype(np.float32)
    return resampled


def crossfade(old: Audio, new: Audio, start: int, end: int) -> Audio:
    """`old` before sample `start`, `new` from `end` on, between them the one fading into the other.

    At equal power: the two are uncorrelated, so their powers add, and the loudness stays.
    """
    angle = np.linspace(0, np.pi / 2, max(0, end - start), endpoint=False)
    between = old[:, start:end] * np.cos(angle) + new[:, start:end] * np.sin(angle)
    joined: Audio = np.clip(np.concatenate([old[:, :start], between, new[:, end:]], axis=1), -1, 1).astype(np.float32)
    return joined

"""The micro model's mel spectrum: what its audio VAE codes and its vocoder plays. numpy only.

LTX-2.3 takes log(max(mel, 1e-5)). Here it is log(1 + mel / FLOOR) instead, which is exactly zero in silence and nearly
straight for the softest sounds, so that small errors stay soft. Magnitudes are such that a sine of amplitude A has A.
"""

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.micro.training.sound import HOP, SAMPLE_RATE

Array = NDArray[np.floating[Any]]

MEL_BINS = 32  # LTX-2.3 has 64; 32 are enough to keep the world's pitches apart
FLOOR = 0.01  # of full scale
_WINDOW = 320  # samples, Hann, around the middle of each frame: blind at 100 Hz off, where the next tone is
_FFT = 512


def mel(wave: Array) -> NDArray[np.float32]:
    """Samples (..., 2, frames * 160) in -1..1 to (..., 2, frames, MEL_BINS); silence is zero."""
    margin = (_WINDOW - HOP) // 2
    padded = np.pad(wave, [(0, 0)] * (wave.ndim - 1) + [(margin, margin)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW, -1)[..., ::HOP, :]
    hann = np.hanning(_WINDOW + 1)[:-1]
    magnitude = np.abs(np.fft.rfft(windows * hann, _FFT)) * (2 / hann.sum())
    return np.asarray(np.log1p(magnitude @ filters().T / FLOOR), np.float32)


@functools.cache
def filters() -> Array:
    """(MEL_BINS, 257): triangles evenly spaced in mel (HTK's formula) from 0 to 8 kHz."""
    top = 2595 * math.log10(1 + SAMPLE_RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, MEL_BINS + 2) / 2595) - 1)
    frequencies = np.linspace(0, SAMPLE_RATE / 2, _FFT // 2 + 1)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((frequencies - low) / (middle - low), (high - frequencies) / (high - middle)).clip(0)
    lines = _FFT / _WINDOW  # how many lines of the padded FFT hold one tone: it counts once
    return np.asarray(triangles / (1.25 * lines))

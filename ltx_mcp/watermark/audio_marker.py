"""Marks audio: each band about a decibel louder or softer, and less where it stands alone and would be noticed."""

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.types.frames import Audio
from ltx_mcp.watermark.audio_bands import Levels, centre, levels, with_gains
from ltx_mcp.watermark.audio_pattern import CARRIERS, signs_at
from ltx_mcp.watermark.base import Mark
from ltx_mcp.watermark.convolution import encode
from ltx_mcp.watermark.payload import to_bits

_DB = 1.2  # of a band among bands as loud
_ALONE = 2.5  # times as loud as the bands around it: from there on, the change shrinks with the ratio
_WINDOWS, _BANDS = 4, 6  # on either side, of what is around
_SILENCE = np.float32(1e-12)


def mark_audio(mark: Mark, audio: Audio, made: range) -> Audio:
    """See `Watermarker`."""
    if audio.shape[1] == 0:
        return audio
    energies = levels([audio])
    signs = signs_at(CARRIERS.spread(encode(to_bits(mark))), len(energies))
    middles = centre(np.arange(len(energies)))
    signs[(middles < made.start) | (middles >= made.stop)] = 0
    gains = np.float32(10) ** (decibels(energies) * signs / np.float32(20))
    marked = with_gains(audio, gains)
    kept = np.r_[0 : made.start, min(made.stop, audio.shape[1]) : audio.shape[1]]
    marked[:, kept] = audio[:, kept]
    return np.clip(marked, -1, 1)


def decibels(energies: Levels) -> NDArray[np.float32]:
    """(windows, BANDS): by how much each band may change."""
    around_time = moving_mean(energies, _WINDOWS, 0) + _SILENCE
    ratio = around_time / moving_mean(around_time, _BANDS, 1)
    return np.asarray(_DB * np.minimum(1, _ALONE / ratio), dtype=np.float32)


def moving_mean(values: NDArray[np.float32], reach: int, axis: int) -> NDArray[np.float32]:
    """Over `reach` values on either side of each and itself; those at the ends count as often as is needed."""
    padded = np.moveaxis(values, axis, 0)
    padded = np.pad(padded, ((reach + 1, reach), *[(0, 0)] * (values.ndim - 1)), mode="edge")
    sums = np.cumsum(padded, axis=0, dtype=np.float64)
    width = 2 * reach + 1
    return np.moveaxis(((sums[width:] - sums[:-width]) / width).astype(np.float32), 0, axis)

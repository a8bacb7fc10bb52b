"""Audio on one timeline: sample rates, places, and crossfades that nobody hears."""

import numpy as np
import pytest

from ltx_mcp.media.audio import SAMPLE_RATE, crossfade, place, resample


def tone(hertz: float, seconds: float, rate: int = SAMPLE_RATE, phase: float = 0.0) -> np.ndarray:
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate + phase)
    return np.stack([wave, wave]).astype(np.float32)


@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100, 96_000])
def test_another_rate_keeps_pitch_loudness_and_length(rate: int) -> None:
    resampled = resample(tone(440, 1.0, rate), rate)
    assert resampled.shape == (2, SAMPLE_RATE)
    assert resampled.dtype == np.float32
    assert np.abs(resampled - tone(440, 1.0)).max() < 0.01


def test_audio_is_placed_at_its_time_and_one_channel_becomes_two() -> None:
    whole = place(np.ones((1, 100), np.float32), SAMPLE_RATE, 950, 1000)
    assert whole.shape == (2, 1000)
    assert (whole[:, :950] == 0).all()
    assert (whole[:, 950:] == 1).all()
    assert not place(np.ones((1, 100), np.float32), SAMPLE_RATE, 2000, 1000).any(), "there is no room for it"


def test_a_crossfade_changes_nothing_outside_itself_and_keeps_the_loudness_inside() -> None:
    random = np.random.default_rng(1)
    old, new = (random.normal(0, 0.1, (2, SAMPLE_RATE)).astype(np.float32) for _ in range(2))
    joined = crossfade(old, new, 20_000, 32_000)
    assert np.array_equal(joined[:, :20_000], old[:, :20_000])
    assert np.array_equal(joined[:, 32_000:], new[:, 32_000:])
    assert joined[:, 20_000:32_000].std() == pytest.approx(0.1, rel=0.05), "a linear one would lose 3 dB in its middle"


def test_a_crossfade_does_not_click_where_a_cut_would() -> None:
    old, new = tone(440, 1.0), tone(300, 1.0, phase=2.0)
    jump = np.abs(np.diff(crossfade(old, new, 20_000, 32_000)[0])).max()
    cut = np.abs(np.diff(crossfade(old, new, 26_000, 26_000)[0])).max()
    assert jump < 0.06 < cut, "a tone of 440 Hz moves by 0.03 a sample"

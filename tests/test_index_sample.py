"""The sampler keeps a few small frames, always the first and the last, however long and large the clip is."""

import numpy as np
import pytest

from ltx_mcp.index.sample import FrameSampler


def seen(fps: float, frames: int, shown: int | None = None, size: tuple[int, int] = (8, 8)) -> FrameSampler:
    sampler = FrameSampler(fps, frames)
    for index in range(frames if shown is None else shown):
        sampler.see(index, np.full((*size, 3), index % 256, dtype=np.uint8))
    return sampler


@pytest.mark.parametrize(("fps", "frames"), [(24, 121), (8, 4), (25, 250), (60, 1200), (24, 1), (24, 2), (29.97, 151)])
def test_first_and_last_are_always_kept_and_times_are_those_of_the_frames(fps: float, frames: int) -> None:
    samples = seen(fps, frames).samples
    indices = [round(float(time) * fps) for time in samples.times_s]
    assert (indices[0], indices[-1]) == (0, frames - 1)
    assert indices == sorted(set(indices))
    assert [int(frame[0, 0, 0]) for frame in samples.frames] == [index % 256 for index in indices]
    assert samples.times_s.dtype == np.float64


def test_a_clip_gives_two_samples_a_second_up_to_forty() -> None:
    assert len(seen(24, 121).samples.frames) == 11
    assert len(seen(24, 24 * 300).samples.frames) == 40


def test_a_stream_that_ends_early_still_gives_its_last_frame() -> None:
    samples = seen(24, 240, shown=100).samples
    assert samples.times_s[-1] == pytest.approx(99 / 24)


def test_a_stream_longer_than_planned_still_gives_its_last_frame_and_no_more_than_forty() -> None:
    samples = seen(24, 24 * 20, shown=24 * 21).samples
    assert samples.times_s[-1] == pytest.approx((24 * 21 - 1) / 24)
    assert len(samples.frames) == 40


def test_no_frames_give_no_samples() -> None:
    samples = FrameSampler(24, 24).samples
    assert samples.frames == []
    assert samples.times_s.shape == (0,)

"""The sampler keeps a few small frames, always the first and the last, however long and large the clip is."""

from pathlib import Path

import numpy as np
import pytest

from ltx_mcp.index.sample import FrameSampler, Samples, sampled_places
from ltx_mcp.index.spool import SpooledFrames


def grey(index: int) -> int:
    """Rises and falls by one from frame to frame, so that no change is a cut."""
    return abs((index + 255) % 510 - 255)


def seen(fps: float, frames: int, shown: int | None = None, size: tuple[int, int] = (8, 8)) -> FrameSampler:
    sampler = FrameSampler(fps, frames)
    for index in range(frames if shown is None else shown):
        sampler.see(index, np.full((*size, 3), grey(index), dtype=np.uint8))
    return sampler


@pytest.mark.parametrize(("fps", "frames"), [(24, 121), (8, 4), (25, 250), (60, 1200), (24, 1), (24, 2), (29.97, 151)])
def test_first_and_last_are_always_kept_and_times_are_those_of_the_frames(fps: float, frames: int) -> None:
    samples = seen(fps, frames).samples
    indices = [round(float(time) * fps) for time in samples.times_s]
    assert (indices[0], indices[-1]) == (0, frames - 1)
    assert indices == sorted(set(indices))
    assert [int(frame[0, 0, 0]) for frame in samples.frames] == [grey(index) for index in indices]
    assert samples.times_s.dtype == np.float64


def test_a_clip_gives_two_samples_a_second_up_to_forty() -> None:
    assert len(seen(24, 121).samples.frames) == 11
    assert len(seen(24, 24 * 60).samples.frames) == 40
    gaps_s = np.diff(seen(24, 24 * 300).samples.times_s)
    assert 1.9 < gaps_s.min() <= gaps_s.max() < 2.1


def test_a_stream_that_ends_early_still_gives_its_last_frame() -> None:
    samples = seen(24, 240, shown=100).samples
    assert samples.times_s[-1] == pytest.approx(99 / 24)


def test_a_stream_longer_than_planned_still_gives_its_last_frame() -> None:
    samples = seen(24, 24 * 20, shown=24 * 21).samples
    assert samples.times_s[-1] == pytest.approx((24 * 21 - 1) / 24)
    assert len(samples.frames) == 41


def test_no_frames_give_no_samples() -> None:
    samples = FrameSampler(24, 24).samples
    assert samples.frames == []
    assert samples.times_s.shape == (0,)


def test_every_shot_has_a_frame_and_they_are_told_again_from_the_cuts() -> None:
    sampler, kept = FrameSampler(24, 24 * 60), []
    for index in range(24 * 60):
        shot = (index + 7) // 25  # of a second each, between samples that lie 1.5 s apart
        if sampler.see(index, np.full((8, 8, 3), shot * 97 % 256, dtype=np.uint8)):
            kept.append(index)
    assert {(index + 7) // 25 for index in kept} == set(range(58))
    assert kept == sampled_places(24, 24 * 60, cuts_s=sampler.cuts_s)


def test_long_footage_is_kept_on_the_disk(tmp_path: Path) -> None:
    def look(folder: Path | None) -> Samples:
        sampler = FrameSampler(2, 600, folder=folder)
        for index in range(600):
            sampler.see(index, np.full((8, 8, 3), index % 200, dtype=np.uint8))
        return sampler.samples

    spooled, held = look(tmp_path), look(None)
    assert spooled.times_s.tolist() == held.times_s.tolist()
    assert len(spooled.frames) == len(held.frames) > 100
    assert isinstance(spooled.frames, SpooledFrames)
    errors = [
        int(np.abs(one.astype(int) - other).max()) for one, other in zip(spooled.frames, held.frames, strict=True)
    ]
    assert max(errors) <= 2
    assert [frame[0, 0, 0] for frame in spooled.frames[8:11]] == [
        frame[0, 0, 0] for frame in list(spooled.frames)[8:11]
    ]

"""Cuts are found to the frame while a video streams by, and motion is none, at whatever rate it is read."""

import numpy as np
import pytest
from media_kit import film

from ltx_mcp.media.footage import open_footage, read_video
from ltx_mcp.media.shot_detection import ShotDetector
from ltx_mcp.types.frames import Frame

BIKES_CUTS_S = (1.2, 3.04, 5.48, 7.48, 9.68)  # seen by stepping through bikes.mp4


def cuts_s(frames: list[Frame], fps: float) -> tuple[float, ...]:
    detector = ShotDetector(fps)
    for index, frame in enumerate(frames):
        detector.see(index, frame)
    return detector.cuts_s


@pytest.mark.parametrize(("name", "fps", "cuts"), [
    ("bikes.mp4", 25.0, BIKES_CUTS_S), ("bikes.mp4", 60.0, BIKES_CUTS_S), ("carphone_pristine.mp4", 30.0, ()),
    ("carphone_distorted.mp4", 30.0, ()),
])  # fmt: skip
def test_cuts_of_real_film_are_found_and_nothing_else(name: str, fps: float, cuts: tuple[float, ...]) -> None:
    footage = open_footage(film(name), name)
    frames = list(read_video(footage, 256, 144, fps, round(footage.duration_s * fps)))
    assert cuts_s(frames, fps) == pytest.approx(cuts, abs=1.5 / fps)


def moving(shots: list[int], each: int, every: int = 1) -> list[Frame]:
    """Noise that drifts to the right in every `every`-th of `each` frames a shot; another one in each shot."""
    frames = []
    for seed in shots:
        texture = np.random.default_rng(seed).integers(0, 256, (36, 64, 3), dtype=np.uint8)
        frames += [np.roll(texture, index // every, axis=1) for index in range(each)]
    return frames


@pytest.mark.parametrize("every", [1, 2, 3])
def test_motion_that_repeats_its_frames_is_not_a_cut(every: int) -> None:
    still = np.repeat(np.repeat(np.array(moving([1], 60, every)), 4, axis=1), 4, axis=2)
    assert cuts_s(list(still), 24.0) == ()


def test_stills_one_after_another_are_shots() -> None:
    frames = [np.full((36, 64, 3), 60 * (index // 24 % 3), dtype=np.uint8) for index in range(120)]
    assert cuts_s(frames, 24.0) == (1.0, 2.0, 3.0, 4.0)


def test_flicker_is_not_a_shot() -> None:
    frames = [np.full((36, 64, 3), 255 * (index % 2), dtype=np.uint8) for index in range(48)]
    assert len(cuts_s(frames, 24.0)) <= 1

"""Frames of another size: each way of fitting keeps what it promises."""

import numpy as np
import pytest
from media_kit import photo

from ltx_mcp.media.framing import fit
from ltx_mcp.media.images import read_image
from ltx_mcp.media.resize import contain, cover, reduce, scale, shrink, size_within
from ltx_mcp.types.frames import Frame


def ramp(width: int, height: int) -> Frame:
    """Red tells the column, green the row."""
    frame = np.zeros((height, width, 3), dtype=np.uint8)
    frame[..., 0] = np.linspace(0, 255, width)
    frame[..., 1] = np.linspace(0, 255, height)[:, None]
    return frame


@pytest.mark.parametrize("target", [(100, 100), (416, 240), (240, 416), (64, 32), (31, 17)])
def test_a_still_shows_the_part_that_fit_names(target: tuple[int, int]) -> None:
    still = cover(ramp(256, 256), *target)
    assert still.shape == (target[1], target[0], 3)
    assert still.dtype == np.uint8
    part = fit((256, 256), target)
    assert still[:, 0, 0].mean() == pytest.approx(part.left, abs=5)
    assert still[:, -1, 0].mean() == pytest.approx(part.left + part.width, abs=5)
    assert still[0, :, 1].mean() == pytest.approx(part.top, abs=5)
    assert still[-1, :, 1].mean() == pytest.approx(part.top + part.height, abs=5)


def test_a_still_of_the_right_size_is_left_alone() -> None:
    frame = ramp(64, 48)
    assert (cover(frame, 64, 48) == frame).all()


def test_fine_stripes_shrink_to_grey_and_not_to_a_pattern() -> None:
    stripes = np.zeros((512, 512, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    assert np.abs(cover(stripes, 100, 100)[5:-5, 5:-5].astype(int) - 127).max() <= 8


def test_a_photograph_survives_growing_and_shrinking_back() -> None:
    astronaut = read_image(photo("astronaut.png").read_bytes(), "astronaut")
    back = cover(cover(astronaut, 1024, 1024), 512, 512)
    assert np.abs(back.astype(int) - astronaut).mean() < 1


@pytest.mark.parametrize(("height", "width"), [(2160, 3840), (3840, 2160), (384, 1000), (48, 64)])
def test_a_shrunk_frame_is_a_copy_of_the_same_shape(height: int, width: int) -> None:
    frame = np.zeros((height, width, 3), dtype=np.uint8)
    small = shrink(frame, 384)
    assert min(small.shape[:2]) == min(height, width, 384)
    assert small.shape[0] / small.shape[1] == pytest.approx(height / width, rel=0.01)
    assert not np.shares_memory(small, frame)


@pytest.mark.parametrize(
    ("size", "reduced"), [((100, 200), (100, 200)), ((511, 511), (511, 511)), ((512, 1024), (256, 512))]
)
def test_a_reduced_frame_is_smaller_by_a_whole_factor(size: tuple[int, int], reduced: tuple[int, int]) -> None:
    frame = ramp(size[1], size[0])
    small = reduce(frame, 256)
    assert small.shape[:2] == reduced
    assert not np.shares_memory(small, frame)
    assert small.mean() == pytest.approx(frame.mean(), abs=0.5), "averaged: no pixel is skipped"


@pytest.mark.parametrize("target", [(300, 100), (40, 90)])
def test_a_scaled_frame_shows_all_of_it_at_exactly_the_size(target: tuple[int, int]) -> None:
    scaled = scale(ramp(64, 48), *target)
    assert scaled.shape == (target[1], target[0], 3)
    assert scaled.flags.writeable
    assert scaled[:, 0, 0].max() <= 4
    assert scaled[:, -1, 0].min() >= 251
    assert scaled[0, :, 1].max() <= 4
    assert scaled[-1, :, 1].min() >= 251


def test_a_cropped_view_that_has_its_size_becomes_contiguous() -> None:
    view = ramp(64, 48)[8:40, 8:40]
    assert scale(view, 32, 32).flags.c_contiguous
    assert (scale(view, 32, 32) == view).all()


@pytest.mark.parametrize(("room", "size"), [((200, 200), (200, 150)), ((30, 48), (30, 22)), ((640, 48), (64, 48))])
def test_a_contained_frame_keeps_its_shape_and_touches_the_room(room: tuple[int, int], size: tuple[int, int]) -> None:
    assert contain(ramp(64, 48), *room).shape == (size[1], size[0], 3)


@pytest.mark.parametrize(
    ("size", "max_side", "within"),
    [((96, 64), None, (96, 64)), ((96, 64), 48, (48, 32)), ((64, 96), 48, (32, 48)), ((96, 64), 4000, (96, 64)),
     ((5000, 1), 100, (100, 1))],
)  # fmt: skip
def test_a_size_is_shrunk_to_the_longest_side_and_never_grown(
    size: tuple[int, int], max_side: int | None, within: tuple[int, int]
) -> None:
    assert size_within(size, max_side) == within

"""Frame scores become moments: where they begin and end, how many there are, and when there is none."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ltx_mcp.index.moments import Span, find_moments
from ltx_mcp.index.shots import cuts_between


def moments(
    scores: list[float], step_s: float = 0.5, least: float = 2.0, limit: int = 5, tail_s: float = 0.0
) -> list[Span]:
    times: NDArray[np.float64] = np.arange(len(scores), dtype=np.float64) * np.float64(step_s)
    return find_moments(times, np.array(scores, dtype=np.float32), float(times[-1]) + tail_s, least, limit)


def test_a_moment_reaches_half_way_to_the_frames_beside_it() -> None:
    (found,) = moments([0, 0, 0, 4, 4, 4, 0, 0, 0])
    assert (found.start_s, found.end_s) == (1.25, 2.75)
    assert 1.5 <= found.peak_s <= 2.5
    assert found.score == 4


def test_a_moment_grows_to_half_of_its_peak() -> None:
    (found,) = moments([0, 0, 1.9, 2.1, 4, 2.1, 1.9, 0, 0])
    assert (found.start_s, found.end_s) == (1.25, 2.75)
    assert found.peak_s == 2.0


def test_several_peaks_are_several_moments_best_first() -> None:
    found = moments([3, 3, 0, 0, 0, 0, 4, 4, 0, 0, 0, 2.5, 2.5])
    assert [moment.score for moment in found] == [4, 3, 2.5]
    assert [round(moment.peak_s) for moment in found] == [3, 0, 6]


def test_a_dip_of_one_frame_does_not_split_a_moment() -> None:
    (found,) = moments([0, 0, 4, 4, 0.5, 4, 4, 0, 0])
    assert (found.start_s, found.end_s) == (0.75, 3.25)


def test_a_clip_that_matches_throughout_is_one_moment_of_its_whole_length() -> None:
    (found,) = moments([3, 3.1, 2.9, 3, 3], tail_s=0.04)
    assert (found.start_s, found.end_s) == (0, 2.04)


def test_below_the_line_there_is_no_moment() -> None:
    assert moments([1.9, 1.0, 1.9]) == []
    assert find_moments(np.empty(0), np.empty(0, dtype=np.float32), 3.0, 2.0, 5) == []


def test_a_shoulder_of_a_peak_is_no_moment_of_its_own() -> None:
    assert len(moments([0, 10, 10, 3, 3, 0])) == 1


def test_no_more_moments_than_asked_for() -> None:
    found = moments([3, 0, 0, 4, 0, 0, 5, 0, 0, 6], limit=2)
    assert [moment.score for moment in found] == [6, 5]


def test_a_moment_of_one_frame_lasts_at_least_half_a_second() -> None:
    (found,) = moments([0, 0, 0, 5, 0, 0, 0], step_s=0.1)
    assert found.end_s - found.start_s == pytest.approx(0.5)
    assert found.start_s <= 0.3 <= found.end_s


def test_a_clip_shorter_than_half_a_second_is_never_overrun() -> None:
    (found,) = moments([5, 0, 5], step_s=0.1, tail_s=0.1)
    assert found.start_s == 0
    assert found.end_s == pytest.approx(0.3)


def test_one_frame_is_enough() -> None:
    (found,) = find_moments(np.zeros(1), np.array([3.0], dtype=np.float32), 4.0, 2.0, 5)
    assert (found.start_s, found.end_s, found.peak_s) == (0, 4, 0)


@pytest.mark.parametrize("seed", range(40))
def test_moments_never_overlap_nor_leave_the_clip(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 41))
    times = np.sort(rng.uniform(0, 9, count))
    duration_s = float(times[-1] + rng.uniform(0.01, 0.5))
    found = find_moments(times, rng.normal(1, 2, count).astype(np.float32), duration_s, 2.0, 10)
    in_time = sorted(found, key=lambda moment: moment.start_s)
    for moment in found:
        assert 0 <= moment.start_s <= moment.peak_s <= moment.end_s <= duration_s
    for earlier, later in pairwise(in_time):
        assert earlier.end_s <= later.start_s + 1e-9


def test_no_moment_crosses_a_cut() -> None:
    scores = np.array([0, 1.1, 1.2, 1.1, 1.0, 1.1, 0], dtype=np.float32)
    times = np.arange(7) / 2
    cuts_s = np.array([np.nan, np.nan, np.nan, 1.9, np.nan, np.nan])
    whole, *none = find_moments(times, scores, 3.5, 1.0, 9)
    assert (whole.start_s, whole.end_s, none) == (0.25, 2.75, [])
    found = sorted((span.start_s, span.end_s) for span in find_moments(times, scores, 3.5, 1.0, 9, cuts_s))
    assert found == [(0.25, 1.9), (1.9, 2.75)]


def turned(degrees: list[float]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Unit vectors in a plane, each so many degrees from the one before."""
    angles = np.radians(np.cumsum([0, *degrees]))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


@pytest.mark.parametrize(
    ("degrees", "cuts"),
    [
        ([2, 3, 2, 60, 2, 3], [3]),  # one cut between two scenes that hardly move
        ([2, 3, 2, 35, 2, 3, 2], [3]),  # a cut to something alike: cos 0.82
        ([2, 3, 2, 35], []),  # two seconds whose last frame is unlike the others: one shot
        ([2, 3, 2, 20, 2, 3], []),  # a jolt: cos 0.94
        ([30, 28, 33, 31, 30, 29], []),  # a fast pan: every frame as far from the next
        ([30, 28, 33, 80, 30, 29], [3]),  # and a cut in it
        ([0, 0, 40, 0, 0, 40, 0], [2, 5]),  # stills
        ([70, 80, 65, 90], [0, 1, 2, 3]),  # shots of half a second
        ([], []),
    ],
)
def test_a_cut_is_a_jump_that_is_far_for_its_clip(degrees: list[float], cuts: list[int]) -> None:
    vectors = turned(degrees)
    found = cuts_between(np.arange(len(vectors), dtype=np.float64), vectors)
    assert found[~np.isnan(found)].tolist() == [place + 0.5 for place in cuts]


def test_a_cut_that_was_seen_stands_where_it_is() -> None:
    times_s, starts_s = np.arange(5) / 2, np.array([0, 0, 0.6, 0.6, np.nan])
    found = cuts_between(times_s, turned([2, 15, 60, 2]), starts_s)
    assert found == pytest.approx([np.nan, 0.6, 1.25, np.nan], nan_ok=True)


def test_a_cut_that_was_seen_between_frames_that_look_alike_is_none() -> None:
    starts_s = np.array([0, 0.4, 0.8, 0.8])
    found = cuts_between(np.arange(4) / 2, turned([3, 20, 3]), starts_s)
    assert found == pytest.approx([np.nan, 0.8, np.nan], nan_ok=True)


def test_a_short_moment_is_not_widened_across_a_cut() -> None:
    times_s, scores = np.array([0.0, 1.0, 1.3, 2.0]), np.array([0, 2, 0, 0], dtype=np.float32)
    (found,) = find_moments(times_s, scores, 2.5, 1.0, 9, np.array([0.9, 1.2, np.nan]))
    assert (found.start_s, found.end_s) == (0.9, 1.2)

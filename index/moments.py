"""From the scores of a clip's frames to moments with a start, an end and a best time. Pure NumPy.

A moment grows from a peak to half the peak's height. Never an absolute threshold and never fixed windows: both
lost a third of the right answers where this was measured. Scores are heights above the background, so half
height is half the score. It ends where a shot does.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_LENGTH_S = 0.5  # shorter is not a moment that can be looked at
MAX_GAP = 1  # frames of doubt between two grown spans that are one moment
_SMOOTHING = np.array([0.25, 0.5, 0.25])


@dataclass(frozen=True)
class Span:
    """A moment inside a clip, in seconds; `score` is that of its best frame, at `peak_s`."""

    start_s: float
    end_s: float
    peak_s: float
    score: float

    def later(self, by_s: float) -> "Span":
        return Span(self.start_s + by_s, self.end_s + by_s, self.peak_s + by_s, self.score)


def find_moments(
    times_s: NDArray[np.float64],
    scores: NDArray[np.float32],
    duration_s: float,
    least: float,
    limit: int,
    cuts_s: NDArray[np.float64] | None = None,
) -> list[Span]:
    """At most `limit` spans, best first, none overlapping, each with a frame that scores `least` or more.

    `times_s` (n,) ascending and `scores` (n,) belong together; a score of 0 is the background. Boundaries lie
    half-way between frames; the first and last frame reach to the clip's ends. A peak below half of the clip's
    best is its shoulder and no moment. `cuts_s` (n - 1,) is when the shot changes between two frames, NaN where it does
    not: no span crosses a cut, and one that reaches it ends there.
    """
    if len(times_s) == 0:
        return []
    half_way = (times_s[1:] + times_s[:-1]) / 2
    cuts = np.zeros(len(half_way), dtype=np.bool_) if cuts_s is None else ~np.isnan(cuts_s)
    runs = _merged(_grow_spans(scores, max(least, float(scores.max()) / 2), cuts), cuts)
    inner = half_way if cuts_s is None else np.where(cuts, cuts_s, half_way)
    edges = np.concatenate(([0.0], inner, [duration_s])).clip(0, duration_s)
    bounds = _widened(
        [(float(edges[first]), float(edges[last + 1])) for first, last in runs], _shots(runs, cuts, edges)
    )
    spans = []
    for (first, last), (start_s, end_s) in zip(runs, bounds, strict=True):
        best = first + int(np.argmax(scores[first : last + 1]))
        spans.append(Span(start_s, end_s, _inside(float(times_s[best]), start_s, end_s), float(scores[best])))
    return sorted(spans, key=lambda span: (-span.score, span.start_s))[:limit]


def _grow_spans(scores: NDArray[np.float32], least: float, cuts: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Runs of frames (first, last) around every peak, until no free frame reaches `least`."""
    padded = np.pad(scores, 1, mode="edge")
    smooth = np.convolve(padded, _SMOOTHING, mode="valid")
    height = np.maximum(scores, smooth)  # smoothing bridges a dip, and may not sink a moment of one frame
    free = np.ones(len(scores), dtype=np.bool_)
    runs = []
    while free.any():
        peak = int(np.argmax(np.where(free, scores, -np.inf)))
        if scores[peak] < least:
            break
        first = last = peak
        while first > 0 and free[first - 1] and not cuts[first - 1] and height[first - 1] >= scores[peak] / 2:
            first -= 1
        while last + 1 < len(scores) and free[last + 1] and not cuts[last] and height[last + 1] >= scores[peak] / 2:
            last += 1
        free[first : last + 1] = False
        runs.append((first, last))
    return sorted(runs)


def _merged(runs: list[tuple[int, int]], cuts: NDArray[np.bool_]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in runs:
        if merged and first - merged[-1][1] - 1 <= MAX_GAP and not cuts[merged[-1][1] : first].any():
            merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    return merged


def _shots(
    runs: list[tuple[int, int]], cuts: NDArray[np.bool_], edges: NDArray[np.float64]
) -> list[tuple[float, float]]:
    """The (start, end) in seconds of the shot of each run."""
    # The first frame of each shot, and the end.
    after = np.concatenate(([0], np.flatnonzero(cuts) + 1, [len(cuts) + 1]))
    shots = []
    for first, _ in runs:
        place = int(np.searchsorted(after, first, side="right")) - 1
        shots.append((float(edges[after[place]]), float(edges[after[place + 1]])))
    return shots


def _widened(bounds: list[tuple[float, float]], shots: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same spans, none shorter than MIN_LENGTH_S where its neighbours and its shot leave room."""
    wide: list[tuple[float, float]] = []
    for place, (start_s, end_s) in enumerate(bounds):
        floor, ceiling = shots[place]
        if wide:
            floor = max(floor, wide[-1][1])
        if place + 1 < len(bounds):
            ceiling = min(ceiling, bounds[place + 1][0])
        missing = max(0.0, MIN_LENGTH_S - (end_s - start_s))
        start_s = max(floor, min(start_s - missing / 2, ceiling - MIN_LENGTH_S))
        wide.append((start_s, min(ceiling, max(end_s, start_s + MIN_LENGTH_S))))
    return wide


def _inside(time_s: float, start_s: float, end_s: float) -> float:
    return min(max(time_s, start_s), end_s)

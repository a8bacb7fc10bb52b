"""The rate of a video by the commonest interval between its frames, because averages hide what moves fast.

A screen recorder stores thirty frames for a second of motion and one for a minute of rest; a phone drops some.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

_SNAP = [Fraction(rate * 1000, base) for rate in (24, 25, 30, 50, 60) for base in (1000, 1001)]
_ALIKE = 0.2  # intervals that differ by less are one interval with jitter
_COARSE = 3  # ticks: a clock whose tick is no less than a third of an interval rounds nothing
_FAST_SHARE = 0.25  # of the intervals: so many that are shorter than the commonest are motion, and not jitter
_FASTER = 0.75
_WITHIN = 0.02  # of a usual rate: jitter moves the mean of a group so far; 24 and 25 are twice as far apart
_PHASES = 20  # parts of an interval that are told apart
_ROUNDING = 0.05  # of an interval: a first frame this little before its place is on it
_FRAMES_ASKED = 2000
_STEADY = 0.25  # of an interval: frames further from their place on the grid do not keep to it


def frame_rate(times: Sequence[int], tick_s: Fraction, declared: Fraction) -> tuple[Fraction, bool]:
    """(frames a second, whether all frames keep to it) of frames at these ticks, ascending.

    The declared rate where the frames keep to it; else the commonest interval's, snapped to the usual ones.
    """
    gaps = [later - earlier for earlier, later in pairwise(times) if later > earlier]
    if not gaps:
        return declared, True
    if declared and _keeps(times, tick_s, declared):
        return declared, True
    rate = _snapped(1 / (_commonest(sorted(gaps)) * tick_s), declared, tick_s, times)
    return rate, _keeps(times, tick_s, rate)


def grid_start(times: Sequence[int], tick_s: Fraction, rate: Fraction) -> float:
    """In seconds, the last place at or before the first frame on the grid of this rate that most frames keep to.

    Some files show their first frame longer, so that the sound may begin before the second.
    """
    step = float(1 / (rate * tick_s))
    places = [at % step / step for at in times[:_FRAMES_ASKED]]  # 0..1 between two places of a grid from 0 on
    counts = [0] * _PHASES
    for place in places:
        counts[int(place * _PHASES) % _PHASES] += 1
    best = max(range(_PHASES), key=lambda phase: counts[phase - 1] + counts[phase] + counts[(phase + 1) % _PHASES])
    middle = (best + 0.5) / _PHASES
    off = [(place - middle + 0.5) % 1 - 0.5 for place in places]  # -0.5..0.5 from the middle of the commonest
    near = sorted(each for each in off if abs(each) <= 1.5 / _PHASES)
    phase = middle + near[len(near) // 2]
    late = (times[0] / step - phase + _ROUNDING) % 1 - _ROUNDING
    return (times[0] - late * step) * float(tick_s)


def _commonest(gaps: Sequence[int]) -> Fraction:
    """The mean of the largest group of alike intervals; a faster one's, if it is large too."""
    groups: list[tuple[int, int, int]] = []  # how many, first, end
    for first, gap in enumerate(gaps):
        if not first or gap != gaps[first - 1]:
            end = bisect_right(gaps, gap * (1 + _ALIKE) if gap * _ALIKE >= 1 else gap + (gap >= _COARSE))
            groups.append((end - first, first, end))
    count, first, end = max(groups, key=lambda group: (group[0], -group[1]))
    for other, begin, stop in groups:
        if other >= _FAST_SHARE * len(gaps) and gaps[stop - 1] < _FASTER * gaps[first]:
            count, first, end = other, begin, stop
            break
    return Fraction(sum(gaps[first:end]), count)


def _snapped(measured: Fraction, declared: Fraction, tick_s: Fraction, times: Sequence[int]) -> Fraction:
    """The usual rate near it whose grid the frames fit best, or the declared one; else as measured."""
    unsure = max(_WITHIN, float(tick_s * measured) / len(times))
    for rates in (_SNAP, [declared] if declared else []):
        if near := [rate for rate in rates if abs(float(measured / rate) - 1) <= unsure]:
            return min(near, key=lambda rate: (round(_misfit(times, tick_s, rate), 4), abs(measured - rate)))
    return measured.limit_denominator(1001)


def _misfit(times: Sequence[int], tick_s: Fraction, rate: Fraction) -> float:
    """0 where all frames lie on one grid of this rate, 1 where they lie anywhere between its places."""
    turns = [math.tau * ((at - times[0]) * float(tick_s * rate) % 1) for at in times[:_FRAMES_ASKED]]
    return 1 - math.hypot(sum(map(math.cos, turns)), sum(map(math.sin, turns))) / len(turns)


def _keeps(times: Sequence[int], tick_s: Fraction, rate: Fraction) -> bool:
    """Whether frame k is at k / rate from the first, nowhere off by a quarter of an interval."""
    step = 1 / (rate * tick_s)
    first, slack = times[0], float(step) * _STEADY
    return all(abs(at - first - float(step) * place) < slack for place, at in enumerate(times))

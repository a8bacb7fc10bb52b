"""Where a film may be a copy of a clip: which frames look alike, and whether their times fit together.

Cheap, and only a suggestion: `likeness` decides by the frames themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.provenance.fingerprint import Fingerprint
from ltx_mcp.provenance.frame_hash import BOXES, Hashes, distances

LOOKS_PER_S = 8.0  # of the film in question: any frame of a clip's fingerprint is at most 1/16 s from one of these
_MOST_BITS = 14  # in which frames that look alike may differ, of 64
_NEAR_S = 0.15  # that two frames may be apart which show the same: a look, and a frame of a slower copy
_LEAST_SHARE = 0.5  # of the clip's frames in the common span that must be found


@dataclass(frozen=True)
class Match:
    """`share` is that of the clip's frames which were found, `common_s` how much of the film they span. `box` is what
    the film shows of them; `pairs` are (time in the clip, place of the look).
    """

    share: float
    common_s: float
    box: tuple[float, ...]
    pairs: tuple[tuple[float, int], ...]


def match(clip: Fingerprint, looks_s: NDArray[np.float64], looks: Hashes) -> Match | None:
    """The best alignment of a clip with `looks` (n,) at `looks_s` seconds of a film, or None."""
    differ = distances(clip.hashes[:, :, None], looks[None, None, :])  # frame, box, look
    found = [each for box in range(len(BOXES)) if (each := _aligned(clip, looks_s, differ[:, box], BOXES[box]))]
    return max(found, key=lambda each: (each.share, each.common_s), default=None)


def _aligned(
    clip: Fingerprint, looks_s: NDArray[np.float64], differ: NDArray[np.uint8], box: tuple[float, ...]
) -> Match | None:
    frames, looks = np.nonzero(differ <= _MOST_BITS)
    if not len(frames):
        return None
    shift_s = _commonest(looks_s[looks] - clip.times_s[frames], frames)
    common = (clip.times_s + shift_s > looks_s[0] - _NEAR_S) & (clip.times_s + shift_s < looks_s[-1] + _NEAR_S)
    late_s = np.abs(looks_s[None, :] - clip.times_s[:, None] - shift_s)
    fitting = np.where(late_s <= _NEAR_S, differ, 64)
    best = fitting.argmin(axis=1)
    is_found = fitting[np.arange(len(best)), best] <= _MOST_BITS
    share = float((is_found & common).sum() / max(1, common.sum()))
    if share < _LEAST_SHARE:
        return None
    pairs = [(float(clip.times_s[place]), int(best[place])) for place in np.flatnonzero(is_found)]
    return Match(share, float(looks_s[best[is_found][-1]] - looks_s[best[is_found][0]]), box, tuple(pairs))


def _commonest(shifts_s: NDArray[np.float64], frames: NDArray[np.intp]) -> float:
    """The shift of the clip's start in the film by which most different frames fit."""
    bins = np.round(shifts_s / _NEAR_S).astype(np.int64)
    counted: dict[int, set[int]] = {}
    for place, frame in zip(bins.tolist(), frames.tolist(), strict=True):
        counted.setdefault(place, set()).add(frame)
    best = max(counted, key=lambda place: (len(counted[place]), -abs(place)))
    return float(np.median(shifts_s[np.abs(bins - best) <= 1]))


def spread(pairs: Sequence[tuple[float, int]], most: int) -> list[tuple[float, int]]:
    """At most so many of them, from the first to the last."""
    places = sorted({round(place) for place in np.linspace(0, len(pairs) - 1, min(most, len(pairs)))})
    return [pairs[place] for place in places]

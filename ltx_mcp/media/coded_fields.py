"""Streams whose packets are single fields, two to a frame, as H.264 (PAFF) and MPEG-2 may code them.

Taken for frames they would double the rate, and name times at which no frame appears.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median

from ltx_mcp.media.framecrc import list_frame_times

_DECODED_S = 1.0
_FASTEST_FPS = 31  # of interlaced frames, which come 25 or 29.97 times a second: packets that come faster may be fields
_SHARE = 0.1  # of the packets: fewer come early by jitter
_APART = 0.75  # of a frame's interval: the second field is half of it after the first


def without_second_fields(path: Path, index: int, ticks: Sequence[int], tick_s: Fraction) -> list[int]:
    """Of the ticks of packets, ascending, those with which a frame begins: all, where every packet is a frame.

    Where they come too fast for interlaced frames, a second is decoded to see. Raises MediaError.
    """
    gaps_s = [float((later - earlier) * tick_s) for earlier, later in pairwise(ticks)]
    if sum(gap_s * _FASTEST_FPS < 1 for gap_s in gaps_s) <= _SHARE * len(gaps_s):
        return list(ticks)
    decoded_s = sorted(list_frame_times(path, index, _DECODED_S))
    if len(decoded_s) < 2:
        return list(ticks)
    apart = _APART * median(later - earlier for earlier, later in pairwise(decoded_s)) / float(tick_s)
    kept = [ticks[0]]
    for tick in ticks[1:]:
        if tick - kept[-1] >= apart:
            kept.append(tick)
    return kept

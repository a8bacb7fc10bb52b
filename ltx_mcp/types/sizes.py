"""Frame sizes and frame counts: as requested, as delivered, and as the model generates them.

A model generates sizes that are multiples of 32 (of 64 where a second stage doubles them) and 8k+1 frames. A clip is
delivered at exactly the requested size and length: the model generates the next larger ones, and the rest is cropped
around the centre and trimmed from the end.
"""

import math
from typing import Literal, get_args

Aspect = Literal["16:9", "9:16", "1:1", "4:3", "3:4"]
Resolution = Literal["240p", "480p", "540p", "720p", "1080p", "1440p", "2160p"]

ASPECTS: tuple[Aspect, ...] = get_args(Aspect)
RESOLUTIONS: tuple[Resolution, ...] = get_args(Resolution)

# (long side at 16:9, short side) in pixels. 240p is 416 wide, not 427: a multiple of 32. 480p is twice 240p.
_WIDE: dict[Resolution, tuple[int, int]] = {
    "240p": (416, 240),
    "480p": (832, 480),
    "540p": (960, 540),
    "720p": (1280, 720),
    "1080p": (1920, 1080),
    "1440p": (2560, 1440),
    "2160p": (3840, 2160),
}

TEMPORAL_STRIDE = 8  # pixel frames per latent frame of the LTX-2 video VAE (its config: 8x temporal)


def delivered_size(aspect: Aspect, resolution: Resolution) -> tuple[int, int]:
    """(width, height) in pixels. The short side is the resolution's height class; portrait swaps the sides."""
    long_side, short = _WIDE[resolution]
    if aspect == "16:9":
        return long_side, short
    if aspect == "9:16":
        return short, long_side
    across, down = (int(part) for part in aspect.split(":"))
    if across >= down:
        return short * across // down, short
    return short, short * down // across


def doubled(resolution: Resolution) -> Resolution | None:
    """The resolution whose sides are twice as long in every aspect; None where there is none."""
    return next((each for each in RESOLUTIONS if _WIDE[each] == tuple(2 * side for side in _WIDE[resolution])), None)


def short_side(resolution: Resolution) -> int:
    """The height class in pixels."""
    return _WIDE[resolution][1]


def resolution_of(width: int, height: int) -> Resolution:
    """The smallest class that holds a frame of this size in pixels, or the largest."""
    return next((name for name in RESOLUTIONS if min(width, height) <= short_side(name)), RESOLUTIONS[-1])


def snap_up(pixels: int, multiple: int) -> int:
    return math.ceil(pixels / multiple) * multiple


def frame_count(duration_s: float, fps: float) -> int:
    """Frames that a clip of this length and rate has: the nearest whole number, at least one."""
    return max(1, round(duration_s * fps))


def made_frame_count(frames: int, doubled_rate: bool = False) -> int:
    """The next 8k+1, the only counts that the VAE's causal temporal grid can make; at least 9.

    At a doubled rate the next 16k+1: the temporal upsampler makes 2L - 1 latent frames of L.
    """
    stride = TEMPORAL_STRIDE * (2 if doubled_rate else 1)
    return max(1, math.ceil((frames - 1) / stride)) * stride + 1


def half_rate_count(made_frames: int) -> int:
    """Frames of the same length at half the rate, the first and the last among them: 8k+1 for 16k+1."""
    return (made_frames + 1) // 2

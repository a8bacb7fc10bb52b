"""What a scene sounds like: 16 kHz stereo, a pure function of the scene and its length. numpy only.

Each thing is a tone. High in the frame is a high tone, right is to the right, large is loud; an unseen thing is
unheard, and what bounces clicks when it lands. The camera does not change the sound.

All is a sum of sines at whole multiples of the frame rate (100 Hz), with phase zero where a frame begins. So every
frame of 160 samples is one strength for each of a few fixed `WAVES`, and a tone may change at any frame without a step
in the wave. That is what lets a small vocoder find the phase again, which a mel spectrum does not hold.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.micro.training import draw
from ltx_mcp.micro.training.world import RADIUS, Scene, Thing

Array = NDArray[np.floating[Any]]

SAMPLE_RATE = 16_000  # LTX-2.3's, before the vocoder's bandwidth extension
HOP = 160  # samples a frame, as LTX-2.3: 100 frames a second
FRAME_RATE = SAMPLE_RATE // HOP

PITCHES = (300, 400, 500, 600, 800, 1000, 1200, 1600, 2000, 2400)  # Hz: major triads, from low to high in the frame
LOUDEST = 0.30  # amplitude of a large thing's tone in one channel; three of them do not clip
_GROWN = 1.35  # the most that growing makes of a radius
_BACK = 0.8  # how much weaker the far channel is for a thing at the edge
_CLICK_BANDS = range(3200, 6500, 300)  # Hz, where no tone is
_CLICK = 0.35  # peak amplitude
_CLICK_FADE = (1.0, 0.5, 0.25, 0.12)  # frame by frame

_ROOM = (2.0, 2.0)  # short sides; height and side are shares of the room, so its size does not matter


def _click_wave() -> Array:
    """Phases that spread (Schroeder's rule), so that many sines do not pile up to one spike."""
    time_s = np.arange(HOP) / SAMPLE_RATE
    count = len(_CLICK_BANDS)
    parts = [
        np.sin(2 * np.pi * (band * time_s + n * n / (2 * count))) * math.exp(-n / 6)
        for n, band in enumerate(_CLICK_BANDS)
    ]
    summed = np.sum(parts, 0)
    return np.asarray(summed / np.abs(summed).max())


WAVES: Array = np.stack(
    [*(np.sin(2 * np.pi * pitch * np.arange(HOP) / SAMPLE_RATE) for pitch in PITCHES), _click_wave()]
)
"""(11, 160): one frame of each tone, low to high, and of the click, at full strength."""
CLICK = len(PITCHES)  # its row


def wave(scene: Scene, duration_s: float) -> NDArray[np.float32]:
    """(2, samples) in -1..1 at 16 kHz: `duration_s` rounded to whole frames of 10 ms, left channel first."""
    return render(strengths(scene, duration_s, range(round(duration_s * FRAME_RATE))))


def render(strength: Array) -> NDArray[np.float32]:
    """Strengths (2, frames, waves) to samples (2, frames * 160)."""
    return (strength @ WAVES).reshape(2, -1).astype(np.float32)


def strengths(scene: Scene, duration_s: float, frames: range) -> Array:
    """(2, frames, 11): how strong each of `WAVES` is in each channel, in these frames of a scene that long.

    Read in the middle of each frame; frames beyond the end sound as the end does.
    """
    strength = np.zeros((2, len(frames), len(WAVES)))
    if scene.silent:
        return strength
    for place, frame in enumerate(frames):
        time_s = min((frame + 0.5) / FRAME_RATE, duration_s)
        for thing in scene.things:
            row, left, right = tone(thing, time_s / duration_s, time_s)
            strength[0, place, row] += left
            strength[1, place, row] += right
    for thing in scene.things:
        for landing in landings(thing, frames.stop):
            for frame, share in enumerate(_CLICK_FADE, landing):
                if frame in frames:
                    strength[:, frame - frames.start, CLICK] += _CLICK * share * RADIUS[thing.size] / RADIUS["large"]
    return strength


def tone(thing: Thing, share: float, time_s: float) -> tuple[int, float, float]:
    """(row of `WAVES`, amplitude left, amplitude right) at this share of the clip and this second."""
    x, y, radius, shown = draw.place(thing, share, time_s, _ROOM)
    free_x, free_y = (side / 2 - RADIUS[thing.size] for side in _ROOM)
    height, side = (float(np.clip(value, -1, 1)) for value in (-y / free_y, x / free_x))
    row = round((height + 1) / 2 * (len(PITCHES) - 1))
    loud = LOUDEST * shown * radius / (RADIUS["large"] * _GROWN)
    return row, loud * (1 - _BACK * max(0.0, side)), loud * (1 + _BACK * min(0.0, side))


def landings(thing: Thing, frames: int) -> list[int]:
    """Which of the first so many frames a bouncing thing touches the ground in."""
    if thing.motion != "bounce":
        return []
    beats = range(2 + math.ceil(frames / FRAME_RATE / draw.BEAT_S))
    times = (draw.BEAT_S * (beat - thing.phase) for beat in beats)
    return [frame for frame in (round(time_s * FRAME_RATE) for time_s in times) if 0 <= frame < frames]

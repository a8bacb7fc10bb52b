"""Reads drawn clips with plain image and sound processing, and no model: what is there, what it does, how it sounds.

Things of the micro model's world are bright on a dark ground (world.RGB). So a mask is a threshold on the brightest
of the three colours, half-way between the ground and the things; a colour is a hue; a kind is the outline that covers
the mask best; a motion is the track of its centre. A tone is the strongest frequency in each tenth of a second.
tests/test_judge.py holds the judge to drawn scenes, whose truth is known.
"""

import colorsys
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import label, regionprops

from ltx_mcp.media.footage import open_footage, read_audio, read_video
from ltx_mcp.micro.training import draw
from ltx_mcp.micro.training.captions import SHADES, SIZES
from ltx_mcp.micro.training.world import RADIUS, RGB, Kind, Scene

Frames = NDArray[np.uint8]
Track = NDArray[np.float32]  # of sound, (channels, samples)

LOOKS = 17  # frames of a clip that are looked at
LEAST_CONTRAST = 0.15  # between ground and things, of full brightness
LEAST_AREA = 1e-3  # of the short side squared: smaller is a speck
LEAST_SHARE = 0.15  # of all bright pixels, for a colour that is a thing of its own
GRAY = 0.35  # saturation below which a bright thing is white
MOVES = 0.12  # short sides between the beginning and the end
RESTS = 0.05  # short sides of wandering in all
GROWS = 1.8  # times the area

HUES = {
    name: colorsys.rgb_to_hsv(*RGB[name])[0] for name in ("red", "orange", "yellow", "green", "cyan", "blue", "purple")
}
# Area in squares of what world.RADIUS calls the radius.
AREAS = {"circle": 3.14, "square": 2.97, "triangle": 1.56, "star": 1.82, "ring": 2.36, "cross": 2.02, "diamond": 1.50}

TONE_S = 0.1
TONES_HZ = (150.0, 2900.0)  # sound.PITCHES and a little room
QUIET = 0.004  # rms
PURE = 0.2  # share of a tone's power at its peak; hiss has far less
CLIMBS = 0.3  # octaves between the first third and the last


@dataclass(frozen=True)
class Seen:
    """One thing. `track` is (looks, 2): x and y of its centre in short sides from the picture's, nan where unseen."""

    colour: str
    kind: str
    size: str
    motion: str
    track: NDArray[np.float64]


@dataclass(frozen=True)
class Heard:
    """`pitch` is silent, noise, steady, rising or falling; `hertz` the median tone; `onset_s` when sound begins."""

    pitch: str
    hertz: float | None = None
    onset_s: float | None = None


def read_clip(path: Path) -> tuple[Frames, float, Track | None]:
    """(frames, fps, sound at 48 kHz) of a video file, all of it."""
    footage = open_footage(path, path.name)
    count = round(footage.duration_s * footage.fps)
    frames = np.stack(list(read_video(footage, footage.width, footage.height, footage.fps, count)))
    return frames, footage.fps, read_audio(footage)


def see(frames: Frames) -> list[Seen]:
    """The things in a clip of (count, height, width, 3), the largest first; none where nothing stands out."""
    chosen = frames[np.linspace(0, len(frames) - 1, min(LOOKS, len(frames))).round().astype(int)]
    masks = bright(chosen)
    if masks is None:
        return []
    hues = np.stack([_hues(frame) for frame in chosen])
    inside = np.stack([ndimage.binary_erosion(mask, iterations=2) for mask in masks])
    votes = Counter(hues[inside if inside.any() else masks].tolist())
    names = [name for name, count in votes.most_common() if count >= LEAST_SHARE * votes.total()]
    alone = len(names) == 1  # its rim has other hues, and belongs to it
    found = [_thing(name, masks if alone else masks & (hues == name)) for name in names]
    return [each for each in found if each is not None]


def bright(frames: Frames) -> NDArray[np.bool_] | None:
    """Masks of what stands out, or None where nothing does."""
    value = frames.max(-1) / np.float32(255)
    ground, top = float(np.median(value)), float(np.quantile(value, 0.997))
    if top - ground < 2 * LEAST_CONTRAST:
        return None
    return value > (ground + top) / 2


def ground(frames: Frames) -> str:
    """The shade that the background is nearest to."""
    colour = np.median(frames[::4].reshape(-1, 3), axis=0) / 255
    return min(SHADES, key=lambda shade: float(np.abs(colour - RGB[shade]).sum()))


def hear(sound: Track | None, rate: int = 48_000) -> Heard:
    """What a track of (channels, samples) sounds like."""
    if sound is None:
        return Heard("silent")
    step = round(TONE_S * rate)
    pieces = sound[:, : sound.shape[1] // step * step].mean(0).reshape(-1, step)
    if not len(pieces) or pieces.std() < QUIET:
        return Heard("silent")
    power = np.abs(np.fft.rfft(pieces * np.hanning(step))) ** 2
    hertz = np.fft.rfftfreq(step, 1 / rate)
    power[:, (hertz < TONES_HZ[0])] = 0
    within = np.where(hertz <= TONES_HZ[1], power, 0)
    peaks = within.argmax(1)
    near = np.stack([power[row, max(0, at - 2) : at + 3].sum() for row, at in enumerate(peaks)])
    loud = pieces.std(1) > max(QUIET, 0.1 * pieces.std(1).max())
    onset_s = float(np.argmax(loud)) * TONE_S
    pure = loud & (near > PURE * np.maximum(power.sum(1), 1e-12))
    if pure.sum() < 0.5 * loud.sum():
        return Heard("noise", onset_s=onset_s)
    octaves = np.log2(hertz[peaks[pure]])
    third = max(1, len(octaves) // 3)
    climb = float(np.median(octaves[-third:]) - np.median(octaves[:third]))
    pitch = "rising" if climb > CLIMBS else "falling" if climb < -CLIMBS else "steady"
    return Heard(pitch, float(2 ** np.median(octaves)), onset_s)


def read_attributes(frames: Frames, sound: Track | None) -> dict[str, str]:
    """What `expected` speaks of, as it is in the clip; the largest thing counts, and `none` stands for nothing."""
    things = see(frames)
    first = things[0] if things else Seen("none", "none", "none", "none", np.empty((0, 2)))
    return {
        "colour": first.colour,
        "kind": first.kind,
        "motion": first.motion,
        "size": first.size,
        "ground": ground(frames),
        "sound": hear(sound).pitch,
    }


def expected(scene: Scene, prompt: str | None = None) -> dict[str, str]:
    """What a clip of this scene of one thing must show; with a prompt, size and ground only if it says them."""
    thing = scene.things[0]
    pitch = {"up": "rising", "down": "falling"}.get(thing.motion, "steady")
    wanted = {"colour": thing.colour, "kind": thing.kind, "motion": thing.motion}
    if prompt is None or _says(prompt, [word for words in SIZES.values() for word in words]):
        wanted["size"] = thing.size
    if prompt is None or _says(prompt, [word for words in SHADES.values() for word in words]):
        wanted["ground"] = scene.shade
    return wanted | {"sound": "silent" if scene.silent else pitch}


def follows(one: Seen, other: Seen) -> float:
    """How well two tracks agree: the correlation of their places, both directions together; 1 if neither moves."""
    shared = ~np.isnan(one.track[:, 0]) & ~np.isnan(other.track[:, 0])
    if shared.sum() < 3:
        return 0.0
    a, b = (track[shared] - track[shared].mean(0) for track in (one.track, other.track))
    if max(a.std(), b.std()) < RESTS / 2:
        return 1.0
    return float((a * b).sum() / max(1e-9, np.sqrt((a**2).sum() * (b**2).sum())))


def _says(prompt: str, words: list[str]) -> bool:
    return re.search(rf"\b({'|'.join(words)})\b", prompt.lower()) is not None


def _hues(frame: Frames) -> NDArray[np.str_]:
    """The name of the nearest hue at each pixel."""
    x = frame.astype(np.float32) / 255
    top, low = x.max(-1), x.min(-1)
    spread = np.maximum(top - low, 1e-6)
    red, green, blue = np.moveaxis(x, -1, 0)
    hue = np.where(
        top == red,
        (green - blue) / spread % 6,
        np.where(top == green, (blue - red) / spread + 2, (red - green) / spread + 4),
    )
    away = np.abs(hue[..., None] / 6 - np.array(list(HUES.values())))
    names = np.array([*HUES, "white"])
    nearest = np.minimum(away, 1 - away).argmin(-1)
    return names[np.where(spread < GRAY * np.maximum(top, 1e-6), len(HUES), nearest)]


def _thing(colour: str, masks: NDArray[np.bool_]) -> Seen | None:
    """The largest piece of the mask in each look, and what becomes of it."""
    height, width = masks.shape[1:]
    short = min(height, width)
    pieces = [max(regionprops(label(mask)), key=lambda piece: piece.area, default=None) for mask in masks]
    pieces = [piece if piece is not None and piece.area >= LEAST_AREA * short**2 else None for piece in pieces]
    present = [piece for piece in pieces if piece is not None]
    if not present:
        return None
    kind = _kind(present)
    areas = np.array([np.nan if piece is None else piece.area / short**2 for piece in pieces])
    radius = float(np.sqrt(np.nanmedian(areas) / AREAS[kind]))
    size = min(RADIUS, key=lambda name: abs(np.log(radius / RADIUS[name])))
    centre = np.array([height / 2, width / 2])
    places = [np.full(2, np.nan) if piece is None else (np.array(piece.centroid) - centre)[::-1] for piece in pieces]
    track = np.stack(places) / short
    return Seen(colour, kind, size, _motion(track, areas), track)


def _kind(pieces: list) -> str:  # type: ignore[type-arg]
    """Whose outline, laid over the pieces with the same area and centre, covers the most of what either covers.

    Shares of the bounding box are not asked, as one stray pixel or a soft corner changes them: a small triangle that
    was blurred by four pixels counted as a circle by them.
    """
    forms = np.stack([_sampled(piece.image, *piece.centroid_local) for piece in pieces])
    return max(
        _FORMS, key=lambda name: float(((forms & _FORMS[name]).sum((1, 2)) / (forms | _FORMS[name]).sum((1, 2))).mean())
    )


def _sampled(mask: NDArray[np.bool_], row: float, column: float) -> NDArray[np.bool_]:
    """The mask on the grid that compares forms, whose middle is here: as large as all others, whatever its size."""
    at = _GRID * np.sqrt(mask.sum())
    rows, columns = (np.round(middle + at).astype(int) for middle in (row, column))
    inside = (rows[:, None] >= 0) & (rows[:, None] < mask.shape[0]) & (columns >= 0) & (columns < mask.shape[1])
    return inside & mask[rows.clip(0, mask.shape[0] - 1)[:, None], columns.clip(0, mask.shape[1] - 1)]


def _form(kind: str) -> NDArray[np.bool_]:
    """How the world draws it."""
    side = np.linspace(-1.1, 1.1, 441)
    mask = draw.outline(kind, *np.meshgrid(side, side)) < 0
    return _sampled(mask, *(float(places.mean()) for places in np.nonzero(mask)))


_GRID = np.linspace(-1.2, 1.2, 65)  # in sides of a square of the form's area
_FORMS = {kind: _form(kind) for kind in get_args(Kind)}


def _motion(track: NDArray[np.float64], areas: NDArray[np.float64]) -> str:
    """By the name that world.Motion has for it."""
    there = ~np.isnan(areas)
    third = max(1, len(there) // 3)
    if there.mean() < 0.85:
        return "appear" if not there[:third].any() and there[-third:].all() else "blink"
    track, areas = track[there], areas[there]
    ends = max(1, len(track) // 6)
    growth = areas[-ends:].mean() / areas[:ends].mean()
    if growth > GROWS or growth < 1 / GROWS:
        return "grow" if growth > 1 else "shrink"
    gone = track[-ends:].mean(0) - track[:ends].mean(0)
    reach = np.ptp(track, axis=0)
    if np.hypot(*gone) > MOVES and np.hypot(*gone) > 0.6 * np.hypot(*reach):
        across = abs(gone[0]) > abs(gone[1])
        return ("right" if gone[0] > 0 else "left") if across else ("down" if gone[1] > 0 else "up")
    if np.hypot(*reach) < RESTS:
        return "still"
    return "orbit" if min(reach) > 0.35 * max(reach) else "bounce" if reach[1] > reach[0] else "other"

"""Pictures of a scene: signed distances, antialiased, at any size and length. numpy only."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.micro.training.world import RADIUS, RGB, Scene, Thing

Array = NDArray[np.floating[Any]]

BEAT_S = 2.0  # one orbit, bounce or blink
PAN = 0.5  # how far the camera goes in a clip, in short sides
ZOOM = 1.6  # from one end of a zoom to the other
TRAVEL = 0.8  # of the room on each side of the middle that a moving thing crosses
_PIXEL_CELLS = 30  # along the short side, in the pixel style
_LATTICE = 64


def frames(scene: Scene, count: int, height: int, width: int, fps: float = 24.0) -> NDArray[np.uint8]:
    """The clip as RGB uint8 (count, height, width, 3). Moves across the frame take the whole clip, beats 2 s."""
    return window(scene, range(count), count, (height, width), (0, 0, height, width), fps)


def window(
    scene: Scene,
    indices: Iterable[int],
    count: int,
    size: tuple[int, int],
    cut: tuple[int, int, int, int],
    fps: float = 24.0,
) -> NDArray[np.uint8]:
    """Some frames of a clip of `count`, and of its (height, width) `size` only the `cut`: top, left, height, width."""
    short = min(size)
    grid = _grid(size, cut, scene.style == "pixel")
    noise = np.random.default_rng([3, scene.grain]).random((_LATTICE, _LATTICE, 2), dtype=np.float32)
    room = (size[1] / short, size[0] / short)
    frames = (_frame(scene, index / max(1, count - 1), index / fps, grid, room, noise) for index in indices)
    return np.stack([_fill(frame, cut[2], cut[3]) for frame in frames])


def place(thing: Thing, share: float, time_s: float, room: tuple[float, float]) -> tuple[float, float, float, float]:
    """(x, y, radius, opacity) of a thing at this share of the clip and this second.

    x and y are in short sides from the centre, y downward. `room` is the frame's (width, height) in short sides.
    """
    radius = RADIUS[thing.size]
    free_x, free_y = (max(0.0, side / 2 - radius) for side in room)
    x, y, shown, turn = thing.x * free_x, thing.y * free_y, 1.0, 2 * math.pi * (time_s / BEAT_S + thing.phase)
    along = TRAVEL * (2 * share - 1)
    match thing.motion:
        case "left" | "right":
            x = (along if thing.motion == "right" else -along) * free_x
        case "up" | "down":
            y = (along if thing.motion == "down" else -along) * free_y
        case "orbit":
            x, y = 0.7 * free_x * math.cos(turn), 0.7 * free_y * math.sin(turn)
        case "bounce":
            y = free_y * (1 - 1.4 * abs(math.sin(turn / 2)))
        case "grow" | "shrink":
            radius *= 0.45 + 0.9 * (share if thing.motion == "grow" else 1 - share)
            x, y = 0.7 * x, 0.7 * y
        case "appear":
            shown = min(1.0, max(0.0, (share - 0.4) * 8))
        case "blink":
            shown = float(math.sin(turn) > -0.2)
        case "still":
            pass
    return x, y, radius, shown


def _grid(size: tuple[int, int], cut: tuple[int, int, int, int], coarse: bool) -> tuple[Array, Array, float]:
    """(x, y, length of a pixel), in short sides from the centre of the whole frame."""
    short, (top, left, height, width) = min(size), cut
    cell = short / _PIXEL_CELLS if coarse else 1.0
    rows, columns = math.ceil(height / cell), math.ceil(width / cell)
    y = ((np.arange(rows, dtype=np.float32) + 0.5) * cell + top - size[0] / 2) / short
    x = ((np.arange(columns, dtype=np.float32) + 0.5) * cell + left - size[1] / 2) / short
    return np.broadcast_to(x, (rows, columns)), np.broadcast_to(y[:, None], (rows, columns)), cell / short


def _frame(
    scene: Scene, share: float, time_s: float, grid: tuple[Array, Array, float], room: tuple[float, float], noise: Array
) -> Array:
    shift, zoom = _camera(scene, share)
    x, y, pixel = grid[0] / zoom + shift, grid[1] / zoom, grid[2] / zoom
    frame = _backdrop(scene, x, y, noise)
    wobble = 0.035 * (_smooth(noise[..., 1], x * 9, y * 9) - 0.5) if scene.style == "watercolour" else 0.0
    for thing in scene.things:
        across, down, radius, shown = place(thing, share, time_s, room)
        distance = outline(thing.kind, (x - across) / radius, (y - down) / radius) * radius + wobble
        if scene.style == "outline":
            distance = np.abs(distance) - 0.02
        cover = (np.clip(0.5 - distance / pixel, 0, 1) * shown)[..., None]
        colour = np.asarray(RGB[thing.colour], np.float32)
        frame = frame * (1 - cover) + colour * cover
        if scene.style == "night":
            glow = np.exp(-np.maximum(distance, 0) * 14)[..., None] * (1 - cover) * shown
            frame = frame + 0.25 * glow * colour
    if scene.style == "watercolour":
        frame = frame * (0.75 + 0.5 * _smooth(noise[..., 0], x * 14, y * 14))[..., None]
    return frame


def _camera(scene: Scene, share: float) -> tuple[float, float]:
    """(shift to the right in short sides, magnification) at this share of the clip."""
    match scene.camera:
        case "pan right":
            return PAN * (share - 0.5), 1.0
        case "pan left":
            return PAN * (0.5 - share), 1.0
        case "zoom in":
            return 0.0, ZOOM ** (share - 0.5)
        case "zoom out":
            return 0.0, ZOOM ** (0.5 - share)
        case "fixed":
            return 0.0, 1.0


def _backdrop(scene: Scene, x: Array, y: Array, noise: Array) -> Array:
    shade = np.asarray(RGB[scene.shade], np.float32) * (0.4 if scene.style == "night" else 1.0)
    other = shade * 0.5 + 0.09  # near enough to stay a ground, far enough to be seen
    match scene.backdrop:
        case "plain":
            mix = np.zeros_like(x)
        case "gradient":
            mix = np.clip(y + 0.5, 0, 1)
        case "stripes":
            mix = (np.floor((x + y) * 6) % 2).astype(np.float32)
        case "checks":
            mix = ((np.floor(x * 5) + np.floor(y * 5)) % 2).astype(np.float32)
        case "speckle":
            mix = _smooth(noise[..., 0], x * 24, y * 24)
    return shade + (other - shade) * mix[..., None]


def _smooth(lattice: Array, x: Array, y: Array) -> Array:
    """Value noise 0..1: the lattice, repeated without end, read between its points."""
    left, top = np.floor(x), np.floor(y)
    across, down = x - left, y - top
    i, j = left.astype(np.int32) % _LATTICE, top.astype(np.int32) % _LATTICE
    i1, j1 = (i + 1) % _LATTICE, (j + 1) % _LATTICE
    upper = lattice[j, i] * (1 - across) + lattice[j, i1] * across
    lower = lattice[j1, i] * (1 - across) + lattice[j1, i1] * across
    blended: Array = upper * (1 - down) + lower * down
    return blended


def outline(kind: str, x: Array, y: Array, depth: float = 0.69) -> Array:
    """Signed distance, about, to the outline of a thing of radius one; negative inside, y downward.

    A star's inner corners are at 0.5 / (0.405 + 0.588 `depth`) of its radius.
    """
    match kind:
        case "circle":
            return np.hypot(x, y) - 1
        case "ring":
            return np.subtract(np.abs(np.hypot(x, y) - 0.75), 0.25)
        case "square":
            return np.maximum(np.abs(x), np.abs(y)) - 0.86
        case "diamond":
            return (np.abs(x) / 0.75 + np.abs(y)) * 0.6 - 0.6
        case "triangle":
            return np.asarray(np.maximum(y - 0.72, 0.866 * np.abs(x) - 0.5 * y - 0.46))
        case "cross":
            bar = np.maximum(np.abs(x) - 0.95, np.abs(y) - 0.32)
            return np.minimum(bar, np.maximum(np.abs(y) - 0.95, np.abs(x) - 0.32))
        case "star":
            turn = np.abs((np.arctan2(x, -y) / (2 * np.pi) * 5 + 0.5) % 1 - 0.5) * (2 * np.pi / 5)
            reach = np.hypot(x, y)
            return np.add((reach * np.cos(turn) - 1) * 0.5, reach * np.sin(turn) * depth)
    raise ValueError(f"no such kind: {kind}")


def _fill(frame: Array, height: int, width: int) -> NDArray[np.uint8]:
    """To uint8 at full size; a coarse frame is enlarged without smoothing."""
    if frame.shape[:2] != (height, width):
        rows = np.arange(height) * frame.shape[0] // height
        columns = np.arange(width) * frame.shape[1] // width
        frame = frame[rows][:, columns]
    return (np.clip(frame, 0, 1) * 255 + 0.5).astype(np.uint8)

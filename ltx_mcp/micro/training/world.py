"""The micro model's world: what can happen in a clip, drawn at random from a seed. No pixels here and no words.

A `Scene` is a value. `draw.frames` makes frames of it, `captions.captions` describes it. Lengths are in units of
the frame's short side and positions are shares of the room in each direction, so that a scene fits any frame.
A `Film` is scenes with hard cuts between them; `films` shows, says and sounds it.
"""

import zlib
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal, get_args

import numpy as np

from ltx_mcp.micro.training.sampling import one

Kind = Literal["circle", "square", "triangle", "star", "ring", "cross", "diamond"]
Colour = Literal["red", "green", "blue", "yellow", "orange", "purple", "cyan", "white"]
Size = Literal["small", "medium", "large"]
Motion = Literal["still", "left", "right", "up", "down", "orbit", "bounce", "grow", "shrink", "appear", "blink"]
Backdrop = Literal["plain", "gradient", "stripes", "checks", "speckle"]
Shade = Literal["black", "navy", "gray", "brown"]
Camera = Literal["fixed", "pan left", "pan right", "zoom in", "zoom out"]
Style = Literal["flat", "outline", "pixel", "watercolour", "night"]

RGB: dict[str, tuple[float, float, float]] = {
    "red": (0.90, 0.12, 0.12),
    "green": (0.12, 0.75, 0.20),
    "blue": (0.15, 0.30, 0.95),
    "yellow": (0.97, 0.87, 0.10),
    "orange": (0.97, 0.52, 0.05),
    "purple": (0.60, 0.18, 0.80),
    "cyan": (0.10, 0.80, 0.85),
    "white": (0.95, 0.95, 0.95),
    "black": (0.03, 0.03, 0.03),
    "navy": (0.04, 0.06, 0.24),
    "gray": (0.27, 0.27, 0.27),
    "brown": (0.24, 0.14, 0.07),
}
RADIUS: dict[Size, float] = {"small": 0.10, "medium": 0.16, "large": 0.24}

CORE_KINDS: tuple[Kind, ...] = ("circle", "square", "triangle")
CORE_COLOURS: tuple[Colour, ...] = ("red", "green", "blue", "yellow")
CORE_MOTIONS: tuple[Motion, ...] = ("left", "right", "up", "down")
CORE_SHADES: tuple[Shade, ...] = ("black", "navy")

_HELD_OUT_OF = 10  # one combination in so many is never trained on
_SILENT_SHARE = 1 / 8


@dataclass(frozen=True)
class Thing:
    """One object. `x` and `y` are -1..1 of the room left for its centre; `phase` is 0..1 of a turn."""

    kind: Kind
    colour: Colour
    size: Size
    motion: Motion
    x: float
    y: float
    phase: float = 0.0

    @property
    def held_out(self) -> bool:
        """Whether this kind, colour and motion together are kept for tests; the same on every machine."""
        return zlib.crc32(f"{self.kind} {self.colour} {self.motion}".encode()) % _HELD_OUT_OF == 0


@dataclass(frozen=True)
class Scene:
    """All that is drawn and heard. Later things cover earlier ones; `grain` seeds the textures."""

    things: tuple[Thing, ...]
    shade: Shade
    backdrop: Backdrop = "plain"
    camera: Camera = "fixed"
    style: Style = "flat"
    grain: int = 0
    silent: bool = False

    @property
    def held_out(self) -> bool:
        """Whether any of its things is a combination kept for tests."""
        return any(thing.held_out for thing in self.things)


@dataclass(frozen=True)
class Film:
    """Scenes one after another. `lengths` count only against each other, so that a film fits any length."""

    scenes: tuple[Scene, ...]
    lengths: tuple[float, ...]

    @property
    def held_out(self) -> bool:
        """Whether any of its scenes is kept for tests."""
        return any(scene.held_out for scene in self.scenes)

    def stretches(self, count: int) -> list[tuple[Scene, range]]:
        """The scenes with those of `count` frames that each is shown in; one too short for a frame is left out."""
        ends = [round(count * end / sum(self.lengths)) for end in accumulate(self.lengths)]
        stretches = zip(self.scenes, map(range, [0, *ends], ends), strict=True)
        return [(scene, stretch) for scene, stretch in stretches if stretch]


def core_scene(seed: int) -> Scene:
    """One thing of the core world: red, green, blue or yellow; circle, square or triangle; on plain dark ground."""
    rng = np.random.default_rng([1, seed])
    return Scene(
        (_thing(rng, CORE_KINDS, CORE_COLOURS, CORE_MOTIONS),), one(rng, CORE_SHADES), grain=seed, silent=_silent(seed)
    )


def wide_scene(seed: int) -> Scene:
    """One to three things of any sort, any ground, camera and style."""
    rng = np.random.default_rng([2, seed])
    count = int(rng.choice([1, 1, 1, 2, 2, 3]))
    things: list[Thing] = []
    for _ in range(count):
        things.append(_apart(rng, things))
    return Scene(
        tuple(things),
        one(rng, get_args(Shade)),
        one(rng, ("plain", *get_args(Backdrop))),
        one(rng, ("fixed", "fixed", "fixed", *get_args(Camera))),
        one(rng, ("flat", "flat", *get_args(Style))),
        seed,
        _silent(seed),
    )


def scene(seed: int) -> Scene:
    """Half of all seeds give a core scene, the other half a wide one."""
    return core_scene(seed) if zlib.crc32(str(seed).encode()) % 2 else wide_scene(seed)


def film(seed: int) -> Film:
    """Two or three scenes. Neighbours have no colour in common, so that every cut is seen."""
    rng = np.random.default_rng([13, seed])
    count = int(rng.integers(2, 4))
    scenes: list[Scene] = []
    while len(scenes) < count:
        following = scene(int(rng.integers(2**31)))
        if not scenes or not _colours(scenes[-1]) & _colours(following):
            scenes.append(following)
    return Film(tuple(scenes), tuple(float(length) for length in rng.uniform(1, 2, count)))


def settled(scene: Scene) -> Scene:
    """The same scene, but for its things, each of which stands in the middle of its third of the room."""
    things = (replace(thing, x=round(1.5 * thing.x) / 1.5, y=round(1.5 * thing.y) / 1.5) for thing in scene.things)
    return replace(scene, things=tuple(things))


def training_seed(rng: np.random.Generator) -> int:
    """A seed whose scene may be trained on, drawn with this generator."""
    while True:
        seed = int(rng.integers(2**31))
        if not scene(seed).held_out:
            return seed


def _thing(
    rng: np.random.Generator,
    kinds: tuple[Kind, ...] = get_args(Kind),
    colours: tuple[Colour, ...] = get_args(Colour),
    motions: tuple[Motion, ...] = get_args(Motion),
) -> Thing:
    x, y, phase = rng.uniform(-1, 1), rng.uniform(-1, 1), rng.uniform()
    return Thing(
        one(rng, kinds), one(rng, colours), one(rng, get_args(Size)), one(rng, motions), float(x), float(y), phase
    )


def _silent(seed: int) -> bool:
    return bool(np.random.default_rng([7, seed]).random() < _SILENT_SHARE)


def _apart(rng: np.random.Generator, others: list[Thing]) -> Thing:
    """A thing of another colour than the others, away from them where a few tries allow it."""
    colours = tuple(colour for colour in get_args(Colour) if colour not in {other.colour for other in others})
    thing = _thing(rng, colours=colours)
    for _ in range(8):
        if all(abs(thing.x - other.x) + abs(thing.y - other.y) > 0.9 for other in others):
            break
        thing = _thing(rng, colours=colours)
    return thing


def _colours(scene: Scene) -> set[Colour]:
    return {thing.colour for thing in scene.things}

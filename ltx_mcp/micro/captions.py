"""What people would say of a scene: many phrasings, short and long, with synonyms; some kept for tests.

A caption names the kind, colour and motion of every thing, and a style or camera move where there is one. Ground
and size are said in some phrasings. A silent scene is always called so; the tone of a thing that is alone is said now
and then. Every caption is one `Phrasing` filled with words drawn by lot.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ltx_mcp.micro.world import Scene, Thing

# The first word of each row is the plain one. No word may stand for two things.
KINDS: Mapping[str, Sequence[str]] = {
    "circle": ("circle", "disc", "ball", "dot", "round shape"),
    "square": ("square", "box", "block"),
    "triangle": ("triangle", "three-sided shape", "three-cornered shape"),
    "star": ("star", "five-pointed star"),
    "ring": ("ring", "hoop"),
    "cross": ("cross", "plus sign"),
    "diamond": ("diamond", "rhombus", "lozenge"),
}
COLOURS: Mapping[str, Sequence[str]] = {
    "red": ("red", "bright red", "crimson", "scarlet"),
    "green": ("green", "bright green", "emerald"),
    "blue": ("blue", "bright blue", "royal blue"),
    "yellow": ("yellow", "bright yellow", "lemon yellow"),
    "orange": ("orange", "bright orange", "tangerine"),
    "purple": ("purple", "violet"),
    "cyan": ("cyan", "turquoise", "aqua"),
    "white": ("white", "pure white"),
}
SIZES: Mapping[str, Sequence[str]] = {
    "small": ("small", "little", "tiny"),
    "medium": ("medium-sized",),
    "large": ("large", "big", "huge"),
}
# Each fits behind "is" and right behind the thing: "a ball (is) moving left".
MOTIONS: Mapping[str, Sequence[str]] = {
    "still": ("standing still", "staying in place", "not moving", "resting"),
    "left": ("moving left", "moving to the left", "sliding left", "going leftward", "drifting to the left",
             "travelling from right to left"),
    "right": ("moving right", "moving to the right", "sliding right", "going rightward", "drifting to the right",
              "travelling from left to right"),
    "up": ("moving up", "moving upward", "rising", "going up", "floating up", "travelling from bottom to top"),
    "down": ("moving down", "moving downward", "sinking", "going down", "falling", "travelling from top to bottom"),
    "orbit": ("circling around", "orbiting the centre", "going round and round"),
    "bounce": ("bouncing", "bouncing up and down", "hopping", "jumping up and down"),
    "grow": ("growing", "getting bigger", "becoming larger"),
    "shrink": ("shrinking", "getting smaller", "becoming smaller"),
    "appear": ("appearing", "coming into view", "fading in"),
    "blink": ("blinking", "flashing on and off", "flickering"),
}  # fmt: skip
CAMERAS: Mapping[str, Sequence[str]] = {
    "pan left": ("the camera pans left", "the view moves to the left"),
    "pan right": ("the camera pans right", "the view moves to the right"),
    "zoom in": ("the camera zooms in", "the view moves closer"),
    "zoom out": ("the camera zooms out", "the view moves back"),
}
STYLES: Mapping[str, Sequence[str]] = {
    "outline": ("drawn in outline", "as a line drawing"),
    "pixel": ("as pixel art", "in blocky pixels"),
    "watercolour": ("as a watercolour", "painted in watercolour"),
    "night": ("at night", "glowing in the dark"),
}
GROUNDS: Mapping[str, Sequence[str]] = {
    "plain": ("a {} background", "plain {}", "a plain {} background"),
    "gradient": ("a {} gradient", "a background of fading {}"),
    "stripes": ("{} stripes", "a striped {} background"),
    "checks": ("a {} checkerboard", "a checked {} background"),
    "speckle": ("a speckled {} background", "rough {} ground"),
}
SHADES: Mapping[str, Sequence[str]] = {
    "black": ("black",),
    "navy": ("navy", "dark blue", "navy blue"),
    "gray": ("gray", "dark gray", "grey"),
    "brown": ("brown", "dark brown"),
}
SILENCE = ("silent", "without sound", "no sound")
# What one thing alone sounds like, by its motion; `{}` is how high its tone is.
SOUNDS: Mapping[str, Sequence[str]] = {
    "still": ("with a steady {} tone", "with a {} hum", "a {} note is held"),
    "left": ("with a steady {} tone", "a {} note wanders left"),
    "right": ("with a steady {} tone", "a {} note wanders right"),
    "up": ("with a rising tone", "the pitch climbs", "with a tone that climbs"),
    "down": ("with a falling tone", "the pitch drops", "with a tone that drops"),
    "orbit": ("the pitch swings up and down", "with a swinging tone"),
    "bounce": ("with a click at every landing", "clicking at every landing"),
    "grow": ("with a tone that swells", "louder and louder"),
    "shrink": ("with a tone that fades away", "softer and softer"),
    "appear": ("with a {} tone that sets in", "a {} note starts"),
    "blink": ("beeping", "with {} beeps"),
}
LEVELS = ("low", "middle", "high")
_SOUND_SAID = 0.3  # of the captions of one thing alone

_HELD_OUT_OF = 4  # one phrasing in so many is never trained on


@dataclass(frozen=True)
class Phrasing:
    """A sentence with places for `things` and perhaps `ground`; `clause` says one thing with its motion."""

    sentence: str
    clause: str = "{article} {colour} {kind} {motion}"

    @property
    def held_out(self) -> bool:
        """Whether this form of sentence is kept for tests; the same on every machine."""
        return zlib.crc32(f"{self.sentence}|{self.clause}".encode()) % _HELD_OUT_OF == 0


_SENTENCES = (
    "{things}",
    "{things} on {ground}",
    "{things}, on {ground}",
    "On {ground}, {things}.",
    "A clip of {things}",
    "A video of {things} on {ground}",
    "A short video that shows {things} on {ground}.",
    "We see {things}.",
    "There is {things} on {ground}.",
    "Show me {things}",
    "An animation: {things}, {ground} behind.",
    "{ground}: {things}",
)
_CLAUSES = (
    "{article} {colour} {kind} {motion}",
    "{article} {colour} {kind} that is {motion}",
    "{article} {colour} {kind}, {motion}",
    "{article} {size} {colour} {kind} {motion}",
)
PHRASINGS = tuple(Phrasing(sentence, clause) for sentence in _SENTENCES for clause in _CLAUSES)


def caption(scene: Scene, lot: np.random.Generator, *, held_out: bool = False) -> str:
    """One description of the scene, by lot, in a phrasing for training or, if `held_out`, in one kept for tests."""
    fit = [phrasing for phrasing in PHRASINGS if phrasing.held_out == held_out]
    phrasing = fit[int(lot.integers(len(fit)))]
    return _say(scene, phrasing, lambda words: words[int(lot.integers(len(words)))], lambda: lot.random() < _SOUND_SAID)


def plain_caption(scene: Scene) -> str:
    """The plainest full description: `a red circle moving left on a black background`."""
    return _say(scene, Phrasing("{things} on {ground}"), lambda words: words[0], lambda: False)


def captions(scene: Scene, count: int, *, held_out: bool = False) -> list[str]:
    """So many descriptions, the same each time; drawn from the scene's own grain."""
    lot = np.random.default_rng([6, scene.grain])
    return [caption(scene, lot, held_out=held_out) for _ in range(count)]


def level(thing: Thing) -> str:
    """Whether a thing that keeps its height is low, in the middle or high; its tone is too."""
    return LEVELS[0 if thing.y > 1 / 3 else 2 if thing.y < -1 / 3 else 1]


def _say(
    scene: Scene, phrasing: Phrasing, pick: Callable[[Sequence[str]], str], tells_sound: Callable[[], bool]
) -> str:
    clauses = [_clause(thing, phrasing.clause, pick) for thing in scene.things]
    things = clauses[0] if len(clauses) == 1 else f"{', '.join(clauses[:-1])} and {clauses[-1]}"
    ground = pick(GROUNDS[scene.backdrop]).format(pick(SHADES[scene.shade]))
    sentence = phrasing.sentence.format(things=things, ground=ground)
    extras = [words for words in (STYLES.get(scene.style), CAMERAS.get(scene.camera)) if words]
    heard: list[str] = []
    if scene.silent:
        heard = [pick(SILENCE)]
    elif len(scene.things) == 1 and tells_sound():
        heard = [pick(SOUNDS[scene.things[0].motion]).format(level(scene.things[0]))]
    said = ", ".join([sentence.removesuffix("."), *map(pick, extras), *heard])
    return said + "." if sentence.endswith(".") else said


def _clause(thing: Thing, clause: str, pick: Callable[[Sequence[str]], str]) -> str:
    size, colour, kind = pick(SIZES[thing.size]), pick(COLOURS[thing.colour]), pick(KINDS[thing.kind])
    filled = clause.format(article="{}", size=size, colour=colour, kind=kind, motion=pick(MOTIONS[thing.motion]))
    first = filled.removeprefix("{} ")[0]
    return filled.format("an" if first in "aeiou" else "a")

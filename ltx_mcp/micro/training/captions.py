"""What people would say of a scene: many phrasings, short and long, with synonyms; some kept for tests.

A caption names the kind, colour and motion of every thing, and a style or camera move where there is one. Ground
and size are said in some phrasings. A silent scene is always called so; the tone of a thing that is alone is said now
and then. Every caption is one `Phrasing` filled with words drawn at random.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ltx_mcp.micro.training.sampling import one
from ltx_mcp.micro.training.world import Scene, Thing

# The first word of each row is the plain one. No word may stand for two things.
KINDS: Mapping[str, Sequence[str]] = {
    "circle": ("circle", "disc", "ball", "dot", "round shape", "disk", "sphere", "orb"),
    "square": ("square", "box", "block", "cube", "four-sided shape"),
    "triangle": ("triangle", "three-sided shape", "three-cornered shape", "triangular shape"),
    "star": ("star", "five-pointed star"),
    "ring": ("ring", "hoop"),
    "cross": ("cross", "plus sign"),
    "diamond": ("diamond", "rhombus", "lozenge"),
}
COLOURS: Mapping[str, Sequence[str]] = {
    "red": ("red", "bright red", "crimson", "scarlet", "ruby", "cherry red", "red-coloured"),
    "green": ("green", "bright green", "emerald", "lime green", "grass green", "green-coloured"),
    "blue": ("blue", "bright blue", "royal blue", "azure", "sapphire", "cobalt blue", "blue-coloured"),
    "yellow": ("yellow", "bright yellow", "lemon yellow", "golden", "sunny yellow", "yellow-coloured"),
    "orange": ("orange", "bright orange", "tangerine"),
    "purple": ("purple", "violet"),
    "cyan": ("cyan", "turquoise", "aqua"),
    "white": ("white", "pure white"),
}
SIZES: Mapping[str, Sequence[str]] = {
    "small": ("small", "little", "tiny", "mini"),
    "medium": ("medium-sized", "medium", "mid-sized"),
    "large": ("large", "big", "huge", "giant"),
}
# Each fits behind "is" and right behind the thing: "a ball (is) moving left".
MOTIONS: Mapping[str, Sequence[str]] = {
    "still": ("standing still", "staying in place", "not moving", "resting"),
    "left": ("moving left", "moving to the left", "sliding left", "going leftward", "drifting to the left",
             "travelling from right to left", "gliding left", "moving leftwards", "floating to the left",
             "heading left", "moving towards the left", "going to the left", "drifting leftwards"),
    "right": ("moving right", "moving to the right", "sliding right", "going rightward", "drifting to the right",
              "travelling from left to right", "gliding right", "moving rightwards", "floating to the right",
              "heading right", "moving towards the right", "going to the right", "drifting rightwards"),
    "up": ("moving up", "moving upward", "rising", "going up", "floating up", "travelling from bottom to top",
           "ascending", "moving upwards", "drifting upwards", "heading up", "sliding up", "moving to the top"),
    "down": ("moving down", "moving downward", "sinking", "going down", "falling", "travelling from top to bottom",
             "descending", "moving downwards", "drifting downwards", "heading down", "sliding down",
             "moving to the bottom"),
    "orbit": ("circling around", "orbiting the centre", "going round and round"),
    "bounce": ("bouncing", "bouncing up and down", "hopping", "jumping up and down"),
    "grow": ("growing", "getting bigger", "becoming larger"),
    "shrink": ("shrinking", "getting smaller", "becoming smaller"),
    "appear": ("appearing", "coming into view", "fading in"),
    "blink": ("blinking", "flashing on and off", "flickering"),
}  # fmt: skip
# The same as what a thing does: "a ball moves left".
VERBS: Mapping[str, Sequence[str]] = {
    "still": ("stands still", "stays in place", "does not move", "rests"),
    "left": ("moves left", "moves to the left", "slides left", "goes leftward", "drifts leftwards", "glides left",
             "drifts to the left", "travels from right to left", "heads left", "floats to the left", "goes left"),
    "right": ("moves right", "moves to the right", "slides right", "goes rightward", "drifts rightwards",
              "glides right", "drifts to the right", "travels from left to right", "heads right",
              "floats to the right", "goes right"),
    "up": ("moves up", "moves upward", "rises", "goes up", "floats up", "ascends", "drifts upwards", "slides up",
           "travels from bottom to top", "heads up"),
    "down": ("moves down", "moves downward", "sinks", "goes down", "falls", "descends", "drifts downwards",
             "slides down", "travels from top to bottom", "heads down"),
    "orbit": ("circles around", "orbits the centre", "goes round and round"),
    "bounce": ("bounces", "hops", "jumps up and down"),
    "grow": ("grows", "gets bigger", "becomes larger"),
    "shrink": ("shrinks", "gets smaller", "becomes smaller"),
    "appear": ("appears", "comes into view", "fades in"),
    "blink": ("blinks", "flashes on and off", "flickers"),
}  # fmt: skip
CAMERAS: Mapping[str, Sequence[str]] = {
    "pan left": ("the camera pans left", "the view shifts to the left"),
    "pan right": ("the camera pans right", "the view shifts to the right"),
    "zoom in": ("the camera zooms in", "the view moves closer"),
    "zoom out": ("the camera zooms out", "the view moves back"),
}
STYLES: Mapping[str, Sequence[str]] = {
    "outline": ("drawn in outline", "as a line drawing"),
    "pixel": ("as pixel art", "in blocky pixels"),
    "watercolour": ("as a watercolour", "painted in watercolour"),
    "night": ("at night", "by night, glowing"),
}
GROUNDS: Mapping[str, Sequence[str]] = {
    "plain": ("a {} background", "plain {}", "a plain {} background", "a {} backdrop", "{} ground"),
    "gradient": ("a {} gradient", "a background of fading {}"),
    "stripes": ("{} stripes", "a striped {} background"),
    "checks": ("a {} checkerboard", "a checked {} background"),
    "speckle": ("a speckled {} background", "rough {} ground"),
}
SHADES: Mapping[str, Sequence[str]] = {
    "black": ("black", "dark", "pitch black"),
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

HELD_OUT_OF = 4  # one phrasing in so many is never trained on


@dataclass(frozen=True)
class Phrasing:
    """A sentence with places for `things` and perhaps `ground`; `clause` says one thing with its motion."""

    sentence: str
    clause: str = "{article} {colour} {kind} {motion}"

    @property
    def held_out(self) -> bool:
        """Whether this form of sentence is kept for tests; the same on every machine."""
        return zlib.crc32(f"{self.sentence}|{self.clause}".encode()) % HELD_OUT_OF == 0


# Around a thing with its motion: "a ball moving left".
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
    "{things} against {ground}",
    "{things} across {ground}",
    "{things} over {ground}",
    "{things} in front of {ground}",
    "{things}, with {ground}",
    "{things}. {ground}.",
    "Against {ground}, {things}",
    "Make a video of {things}",
    "Create a clip with {things} on {ground}",
    "Generate {things}.",
    "Please show {things} against {ground}.",
    "I want to see {things} on {ground}",
    "Can you make {things}?",
    "A cinematic shot of {things}",
    "Footage of {things} over {ground}.",
    "A scene with {things}, {ground}",
    "Draw {things} on {ground}",
    "Animate {things}",
)
_CLAUSES = (
    "{article} {colour} {kind} {motion}",
    "{article} {colour} {kind} that is {motion}",
    "{article} {colour} {kind}, {motion}",
    "{article} {size} {colour} {kind} {motion}",
    "{article} {size} {colour} {kind}, {motion}",
    "{article} {size} {kind} in {colour} {motion}",
    "{article} {kind} in {colour} {motion}",
    "{colour} {kind} {motion}",
    "{size} {colour} {kind} {motion}",
    "{colour} {kind}, {motion}",
    "{motion}, {article} {colour} {kind}",
    "{motion}: {article} {size} {colour} {kind}",
    "one {colour} {kind} {motion}",
)
# Around a thing and what it does: "a ball moves left".
_TELLING = (
    "{things}",
    "{things}.",
    "{things} on {ground}",
    "{things} across {ground}",
    "{things} against {ground}.",
    "On {ground}, {things}",
    "In front of {ground}, {things}.",
    "A clip in which {things}",
    "A video where {things} on {ground}",
    "An animation in which {things} across {ground}.",
    "Watch how {things}",
    "{ground}, {things}",
)
_TELLING_CLAUSES = (
    "{article} {colour} {kind} {verb}",
    "{article} {size} {colour} {kind} {verb}",
    "the {colour} {kind} {verb}",
    "the {size} {colour} {kind} {verb}",
    "{article} {kind} in {colour} {verb}",
    "{article} {kind} that is {colour} {verb}",
    "{colour} {kind} {verb}",
)
PHRASINGS = tuple(
    Phrasing(sentence, clause)
    for sentences, clauses in ((_SENTENCES, _CLAUSES), (_TELLING, _TELLING_CLAUSES))
    for sentence in sentences
    for clause in clauses
)


def caption(scene: Scene, rng: np.random.Generator, *, held_out: bool = False) -> str:
    """One description of the scene, at random, in a phrasing for training or, if `held_out`, in one kept for tests."""
    fit = [phrasing for phrasing in PHRASINGS if phrasing.held_out == held_out]
    return say(scene, one(rng, fit), rng)


def say(scene: Scene, phrasing: Phrasing, rng: np.random.Generator) -> str:
    """The scene in this phrasing, its words at random."""
    return _say(scene, phrasing, lambda words: one(rng, words), lambda: rng.random() < _SOUND_SAID)


def plain_caption(scene: Scene) -> str:
    """The plainest full description: `a red circle moving left on a black background`."""
    return _say(scene, Phrasing("{things} on {ground}"), lambda words: words[0], lambda: False)


def captions(scene: Scene, count: int, *, held_out: bool = False) -> list[str]:
    """So many descriptions, the same each time; drawn from the scene's own grain."""
    rng = np.random.default_rng([6, scene.grain])
    return [caption(scene, rng, held_out=held_out) for _ in range(count)]


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
    filled = clause.format(
        article="{}",
        size=pick(SIZES[thing.size]),
        colour=pick(COLOURS[thing.colour]),
        kind=pick(KINDS[thing.kind]),
        motion=pick(MOTIONS[thing.motion]),
        verb=pick(VERBS[thing.motion]),
    )
    before, article, after = filled.partition("{} ")
    return f"{before}{'an' if after[0] in 'aeiou' else 'a'} {after}" if article else filled

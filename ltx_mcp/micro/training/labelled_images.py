"""What the micro CLIP learns from: single images with tags that are true of them, and captions that claim some.

A caption fits every image whose tags include all that it claims, so a batch knows which of its pairs belong together
even where they were not drawn for each other. Most are frames of the drawn world; the rest are cards, one thing in any
of eleven colours on a ground of any other, which no clip of the world shows but people ask about.
"""

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.micro.training import captions, draw, world
from ltx_mcp.micro.training.sampling import one

Pixels = NDArray[np.uint8]
Tags = frozenset[str]

CARD_RGB: Mapping[str, tuple[int, int, int]] = {
    "red": (220, 40, 40), "green": (40, 180, 60), "blue": (40, 80, 220), "yellow": (235, 215, 50),
    "orange": (245, 140, 30), "purple": (140, 50, 190), "cyan": (30, 205, 215), "white": (245, 245, 245),
    "pink": (245, 140, 190), "black": (15, 15, 15), "brown": (120, 75, 40),
}  # fmt: skip
COLOURS = {**captions.COLOURS, "pink": ("pink",), "black": ("black",), "brown": ("brown",)}
PLACES: Mapping[str, Sequence[str]] = {
    "left": ("at the left", "on the left side", "to the left"),
    "right": ("at the right", "on the right side", "to the right"),
    "top": ("at the top", "in the upper part"),
    "bottom": ("at the bottom", "in the lower part"),
    "middle": ("in the middle", "in the centre"),
}
COUNTS: Mapping[int, Sequence[str]] = {1: ("one thing", "a single shape"), 2: ("two things", "two shapes"),
                                       3: ("three things", "three shapes")}  # fmt: skip
_THINGS = (
    "{article} {colour} {kind}",
    "{article} {size} {colour} {kind}",
    "{article} {kind} in {colour}",
    "{colour} {kind}",
    "{size} {colour} {kind}",
    "{article} {colour} {kind} {place}",
    "the {kind} is {colour}",
    "{article} {size} {kind} in {colour}",
    "{article} {kind} that is {colour}",
)
_SENTENCES = (
    "{things}",
    "{things} on {ground}",
    "{things} over {ground}",
    "a picture of {things}",
    "a picture of {things} on {ground}",
    "a video of {things}",
    "a video of {things} on {ground}",
    "a frame with {things}, {ground}",
    "there is {things} on {ground}",
    "we see {things}",
    "{ground} and {things}",
    "{things} in front of {ground}",
    "{ground} with {things}",
    "an image of {things} against {ground}",
    "show me {things}",
    "find {things} against {ground}",
)
FORMS = tuple((sentence, thing) for sentence in _SENTENCES for thing in _THINGS)
_EMPTY = ("nothing on {}", "{} without anything", "only {}")

_CARDS, _EMPTIES = 0.3, 0.03  # shares of all
_FULL = 0.4  # of the captions of what is seen, those that leave neither the size nor the ground unsaid
_TOLD = 0.35  # of the captions of the drawn world, those that tell a whole clip
_JITTER = 18  # of a card's colours, in levels
_TURN, _STRETCH, _SWELLING = 0.1, 0.1, 0.1  # of a card's form: in radians, in the logarithm, in radii
_DEPTHS = (0.6, 1.3)  # of a card's stars, from fat ones to thin ones
_EDGE = 0.3  # of the room on each side of the middle, beyond which a thing is at that side


@dataclass(frozen=True)
class LabelledImage:
    """A scene at a share of its clip, or a card: a still scene whose shade is a colour of CARD_RGB."""

    scene: world.Scene
    share: float
    ground: str  # a shade of the world, or a colour of a card
    is_card: bool
    tags: Tags


def labelled_image(rng: np.random.Generator) -> LabelledImage:
    """One at random; none of a combination that is kept for tests."""
    share = rng.uniform()
    if share < _CARDS:
        return _card(rng)
    scene = world.scene(world.training_seed(rng))
    if share > 1 - _EMPTIES:
        scene = replace(scene, things=())
    return of_scene(scene, float(rng.uniform()))


def of_scene(scene: world.Scene, share: float) -> LabelledImage:
    """What a frame of the world shows. Sizes and places count only while the camera rests."""
    tags = {f"ground {scene.shade}", f"backdrop {scene.backdrop}", f"style {scene.style}"}
    seen = [(thing, *draw.place(thing, share, 2 * share, (1.75, 1.0))) for thing in scene.things]
    shown = [(thing, x, y, radius) for thing, x, y, radius, opacity in seen if opacity > 0.5]
    for thing, x, y, radius in shown:
        name = f"{thing.colour} {thing.kind}"
        tags |= {name}
        if scene.camera == "fixed":
            tags |= {f"{_size(radius)} {name}"} | {f"{name} {place}" for place in _places(x / 0.875, y / 0.5)}
    tags.add(f"count {len(shown)}")
    return LabelledImage(
        replace(scene, things=tuple(thing for thing, *_ in shown)), share, scene.shade, False, frozenset(tags)
    )


def pixels(labelled: LabelledImage, size: tuple[int, int]) -> Pixels:
    """RGB uint8 (height, width, 3) = size."""
    if labelled.is_card:
        return _draw_card(labelled, size)
    count = 49  # a clip of two seconds
    shown: Pixels = draw.window(labelled.scene, [round(labelled.share * (count - 1))], count, size, (0, 0, *size))[0]
    return shown


def claim(labelled: LabelledImage, rng: np.random.Generator, *, held_out: bool = False) -> tuple[str, Tags]:
    """A caption at random and the tags that it claims; in a form kept for tests if `held_out`."""
    if not labelled.scene.things:
        ground, claims = _ground(labelled, rng)
        return one(rng, _EMPTY).format(ground), frozenset(claims | {"count 0"})
    if not labelled.is_card and not held_out and rng.uniform() < _TOLD:
        return _told(labelled, rng)
    if not held_out and rng.uniform() < 0.04:
        ground, claims = _ground(labelled, rng)
        count = len(labelled.scene.things)
        return f"{one(rng, COUNTS[count])} on {ground}", frozenset(claims | {f"count {count}"})
    sentence, form = one(rng, FITTING[held_out, bool(rng.uniform() < _FULL)])
    return say(labelled, sentence, form, rng)


def say(labelled: LabelledImage, sentence: str, form: str, rng: np.random.Generator) -> tuple[str, Tags]:
    """A caption of this form, and what it claims. `form` says each thing."""
    said, claims = [], set()
    for thing in labelled.scene.things:
        name = f"{thing.colour} {thing.kind}"
        sizes = [size for size in world.RADIUS if f"{size} {name}" in labelled.tags]
        places = [place for place in PLACES if f"{name} {place}" in labelled.tags]
        usable = form
        if not sizes:
            usable = usable.replace("{size} ", "")
        if not places:
            usable = usable.replace(" {place}", "")
        place = one(rng, places) if places else ""
        words = usable.format(
            article="{}",
            size=one(rng, captions.SIZES[sizes[0]]) if sizes else "",
            colour=one(rng, COLOURS[thing.colour]),
            kind=one(rng, captions.KINDS[thing.kind]),
            place=one(rng, PLACES[place]) if place else "",
        )
        said.append(_with_article(words))
        claims.add(name)
        if "{size}" in usable:
            claims.add(f"{sizes[0]} {name}")
        if "{place}" in usable:
            claims.add(f"{name} {place}")
    things = said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
    ground, of_ground = _ground(labelled, rng)
    if "{ground}" in sentence:
        claims |= of_ground
    caption = sentence.format(things=things, ground=ground)
    if labelled.scene.style != "flat" and rng.uniform() < 0.5:
        caption += f", {one(rng, captions.STYLES[labelled.scene.style])}"
        claims.add(f"style {labelled.scene.style}")
    return caption, frozenset(claims)


def is_held_out(sentence: str, form: str) -> bool:
    """Whether this form of caption is kept for tests, one in four; the same on every machine."""
    return zlib.crc32(f"{sentence}|{form}".encode()) % 4 == 0


FITTING = {
    (held_out, full): [
        (sentence, form)
        for sentence, form in FORMS
        if is_held_out(sentence, form) == held_out
        and not (full and ("{size}" not in form or "{ground}" not in sentence))
    ]
    for held_out in (False, True)
    for full in (False, True)
}
"""Forms by whether they are kept for tests and must say the size and the ground."""


def vocabulary() -> list[str]:
    """Every word that a caption of `claim` or of `captions` may hold, sorted."""
    texts = [*_SENTENCES, *_THINGS, *_EMPTY, *captions.SILENCE, *captions.LEVELS, *CARD_RGB, "a an the background"]
    texts += [f"{phrasing.sentence} {phrasing.clause}" for phrasing in captions.PHRASINGS]
    tables: tuple[Mapping[str, Sequence[str]] | Mapping[int, Sequence[str]], ...] = (
        captions.KINDS, COLOURS, captions.SIZES, captions.MOTIONS, captions.VERBS, captions.CAMERAS, captions.STYLES,
        captions.GROUNDS, captions.SHADES, captions.SOUNDS, PLACES, COUNTS,
    )  # fmt: skip
    texts += [text for table in tables for words in table.values() for text in words]
    return sorted({word for text in texts for word in re.findall(r"\w+", re.sub(r"\{\w*\}", " ", text).casefold())})


def _told(labelled: LabelledImage, rng: np.random.Generator) -> tuple[str, Tags]:
    """A caption of the whole clip: what it says of motion and sound a still cannot deny."""
    caption = captions.caption(labelled.scene, rng)
    claims = {f"{thing.colour} {thing.kind}" for thing in labelled.scene.things}
    if labelled.scene.style != "flat":
        claims.add(f"style {labelled.scene.style}")
    if _says(caption, captions.SHADES[labelled.scene.shade]):
        claims |= {f"ground {labelled.scene.shade}", f"backdrop {labelled.scene.backdrop}"}
    return caption, frozenset(claims)


def _says(caption: str, words: Sequence[str]) -> bool:
    return any(re.search(rf"\b{word}\b", caption.casefold()) for word in words)


def _card(rng: np.random.Generator) -> LabelledImage:
    """One thing on a plain ground of another colour."""
    ground, colour = (str(name) for name in rng.choice(list(CARD_RGB), 2, replace=False))
    kind: world.Kind = one(rng, get_args(world.Kind))
    size: world.Size = one(rng, get_args(world.Size))
    x, y = (float(value) for value in rng.uniform(-1, 1, 2))
    thing = world.Thing(kind, colour, size, "still", x, y)  # type: ignore[arg-type]  # a card has more colours
    name = f"{colour} {kind}"
    reach = 1 - 2 * world.RADIUS[size]
    tags = {name, f"{size} {name}", f"ground {ground}", "backdrop plain", "style flat", "count 1"}
    tags |= {f"{name} {place}" for place in _places(x * reach, y * reach)}
    scene = world.Scene((thing,), "black", grain=int(rng.integers(2**31)))
    return LabelledImage(scene, 0.5, ground, True, frozenset(tags))


def _draw_card(labelled: LabelledImage, size: tuple[int, int]) -> Pixels:
    """Its form turned, stretched and swollen a little: people draw a star in more than one way."""
    thing, rng = labelled.scene.things[0], np.random.default_rng([10, labelled.scene.grain])
    height, width = size
    short = min(size)
    radius = world.RADIUS[thing.size] * 1.25
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) + 0.5
    free = [(side / short) / 2 - radius for side in (width, height)]
    across = (x - width / 2) / short - thing.x * free[0]
    down = (y - height / 2) / short - thing.y * free[1]
    turn, stretch, swelling = rng.normal(0, _TURN), np.exp(rng.normal(0, _STRETCH)), rng.uniform(-_SWELLING, _SWELLING)
    along, athwart = across * np.cos(turn) + down * np.sin(turn), down * np.cos(turn) - across * np.sin(turn)
    form = draw.outline(thing.kind, along * stretch / radius, athwart / stretch / radius, rng.uniform(*_DEPTHS))
    distance = (form - swelling) * radius
    cover = np.clip(0.5 - distance * short, 0, 1)[..., None]
    inner, outer = (
        np.clip(np.array(CARD_RGB[name]) + rng.integers(-_JITTER, _JITTER + 1, 3), 0, 255)
        for name in (thing.colour, labelled.ground)
    )
    drawn: Pixels = (outer * (1 - cover) + inner * cover + 0.5).astype(np.uint8)
    return drawn


def _ground(labelled: LabelledImage, rng: np.random.Generator) -> tuple[str, set[str]]:
    shades = captions.SHADES if labelled.ground in captions.SHADES else COLOURS
    shade = one(rng, shades[labelled.ground])
    words = one(rng, captions.GROUNDS[labelled.scene.backdrop]).format(shade)
    words = re.sub(r"\ba (?=[aeiou])", "an ", words)
    return words, {f"ground {labelled.ground}", f"backdrop {labelled.scene.backdrop}"}


def _size(radius: float) -> world.Size:
    return min(world.RADIUS, key=lambda size: abs(float(np.log(radius / world.RADIUS[size]))))


def _places(x: float, y: float) -> list[str]:
    """`x` and `y` are -1..1 of the whole image, y downward."""
    found = ["left"] if x < -_EDGE else ["right"] if x > _EDGE else []
    found += ["top"] if y < -_EDGE else ["bottom"] if y > _EDGE else []
    return found or ["middle"]


def _with_article(words: str) -> str:
    before, article, after = words.partition("{} ")
    return f"{before}{'an' if after[0] in 'aeiou' else 'a'} {after}" if article else words

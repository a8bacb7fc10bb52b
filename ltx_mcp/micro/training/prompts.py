"""Training prompts: captions of core scenes as people type them, with what each of them does and does not say."""

import re
from dataclasses import dataclass
from typing import get_args

import numpy as np

from ltx_mcp.micro.training import captions
from ltx_mcp.micro.training.captions import PHRASINGS
from ltx_mcp.micro.training.sampling import one
from ltx_mcp.micro.training.world import (
    CORE_COLOURS,
    CORE_KINDS,
    CORE_MOTIONS,
    CORE_SHADES,
    Scene,
    Size,
    Thing,
    core_scene,
)
from ltx_mcp.types.camera_moves import CAMERA_MOVES

UNSAID = "unsaid"

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "colour": CORE_COLOURS,
    "kind": CORE_KINDS,
    "motion": CORE_MOTIONS,
    "size": (*get_args(Size), UNSAID),
    "shade": (*CORE_SHADES, UNSAID),
    "level": (*captions.LEVELS, UNSAID),
    "silent": ("no", "yes"),
}
"""What the text encoder must find in a prompt, and the answers there are."""

DEFAULT_SIZE, DEFAULT_SHADE = "medium", "black"
"""What a prompt means that does not say it; and the thing is in the middle across its way. This leaves nothing open,
and makes the images sharp."""

_ADVERBS = ("slowly", "smoothly", "steadily", "gently", "quickly", "gracefully", "calmly", "simply")
_TAILS = ("cinematic", "high quality", "4k", "smooth motion", "simple shapes", "flat colours", "minimal", "animated",
          "no camera movement", "sharp edges", "2d animation", "clean look", "very detailed", "in slow motion",
          "on a dark screen", "looping")  # fmt: skip
_HEADS = ("please", "now", "hi,", "ok,", "simple animation,", "minimalist video,", "cinematic,", "scene 1:", "prompt:")
_NOISE_WORDS = ("really", "just", "nice", "pretty", "very", "the", "a", "of", "and", "some", "single", "lone")


_SUBJECTS = ("the woman", "the man", "a cat", "the dog", "the crowd", "the street", "a photo of a city", "the sea",
             "the picture", "the scene", "this photo", "the cup", "a mountain", "the flowers", "the car", "it",
             "the astronaut", "a portrait", "the forest", "the camera")  # fmt: skip
_DOINGS = ("comes to life", "smiles", "in gentle motion", "slowly pans", "in the wind", "stays calm", "continues",
           "at sunset, warm light", "with soft light", "looks around", "and nothing else happens", "goes on",
           "breathes", "in the rain", "as it is", "waits")  # fmt: skip
_ASTRAY = 0.3


@dataclass(frozen=True)
class Prompt:
    """A text for a scene and the index of the right answer for each attribute, in the order of ATTRIBUTES."""

    text: str
    answers: tuple[int, ...]

    def says(self, attribute: str) -> str:
        """The answer for one attribute."""
        return ATTRIBUTES[attribute][self.answers[list(ATTRIBUTES).index(attribute)]]


def prompt(scene: Scene, rng: np.random.Generator, *, full: bool = False, held_out: bool = False) -> Prompt:
    """A random prompt for a core scene. A `full` one says size, ground and height wherever they are not the default,
    if there are words for it."""
    thing = scene.things[0]
    if full and is_told(scene) and not _is_central(thing):
        while (made := _prompt(scene, rng, full=True, held_out=held_out)).says("level") == UNSAID:
            pass
        return made
    return _prompt(scene, rng, full=full, held_out=held_out)


def is_told(scene: Scene) -> bool:
    """Whether a full prompt tells all of this settled scene: what moves sideways can be high or low by its tone."""
    thing = scene.things[0]
    return _is_central(thing) or (thing.motion in ("left", "right") and not scene.silent)


def _is_central(thing: Thing) -> bool:
    return (thing.y if thing.motion in ("left", "right") else thing.x) == 0


def _prompt(scene: Scene, rng: np.random.Generator, *, full: bool, held_out: bool) -> Prompt:
    thing = scene.things[0]
    fit = _FIT[held_out, full and thing.size != DEFAULT_SIZE, full and scene.shade != DEFAULT_SHADE]
    form = one(rng, fit)
    text = captions.say(scene, form, rng)
    said = {
        "colour": thing.colour,
        "kind": thing.kind,
        "motion": thing.motion,
        "size": thing.size if "{size}" in form.clause else UNSAID,
        "shade": scene.shade if "{ground}" in form.sentence else UNSAID,
        "level": UNSAID,
        "silent": "yes" if scene.silent else "no",
    }
    if any(re.search(rf"\b{level}\b", text) for level in captions.LEVELS):
        said["level"] = captions.level(thing)
    answers = tuple(ATTRIBUTES[name].index(answer) for name, answer in said.items())
    return Prompt(text if held_out else loosely(text, rng), answers)


def of_footage(rng: np.random.Generator) -> str:
    """What people say of images that are not of the drawn world; now and then, something that is not there."""
    if rng.random() < _ASTRAY:
        return prompt(core_scene(int(rng.integers(2**31))), rng).text
    return loosely(f"{one(rng, _SUBJECTS)} {one(rng, _DOINGS)}", rng)


def loosely(text: str, rng: np.random.Generator) -> str:
    """The same as people type it: fillers, other cases, lost commas and full stops, now and then a typing error."""
    if rng.random() < 0.25:
        text = re.sub(
            r"\b(\w+ing|\w+s) (?=left|right|up|down|to the|from)", rf"\1 {one(rng, _ADVERBS)} ", text, count=1
        )
    if rng.random() < 0.10:
        text = f"{one(rng, _HEADS)} {text}"
    if rng.random() < 0.25:
        text = f"{text.removesuffix('.')}, {one(rng, _TAILS)}"
    if rng.random() < 0.15:
        adverb = one(rng, _ADVERBS)
        text = f"{adverb} {text}" if rng.random() < 0.3 else f"{text.removesuffix('.')} {adverb}"
    if rng.random() < 0.08:
        text = f"{text.removesuffix('.')}. {one(rng, tuple(CAMERA_MOVES.values()))}"
    words = text.split(" ")
    if rng.random() < 0.15:
        words.insert(int(rng.integers(len(words) + 1)), one(rng, _NOISE_WORDS))
    if rng.random() < 0.06:
        words.insert(int(rng.integers(len(words) + 1)), _gibberish(rng))
    text = " ".join(words)
    if rng.random() < 0.2:
        text = text.replace(",", "").replace(":", "")
    if rng.random() < 0.2:
        text = re.sub(r"\b(an?|the) ", "", text)
    if rng.random() < 0.2:
        text = text.removesuffix(".") if text.endswith(".") else f"{text}{one(rng, ('.', '!', '...'))}"
    return text


def _gibberish(rng: np.random.Generator) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    return "".join(letters[int(index)] for index in rng.integers(26, size=int(rng.integers(2, 8))))


_FIT = {
    (held_out, size, ground): tuple(
        form
        for form in PHRASINGS
        if form.held_out == held_out
        and (not size or "{size}" in form.clause)
        and (not ground or "{ground}" in form.sentence)
    )
    for held_out in (False, True)
    for size in (False, True)
    for ground in (False, True)
}
"""Phrasings by whether they are held out and must say the size and the ground."""

"""What a film of the drawn world shows, says and sounds like: each of its scenes as it is alone, in its own stretch.

At a cut one scene stops and the next begins again: its moves take its own stretch, and its beats count from the cut.
Picture and sound change together. A caption says the scenes in their order, all of them in one phrasing.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.micro.training import captions, draw, sound
from ltx_mcp.micro.training.captions import Phrasing
from ltx_mcp.micro.training.sampling import one
from ltx_mcp.micro.training.world import Film


@dataclass(frozen=True)
class FilmPhrasing:
    """Words before the first scene and words at each cut; `scene` says what lies between them."""

    opening: str
    cut: str
    scene: Phrasing

    @property
    def held_out(self) -> bool:
        """Whether this form is kept for tests, as all are that say a scene in a phrasing kept for tests."""
        form = f"{self.opening}|{self.cut}|{self.scene.sentence}|{self.scene.clause}"
        return self.scene.held_out or zlib.crc32(form.encode()) % captions.HELD_OUT_OF == 0


_OPENINGS = ("", "first ", "First, ", "a film: ", "in this order: ")
_CUTS = (", then ", ", and then ", "; then ", ". Then ", ", after that ", "; after that, ", ". Next, ",
         "; the scene changes: ", ". Cut. ")  # fmt: skip
_CUTS_TO_A_THING = (", followed by ", ", cut to ", "; cut to ")  # "cut to a ball moves" is not English
PHRASINGS = tuple(
    FilmPhrasing(opening, cut, scene)
    for scene in captions.PHRASINGS
    if scene.sentence.startswith("{things}") and "." not in scene.sentence  # the others cannot stand in a sentence
    for opening in _OPENINGS
    for cut in (_CUTS if "{verb}" in scene.clause else _CUTS + _CUTS_TO_A_THING)
)
_FIT = {held_out: [phrasing for phrasing in PHRASINGS if phrasing.held_out == held_out] for held_out in (False, True)}


def frames(film: Film, count: int, height: int, width: int, fps: float = 24.0) -> NDArray[np.uint8]:
    """The clip as RGB uint8 (count, height, width, 3)."""
    return window(film, range(count), count, (height, width), (0, 0, height, width), fps)


def window(
    film: Film,
    indices: Sequence[int],
    count: int,
    size: tuple[int, int],
    part: tuple[int, int, int, int],
    fps: float = 24.0,
) -> NDArray[np.uint8]:
    """Some frames, in ascending order, of a film of `count`; `part` is the cut of `draw.window`."""
    shown = [
        (scene, len(stretch), [index - stretch.start for index in indices if index in stretch])
        for scene, stretch in film.stretches(count)
    ]
    return np.concatenate([draw.window(scene, own, length, size, part, fps) for scene, length, own in shown if own])


def wave(film: Film, count: int, fps: float = 24.0) -> NDArray[np.float32]:
    """(2, samples) at 16 kHz for a film of `count` frames.

    A cut falls on the frame of the sound that is nearest to the video's; all tones pass zero there, so none clicks.
    """
    strengths = []
    for scene, stretch in film.stretches(count):
        begin, end = (round(at / fps * sound.FRAME_RATE) for at in (stretch.start, stretch.stop))
        strengths.append(sound.strengths(scene, len(stretch) / fps, range(end - begin)))
    return sound.render(np.concatenate(strengths, axis=1))


def caption(film: Film, rng: np.random.Generator, *, held_out: bool = False) -> str:
    """One description of the film, at random, in a phrasing for training or, if `held_out`, in one kept for tests."""
    return say(film, one(rng, _FIT[held_out]), rng)


def say(film: Film, phrasing: FilmPhrasing, rng: np.random.Generator) -> str:
    """The film in this phrasing, its words at random."""
    said = phrasing.opening + phrasing.cut.join(captions.say(scene, phrasing.scene, rng) for scene in film.scenes)
    return f"{said}." if phrasing.cut.startswith(".") else said


def plain_caption(film: Film) -> str:
    """The plainest full description: that of each scene, "then" between them."""
    return ", then ".join(captions.plain_caption(scene) for scene in film.scenes)

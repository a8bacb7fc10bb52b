"""An embedder without a model: a frame is its share of each basic colour, a text the colour words in it.

It keeps the whole contract of `Embedder`, deterministically and in microseconds, so it stands in where torch
may not or need not be loaded.
"""

import re
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from ltx_mcp.index.background import Background, TrainedDomain, Vectors, calibrate
from ltx_mcp.index.embed import unit
from ltx_mcp.types.frames import Frame

# The basic colour terms, at the places in RGB where people put them.
COLOURS: dict[str, tuple[int, int, int]] = {
    "black": (10, 10, 10), "white": (245, 245, 245), "grey": (128, 128, 128), "red": (220, 40, 40),
    "green": (40, 180, 60), "blue": (40, 80, 220), "yellow": (235, 215, 50), "orange": (245, 140, 30),
    "purple": (140, 50, 190), "pink": (245, 140, 190), "brown": (120, 75, 40),
}  # fmt: skip
_OTHER_WORDS = ("a", "an", "the", "and", "of", "in", "on", "with", "picture", "video", "frame", "screen", "wall")
_STRIDE = 8  # pixels; a share of colours needs no more

# A frame is familiar when one colour makes up half of its vector's length; noise spreads over all of them.
_DOMAIN = TrainedDomain(frozenset(_OTHER_WORDS).union(COLOURS), tuple(COLOURS), familiarity=0.5, vote_z=2.0)


class ColourEmbedder:
    """`dim` is one number a colour and one for "no colour named", which no frame has."""

    model_id = "colours/shares@00000001"
    weights = "stand-in"
    models: frozenset[str] = frozenset()
    device = "cpu"
    dim = len(COLOURS) + 1

    def load(self) -> None:
        """There is nothing to load."""

    def understands(self, text: str) -> bool:
        return _DOMAIN.understands(text)

    def embed_frames(self, frames: Sequence[Frame]) -> Vectors:
        shares = np.zeros((len(frames), self.dim), dtype=np.float32)
        places = np.array(list(COLOURS.values()), dtype=np.float32)
        for row, frame in zip(shares, frames, strict=True):
            pixels = frame[::_STRIDE, ::_STRIDE].reshape(-1, 1, 3).astype(np.float32)
            nearest = ((pixels - places) ** 2).sum(axis=2).argmin(axis=1)
            row[:-1] = np.bincount(nearest, minlength=len(COLOURS))
        return unit(shares)

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        counts = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(counts, texts, strict=True):
            words = re.findall(r"\w+", text.casefold())
            row[:-1] = [words.count(colour) for colour in COLOURS]
            row[-1] = not row.any()
        return unit(counts)

    def background(self) -> Background:
        return self._background

    @cached_property
    def _background(self) -> Background:
        return calibrate(self.embed_frames, self.embed_texts, _DOMAIN)

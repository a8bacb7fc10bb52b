"""The transformer's training data: drawn scenes and footage as normalised video latents, made once and kept in files.

    python -m ltx_mcp.micro.training.latents_data --out DIR --minutes N --worker K

draws core scenes that are not held out, at random sizes, shapes and lengths, and writes a file every so many clips.
`--footage` makes clips of images from outside the drawn world instead, from which the model learns to keep what it is
shown. Each worker draws clips
of its own; the same worker always draws the same.
"""

import argparse
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ltx_mcp.micro.training import draw
from ltx_mcp.micro.training.precision import autocast
from ltx_mcp.micro.training.prompts import is_told
from ltx_mcp.micro.training.training_clips import TrainingClips
from ltx_mcp.micro.training.world import Scene, core_scene, settled

log = logging.getLogger(__name__)

CELL, FRAMES_PER_CELL = 32, 8  # pixels and frames of a latent

RESTING, MOVING = -1, -2  # in place of a scene's seed, of footage
MOVES = 0.3  # of footage


@dataclass(frozen=True)
class Shape:
    """Latent frames, rows and columns of a clip."""

    frames: int
    height: int
    width: int

    @property
    def pixels(self) -> tuple[int, int, int]:
        """(frames, height, width) of the clip in pixels."""
        return (self.frames - 1) * FRAMES_PER_CELL + 1, self.height * CELL, self.width * CELL


# (share, shape): the half size of a final at 240p and its made size, that of a draft, in the aspects, most of all 16:9
# at two seconds, then at five.
SHAPES: tuple[tuple[float, Shape], ...] = (
    (0.18, Shape(7, 4, 7)),
    (0.10, Shape(16, 4, 7)),
    (0.03, Shape(4, 4, 7)),
    (0.02, Shape(10, 4, 7)),
    (0.04, Shape(7, 7, 4)),
    (0.03, Shape(16, 7, 4)),
    (0.03, Shape(7, 4, 4)),
    (0.02, Shape(7, 4, 5)),
    (0.18, Shape(7, 8, 13)),
    (0.10, Shape(7, 8, 14)),
    (0.04, Shape(16, 8, 13)),
    (0.03, Shape(16, 8, 14)),
    (0.04, Shape(4, 8, 13)),
    (0.02, Shape(4, 8, 14)),
    (0.05, Shape(7, 13, 8)),
    (0.03, Shape(7, 14, 8)),
    (0.04, Shape(7, 8, 8)),
    (0.02, Shape(7, 8, 10)),
)

SETTLED = 0.6  # of the drawn clips


@dataclass(frozen=True)
class Clip:
    """A scene, None for footage, and its normalised latents (channels, frames, height, width) in float16."""

    scene: Scene | None
    latents: torch.Tensor
    rests: bool = False  # footage that does not move at all


def training_scene(rng: np.random.Generator) -> tuple[int, Scene]:
    """A seed and its core scene, at random among those that may be trained on."""
    while True:
        seed = int(rng.integers(2**31))
        scene = core_scene(seed)
        if not scene.held_out:
            return seed, scene


def pixels(scene: Scene, shape: Shape) -> torch.Tensor:
    """The clip as the VAE takes it: float32 (1, 3, frames, height, width) in -1..1."""
    count, height, width = shape.pixels
    clip = draw.frames(scene, count, height, width)
    return torch.from_numpy(clip).permute(3, 0, 1, 2)[None].float() / 127.5 - 1


def encode(vae: Any, clip: torch.Tensor) -> torch.Tensor:
    """Normalised latents (1, channels, frames, height, width) of pixels in -1..1, in float32."""
    with torch.inference_mode(), autocast():
        latents = vae.encode(clip).latent_dist.mode()
    normal: torch.Tensor = (latents.float() - _wide(vae.latents_mean)) / _wide(vae.latents_std)
    return normal.clone()


def drawn_clip(
    vae: Any, rng: np.random.Generator, shape: Shape, settled_share: float = SETTLED
) -> tuple[int, bool, torch.Tensor]:
    """The seed of a core scene at random, whether it was settled, as a prompt can tell it, and the latents."""
    settles = bool(rng.random() < settled_share)
    seed, scene = training_scene(rng)
    while settles and not is_told(settled(scene)):
        seed, scene = training_scene(rng)
    return seed, settles, encode(vae, pixels(settled(scene) if settles else scene, shape))[0].half()


def footage_clip(
    vae: Any, images: TrainingClips, rng: np.random.Generator, shape: Shape
) -> tuple[int, bool, torch.Tensor]:
    """RESTING or MOVING, False, and latents of a image that rests, or pans and zooms."""
    rests = rng.random() >= MOVES
    clip = torch.from_numpy(images.image_clip(rng, *shape.pixels, still=rests))
    return RESTING if rests else MOVING, False, encode(vae, clip[None])[0].half()


def make(
    out: Path,
    worker: int,
    minutes: float,
    clip: Callable[[np.random.Generator, Shape], tuple[int, bool, torch.Tensor]],
    clips_per_file: int = 50,
    shapes: Sequence[tuple[float, Shape]] = SHAPES,
) -> None:
    """Write files of clips, one at least, until the time is up; goes on behind the files that are there."""
    begin = time.monotonic()
    number = len(list(out.glob(f"{worker:02d}-*.pt")))
    while True:
        rng = np.random.default_rng([7, worker, number])
        picked = rng.choice(len(shapes), clips_per_file, p=[share for share, _ in shapes])
        seeds, settles, latents = zip(*(clip(rng, shapes[int(index)][1]) for index in picked), strict=True)
        new = out / f"{worker:02d}-{number:04d}.new"
        torch.save({"seeds": list(seeds), "settled": list(settles), "latents": list(latents)}, new)
        new.replace(new.with_suffix(".pt"))
        number += 1
        log.info("worker %d: %d files (%.0f s)", worker, number, time.monotonic() - begin)
        if time.monotonic() - begin >= 60 * minutes:
            return


def read(folder: Path) -> Iterator[Clip]:
    """All clips in the files of a folder."""
    for path in sorted(folder.glob("*.pt")):
        kept = torch.load(path, weights_only=True)
        for seed, settles, latents in zip(kept["seeds"], kept["settled"], kept["latents"], strict=True):
            scene = None if seed < 0 else core_scene(seed)
            yield Clip(settled(scene) if scene and settles else scene, latents, rests=seed == RESTING)


def _wide(channels: torch.Tensor) -> torch.Tensor:
    return channels.view(1, -1, 1, 1, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="folder for the files")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--worker", type=int, default=0, help="each number draws clips of its own")
    parser.add_argument("--footage", action="store_true", help="clips of images from outside the drawn world")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    from ltx_mcp.micro.vae import load_vae

    given.out.mkdir(parents=True, exist_ok=True)
    vae = load_vae()
    clip = partial(footage_clip, vae, TrainingClips(given.worker)) if given.footage else partial(drawn_clip, vae)
    make(given.out, given.worker, given.minutes, clip)


if __name__ == "__main__":
    main()

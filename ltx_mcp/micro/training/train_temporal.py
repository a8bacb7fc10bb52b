"""Solve the maps of the temporal x2 upsampler: `python -m ltx_mcp.micro.training.train_temporal [--out FILE]`.

They are the least-squares estimates of two latents at the whole rate, an earlier and a later one, from the one at half
the rate that covers the same time, over latents of drawn clips.
"""

import argparse
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ltx_mcp.micro.temporal import FILE
from ltx_mcp.micro.training import draw, world

if TYPE_CHECKING:
    import torch

    Tensor = torch.Tensor
    Pair = tuple[Tensor, Tensor]

log = logging.getLogger(__name__)

RIDGE = 0.03  # of each channel's power
CLIPS, FRAMES, SIZE = 160, 33, (96, 128)  # of drawn clips; frames and (height, width)


def solved(pairs: "Iterable[Pair]") -> "dict[str, Tensor]":
    """The maps, from latents (1, 128, L, h, w) of clips at half the rate and (1, 128, 2L - 1, h, w) at the whole."""
    import torch

    pairs = list(pairs)
    every = torch.cat([_rows(whole) for _, whole in pairs])
    mean, spread = every.mean(0), every.std(0).clamp_min(1e-4)

    def normal(latents: "Tensor") -> "Tensor":
        return (_rows(latents) - mean) / spread

    halves = torch.cat([normal(half[:, :, 1:]) for half, _ in pairs])
    firsts = torch.cat([normal(half[:, :, :1]) for half, _ in pairs])
    earlier = torch.cat([normal(whole[:, :, 1::2]) for _, whole in pairs])
    later = torch.cat([normal(whole[:, :, 2::2]) for _, whole in pairs])
    # A clip's first latent meets the later map alone.
    both = torch.cat([halves, firsts]), torch.cat([later, firsts])
    return {"mean": mean, "spread": spread, "earlier": _least(halves, earlier), "later": _least(*both)}


def _rows(latents: "Tensor") -> "Tensor":
    return latents.movedim(1, -1).flatten(0, -2)


def _least(known: "Tensor", wanted: "Tensor") -> "Tensor":
    """(channels, channels + 1): weights, and the bias last."""
    import torch

    rows = torch.nn.functional.pad(known, (0, 1), value=1.0).double()
    power = rows.T @ rows
    weights: Tensor = torch.linalg.solve(power + RIDGE * torch.diag(power.diagonal()), rows.T @ wanted.double())
    return weights.float().T


def drawn_pairs(clips: int = CLIPS, seed: int = 0) -> "Iterable[Pair]":
    """Latents of drawn clips, at half the rate and at the whole."""
    import torch

    from ltx_mcp.micro.vae import load_vae

    vae = load_vae()
    for index in range(clips):
        rng = np.random.default_rng([10, seed, index])
        scene = world.scene(world.training_seed(rng))
        count = int(rng.integers(FRAMES, 121))
        first = int(rng.integers(count - FRAMES + 1))
        frames = draw.window(scene, range(first, first + FRAMES), count, SIZE, (0, 0, *SIZE))
        clip = torch.from_numpy(np.ascontiguousarray(frames.transpose(3, 0, 1, 2)[None], np.float32) / 127.5 - 1)
        with torch.no_grad():
            yield vae.encode(clip[:, :, ::2]).latent_dist.mode(), vae.encode(clip).latent_dist.mode()
        if index % 20 == 19:
            log.info("%d of %d clips", index + 1, clips)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument("--clips", type=int, default=CLIPS)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    from safetensors.torch import save_file

    given.out.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: each.half().contiguous() for name, each in solved(drawn_pairs(given.clips)).items()}, given.out)


if __name__ == "__main__":
    main()

"""The micro model's temporal x2 upsampler: solved, not trained. `python -m ltx_mcp.micro.temporal` solves it again.

A latent of a clip at half the rate covers the same time as two of the whole clip, an earlier and a later one. Both are
estimated from it by a linear map each, the least-squares one over latents of drawn clips; the first latent, which is
one frame, stays nearly what it is. The maps are what ships (67 KB); the class is made around them on the spot.

The class normalises groups of channels and bends them with SiLU. So every value x goes in as x and -x: their sum leaves
a group's mean alone, and silu(x) - silu(-x) is x again. A large constant in each group carries the magnitude through.
"""

import argparse
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

    Tensor = torch.Tensor
    Pair = tuple[Tensor, Tensor]

log = logging.getLogger(__name__)

FILE = Path(__file__).parent / "weights" / "temporal_upsampler" / "maps.safetensors"

LATENT = 128  # channels of a latent
GROUPS = 32  # of the class's GroupNorm
GROUP = 1 + 2 * LATENT // GROUPS  # a constant, and each of four channels twice
CONSTANT = 300.0  # in standard deviations of the others: what they add to its spread is one part in 20,000
RIDGE = 0.03  # of each channel's power
CLIPS, FRAMES, SIZE = 160, 33, (96, 128)  # of drawn clips; frames and (height, width)


def load_temporal_upsampler(file: Path = FILE) -> Any:
    """LTX2LatentUpsamplerModel that takes L latent frames to 2L - 1, float32 on the CPU."""
    from safetensors.torch import load_file

    return around({name: tensor.float() for name, tensor in load_file(file).items()})


def around(maps: "dict[str, Tensor]") -> Any:
    """The class, made so that it computes these maps: `earlier` and `later` (128, 129), `mean` and `spread` (128,)."""
    import torch
    from diffusers.pipelines.ltx2 import LTX2LatentUpsamplerModel

    with torch.random.fork_rng(devices=[]):
        model = LTX2LatentUpsamplerModel(
            in_channels=LATENT,
            mid_channels=GROUPS * GROUP,
            num_blocks_per_stage=0,
            dims=3,
            spatial_upsample=False,
            temporal_upsample=True,
            use_rational_resampler=False,
        )
    model = model.eval().requires_grad_(False)
    for layer in (model.initial_conv, model.upsampler[0], model.final_conv):
        layer.weight.zero_()
        layer.bias.zero_()
    channels = torch.arange(GROUPS * GROUP).view(GROUPS, GROUP)
    constant, plus, minus = channels[:, 0], channels[:, 1::2].flatten(), channels[:, 2::2].flatten()
    each = torch.arange(LATENT)
    mean, spread = maps["mean"], maps["spread"]
    for side, sign in ((plus, 1), (minus, -1)):
        model.initial_conv.weight[side, each, 1, 1, 1] = sign / spread
        model.initial_conv.bias[side] = -sign * mean / spread
    model.initial_conv.bias[constant] = CONSTANT
    model.initial_norm.weight.fill_(CONSTANT * (GROUP - 1) ** 0.5 / GROUP)
    model.initial_norm.bias.fill_(CONSTANT / GROUP)
    for phase, name in enumerate(("earlier", "later")):
        rows = 2 * each + phase
        for side, sign in ((plus, 1), (minus, -1)):
            model.upsampler[0].weight[rows[:, None], side, 1, 1, 1] = sign * maps[name][:, :-1]
        model.upsampler[0].bias[rows] = maps[name][:, -1]
    model.final_conv.weight[each, each, 1, 1, 1] = spread
    model.final_conv.bias.copy_(mean)
    return model


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

    from ltx_mcp.micro import draw, world
    from ltx_mcp.micro.vae import load_vae

    vae = load_vae()
    for index in range(clips):
        lot = np.random.default_rng([10, seed, index])
        scene = world.scene(world.training_seed(lot))
        count = int(lot.integers(FRAMES, 121))
        first = int(lot.integers(count - FRAMES + 1))
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

"""The micro model's temporal x2 upsampler: solved, not trained (`training/train_temporal.py`).

A latent of a clip at half the rate covers the same time as two of the whole clip, an earlier and a later one. Both are
estimated from it by a linear map each, the least-squares one over latents of drawn clips; the first latent, which is
one frame, stays nearly what it is. The maps are what ships (67 KB); the class is made around them on the spot.

The class normalises groups of channels and bends them with SiLU. So every value x goes in as x and -x: their sum leaves
a group's mean alone, and silu(x) - silu(-x) is x again. A large constant in each group carries the magnitude through.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    Tensor = torch.Tensor

FILE = Path(__file__).parent / "weights" / "temporal_upsampler" / "maps.safetensors"

LATENT = 128  # channels of a latent
GROUPS = 32  # of the class's GroupNorm
GROUP = 1 + 2 * LATENT // GROUPS  # a constant, and each of four channels twice
CONSTANT = 300.0  # in standard deviations of the others: what they add to its spread is one part in 20,000


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

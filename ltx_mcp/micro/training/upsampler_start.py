"""The x2 latent upsampler: its shape and its solved start.

It maps latents as the VAE makes them (not normalised: the pipeline's default) of a clip at half size to those of the
clip itself, frame by frame. That is nearly linear, so the start is the least-squares estimate of the four finer
latents from 3x3 coarse ones, and training bends it.

The class normalises groups of channels and bends every sum with SiLU. One channel in each group of four is a large
constant, which carries the magnitude through the normalisation; the others ride on an offset where SiLU is straight.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ltx_mcp.micro.training.fitting import solve
from ltx_mcp.micro.training.vae_start import LATENT, in_space

if TYPE_CHECKING:
    import torch

    Tensor = torch.Tensor
    Pair = tuple[Tensor, Tensor]

WIDE = 128  # channels between the convolutions; the class has 32 groups, so each has four of them
GROUP = 4

_CONSTANT = 200.0  # of the first channel in each group, in standard deviations of the others; 40 bent bright frames
_OFFSET = 12.0  # under SiLU, in the same unit: straight for all but the rarest
_RIDGE = 5e-3  # of each component's power
_DATA = [index for index in range(WIDE) if index % GROUP]  # the channels that are not constant


def make_upsampler() -> Any:
    """LTX2LatentUpsamplerModel for two dimensions: no frame needs another to be enlarged. 1.5 M parameters."""
    from diffusers.pipelines.ltx2 import LTX2LatentUpsamplerModel

    return LTX2LatentUpsamplerModel(
        in_channels=LATENT,
        mid_channels=WIDE,
        num_blocks_per_stage=1,
        dims=2,
        spatial_upsample=True,
        temporal_upsample=False,
        use_rational_resampler=False,
    )


def start(model: Any, vae: Any, pairs: Sequence["Pair"]) -> None:
    """Solve `make_upsampler()` from latents (batch, 128, frames, h, w) and those at (2h, 2w) of the same clips."""
    import torch

    with torch.no_grad():
        for block in (*model.res_blocks, *model.post_upsample_res_blocks):
            block.norm2.weight.zero_()
            block.norm2.bias.zero_()
        _start_before(model, vae, [low for low, _ in pairs])
        mean, spread = (each.view(1, -1, 1, 1, 1) for each in (vae.latents_mean, vae.latents_std))
        seen = (_around(_data(_before(model, low))) for low, _ in pairs)
        kernels, bias = solve(seen, [in_space((high - mean) / spread) for _, high in pairs], ridge=_RIDGE)
        _start_after(model, vae, kernels.reshape(len(kernels), 3, 3, -1).permute(0, 3, 1, 2), bias)


def _start_before(model: Any, vae: Any, lows: list["Tensor"]) -> None:
    """The strongest components of a latent, each at a spread of one, and the constants."""
    import torch

    rows = (torch.cat([low.movedim(1, -1).flatten(0, -2) for low in lows]) - vae.latents_mean).double()
    spread, basis = torch.linalg.eigh(rows.T @ rows / len(rows))
    components = (basis / spread.clamp_min(1e-8).sqrt()).flip(1)[:, : len(_DATA)].float().T
    conv, norm = model.initial_conv, model.initial_norm
    conv.weight.zero_()
    conv.weight[_DATA, :, 1, 1] = components
    conv.bias[_DATA] = -components @ vae.latents_mean
    conv.bias[::GROUP] = _CONSTANT
    norm.weight.fill_(_CONSTANT * (GROUP - 1) ** 0.5 / GROUP)
    norm.bias.fill_(_OFFSET + _CONSTANT / GROUP)
    norm.bias[::GROUP] -= _CONSTANT  # what is left of a constant is what the normalisation took from its group


def _start_after(model: Any, vae: Any, kernels: "Tensor", bias: "Tensor") -> None:
    """Kernels (512, 96, 3, 3) from components to latents in their spreads, and the way back to latents.

    Each group's constant enters with the opposite sign of the others. That gives back what the normalisation took,
    and the offsets cancel, so that the zeros with which the class pads mean the mean.
    """
    conv, last = model.upsampler[0], model.final_conv
    conv.weight[:, _DATA] = kernels
    conv.weight[:, ::GROUP] = -kernels.reshape(len(kernels), -1, GROUP - 1, 3, 3).sum(2)
    conv.bias.copy_(bias + _OFFSET)
    last.weight.zero_()
    for index in range(LATENT):
        last.weight[index, index, 1, 1] = vae.latents_std[index]
    last.bias.copy_(vae.latents_mean - _OFFSET * vae.latents_std)


def _data(features: "Tensor") -> "Tensor":
    """The components (batch, 96, frames, h, w) behind the offset and the normalisation."""
    groups = features.reshape(len(features), -1, GROUP, *features.shape[2:])
    data: Tensor = (groups[:, :, 1:] - groups[:, :, :1]).flatten(1, 2)
    return data


def _before(model: Any, low: "Tensor") -> "Tensor":
    """What the upsampling convolution sees, (batch, channels, frames, h, w)."""
    x = low.movedim(2, 1).flatten(0, 1)
    x = model.initial_activation(model.initial_norm(model.initial_conv(x)))
    for block in model.res_blocks:
        x = block(x)
    seen: Tensor = x.reshape(len(low), -1, *x.shape[1:]).movedim(1, 2)
    return seen


def _around(x: "Tensor") -> "Tensor":
    """At each position the channels of its 3x3 neighbours, row by row; zeros outside, as the class pads."""
    import torch

    height, width = x.shape[3:]
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1))
    return torch.cat([padded[..., r : r + height, c : c + width] for r in range(3) for c in range(3)], 1)

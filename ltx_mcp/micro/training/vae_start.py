"""The video VAE's shape, and a start that already works: every convolution solved as a linear code, none guessed.

From a random start this class needs hours to learn colours. But nearly all of it is linear: patches, convolutions,
pixel shuffles and means. So the start is a pyramid of principal components (`Pyramid`): 8x8 pixels of one frame,
then of 2, 4 and 8 frames, then 16x16, then the 32x32x8 pixels of one latent. Each downsampler gathers one level
into the next, each upsampler's 3x3x3 kernels are the least-squares estimate of the finer level from the coarser,
and the residual blocks begin as the identity. Training then only improves on it.

Three things of the class stand in the way, and each has an answer here:
- Its per-pixel normalisation before the last layers forgets magnitude: a large constant channel carries it through.
- The SiLU after it bends: pairs of channels x and -x undo that, since silu(x) - silu(-x) = x.
- Its downsamplers add means of channels: the means are used (a mean over frames is the still part), or outweighed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ltx_mcp.micro.training.fitting import ALL, AROUND, CENTRE, NOW, fit, solve

if TYPE_CHECKING:
    import torch

    Tensor = torch.Tensor

LATENT = 128  # channels of a 32x32x8 latent, as in LTX-2.3
PATCH = 8  # pixels; the frame code's blocks
WIDE, NARROW = 128, 64  # channels around the latent, and near the pixels
FRAME_CODE = 32  # components kept of an 8x8 block of one frame
GATHERED = 32  # kernels of each spatial downsampler: 128 channels over its four phases
PAIRS = 31  # components that reach the decoder's last layer as x and -x
CHANGES = 48  # kernels of each temporal downsampler for the code of its pairs

_CODE_GAIN = 3.0  # over the means that the spatial downsamplers add
_OFFSET = 40.0  # of the encoder's constant channels, in code units: keeps the others on the straight part of SiLU
_CONSTANT = 3.0  # of the decoder's constant channel, in rms of all others
_LOG_VARIANCE = -12.0  # the posterior is a point, in effect


def make_vae(resnets: tuple[int, int, int, int] = (1, 1, 1, 1)) -> Any:
    """AutoencoderKLLTX2Video, 32x32x8, 128 latent channels; about 5.6 M parameters with these residual blocks.

    `resnets` are the decoder's, from 8 frames a step at 1/8 of the size to every frame.
    """
    from diffusers import AutoencoderKLLTX2Video

    return AutoencoderKLLTX2Video(
        latent_channels=LATENT,
        patch_size=PATCH,
        block_out_channels=(WIDE,) * 5,
        down_block_types=("LTX2VideoDownBlock3D",) * 5,
        layers_per_block=(0,) * 6,
        spatio_temporal_scaling=(True,) * 5,
        downsample_type=("temporal",) * 3 + ("spatial",) * 2,
        # The decoder's tuples are reversed by the class, except upsample_type.
        decoder_block_out_channels=(NARROW,) * 4 + (WIDE,),
        decoder_layers_per_block=(*reversed(resnets), 0, 0),
        decoder_spatio_temporal_scaling=(True,) * 5,
        decoder_inject_noise=(False,) * 6,
        upsample_type=("spatial",) * 2 + ("temporal",) * 3,
        upsample_residual=(False,) * 5,
        upsample_factor=(1, 1, 1, 1, 2),
        timestep_conditioning=False,
        encoder_causal=True,
        decoder_causal=False,
        encoder_spatial_padding_mode="replicate",
        decoder_spatial_padding_mode="replicate",
        spatial_compression_ratio=32,
        temporal_compression_ratio=8,
    )


@dataclass(frozen=True)
class Code:
    """Principal components: (x - mean) @ basis. `scale` brings them to the square root of their spread."""

    mean: "Tensor"
    basis: "Tensor"
    scale: "Tensor"

    def __call__(self, x: "Tensor") -> "Tensor":
        """(batch, inputs, ...) to (batch, components, ...)."""
        centred = x.movedim(1, -1) - self.mean
        return (centred @ self.basis).movedim(-1, 1)


class Pyramid:
    """The codes of all levels, learnt from clips, and the targets they give for each layer."""

    def __init__(self, clips: Iterable["Tensor"]) -> None:
        clips = list(clips)
        self.frame = _components([patches(clip) for clip in clips], FRAME_CODE)
        level = [self.frame(patches(clip)) for clip in clips]
        self.times = []
        for keep in (48, 63, 63):
            level = [in_time(x) for x in level]
            self.times.append(_components(level, keep))
            level = [self.times[-1](x) for x in level]
        self.spaces = []
        for keep in (63, LATENT):
            level = [in_space(x) for x in level]
            self.spaces.append(_components(level, keep))
            level = [self.spaces[-1](x) for x in level]

    def levels(self, clip: "Tensor") -> list["Tensor"]:
        """The codes of 8x8 pixels by 1, 2, 4 and 8 frames, of 16x16x8 and of 32x32x8: finest first.

        Scaled, so that fine components weigh something in what is solved and learnt next.
        """
        codes = [self.frame, *self.times, *self.spaces]
        gathers = [patches, *[in_time] * len(self.times), *[in_space] * len(self.spaces)]
        found, x = [], clip
        for code, gather in zip(codes, gathers, strict=True):
            x = code(gather(x))
            found.append(x * code.scale.view(-1, 1, 1, 1))
        return found


def patches(clip: "Tensor") -> "Tensor":
    """(batch, 3, frames, h, w) to (batch, 192, frames, h/8, w/8), in the class's order: colour, column, row."""
    batch, colours, frames, height, width = clip.shape
    x = clip.reshape(batch, colours, frames, height // PATCH, PATCH, width // PATCH, PATCH)
    return x.permute(0, 1, 6, 4, 2, 3, 5).flatten(1, 3)


def in_time(x: "Tensor") -> "Tensor":
    """Pairs of steps as channels, in the class's order; the first step is its own partner, as in its downsampler."""
    import torch

    x = torch.cat([x[:, :, :1], x], 2)
    return torch.stack([x[:, :, ::2], x[:, :, 1::2]], 2).flatten(1, 2)


def in_space(x: "Tensor") -> "Tensor":
    """2x2 neighbours as channels, in the class's order."""
    import torch

    phases = [x[..., row::2, column::2] for row in (0, 1) for column in (0, 1)]
    return torch.stack(phases, 2).flatten(1, 2)


def start(vae: Any, clips: list["Tensor"]) -> None:
    """Solve all layers of `make_vae()` from these clips of (batch, 3, 8k+1, h, w), h and w multiples of 32."""
    import torch

    with torch.no_grad():
        pyramid = Pyramid(clips)
        targets = [pyramid.levels(clip) for clip in clips]
        _start_encoder(vae.encoder, pyramid, clips, targets)
        _start_decoder(vae.decoder, clips, targets)
        measure_latents(vae, clips)


def measure_latents(vae: Any, clips: Iterable["Tensor"]) -> None:
    """Set the VAE's latents_mean and latents_std to those of these clips' latents, per channel."""
    import torch

    with torch.no_grad():
        found = torch.cat([vae.encode(clip).latent_dist.mode().movedim(1, -1).flatten(0, -2) for clip in clips])
    vae.latents_mean.copy_(found.mean(0))
    vae.latents_std.copy_(found.std(0))


def _start_encoder(encoder: Any, pyramid: Pyramid, clips: list["Tensor"], targets: list[list["Tensor"]]) -> None:
    _quiet(encoder)
    first = encoder.conv_in.conv
    scaled = pyramid.frame.basis * pyramid.frame.scale
    first.weight[:FRAME_CODE, :, -1, 1, 1] = scaled.T
    first.bias[:FRAME_CODE] = -pyramid.frame.mean @ scaled
    features = [encoder.conv_in(patches(clip)) for clip in clips]
    for block, level in zip(encoder.down_blocks[:3], (1, 2, 3), strict=True):
        _fit_pairs(block.downsamplers[0], features, [target[level][:, :CHANGES] for target in targets], level)
        features = [block(x) for x in features]
    for block, level in zip(encoder.down_blocks[3:], (3, 4), strict=True):
        conv = block.downsamplers[0].conv
        gain = _CODE_GAIN**level
        fit(conv, features, [gain * target[level][:, :GATHERED] for target in targets], NOW)
        if level == 4:
            conv.conv.bias[GATHERED // 2 :] += _OFFSET * gain
        features = [block(x) for x in features]
    features = [encoder.conv_act(encoder.norm_out(x)) for x in features]
    fit(encoder.conv_out, features, [target[5] for target in targets], NOW)
    encoder.conv_out.conv.bias[-1] = _LOG_VARIANCE


def _fit_pairs(downsampler: Any, features: list["Tensor"], wanted: list["Tensor"], level: int) -> None:
    """A temporal downsampler: the means it adds keep the still part, its kernels behind those take the pairs' code."""
    gain = _CODE_GAIN ** (level - 1)
    kernels, bias = solve((in_time(x) for x in features), [gain * x for x in wanted])
    behind = slice(FRAME_CODE // 2, FRAME_CODE // 2 + CHANGES)  # kernel k writes channels 2k and 2k + 1
    conv = downsampler.conv.conv
    conv.weight[behind, :, 1:, 1, 1] = kernels.reshape(CHANGES, -1, 2)
    conv.bias[behind] = bias


def _start_decoder(decoder: Any, clips: list["Tensor"], targets: list[list["Tensor"]]) -> None:
    _quiet(decoder)
    for index in range(LATENT):
        decoder.conv_in.conv.weight[index, index, 1, 1, 1] = 1
    features = [decoder.conv_in(target[5], causal=False) for target in targets]
    for block, level in zip(decoder.up_blocks, (4, 3, 2, 1, 0), strict=True):
        wanted = _framed([target[level] for target in targets], pair=level == 0)
        phases = in_time if level < 3 else in_space
        upsampler = block.upsamplers[0]
        fit(upsampler.conv, features, [phases(x) for x in wanted], {4: CENTRE, 3: AROUND}.get(level, ALL), causal=False)
        features = [upsampler(x, causal=False) for x in features]
    features = [decoder.conv_act(decoder.norm_out(x)) for x in features]
    fit(decoder.conv_out, features, [patches(clip) for clip in clips], ALL, causal=False)


def _framed(codes: list["Tensor"], pair: bool) -> list["Tensor"]:
    """The decoder's channels for a code: its components (as x and -x in a pair), then a constant, then zeros."""
    import torch

    parts = [torch.cat([x[:, :PAIRS], -x[:, :PAIRS]], 1) if pair else x[:, : NARROW - 1] for x in codes]
    power = sum(float(x.square().sum(1).mean()) for x in parts) / len(parts)
    constant = [torch.full_like(x[:, :1], _CONSTANT * power**0.5) for x in parts]
    spare = NARROW - 1 - parts[0].shape[1]
    zeros = [x.new_zeros(len(x), spare, *x.shape[2:]) for x in parts]
    return [torch.cat(each, 1) for each in zip(parts, constant, zeros, strict=True)]


def _quiet(half: Any) -> None:
    """All convolutions zero, except the first of each residual block, which needs an opinion to start from."""
    for name, weight in half.named_parameters():
        if "conv1" not in name:
            weight.zero_()


def _components(inputs: list["Tensor"], keep: int) -> Code:
    """Principal components of the channels, over all clips and positions."""
    import torch

    x = torch.cat([each.movedim(1, -1).flatten(0, -2) for each in inputs]).double()
    mean = x.mean(0)
    spread, basis = torch.linalg.eigh((x - mean).T @ (x - mean) / len(x))
    spread, basis = spread.flip(0)[:keep].clamp_min(1e-8), basis.flip(1)[:, :keep]
    return Code(mean.float(), basis.float(), (spread**-0.25).float())

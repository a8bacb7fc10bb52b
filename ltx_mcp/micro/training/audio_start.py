"""The shapes of the micro model's audio VAE and vocoder, and the part of the vocoder that needs no training.

The vocoder has two halves. At the frame rate a small network turns a mel spectrum into the strength of each of the
world's waves (`sound.WAVES`); that is trained. Then one transposed convolution of a frame's length lays the waves out:
these are known, so they are put in. From 16 to 48 kHz the class resamples and adds what its bandwidth extension makes.
The world has nothing above 8 kHz, so that part is set to make nothing, and is as small as the class allows.
"""

from typing import Any

import torch

from ltx_mcp.micro.training.audio_latents import AUDIO_LATENT, AUDIO_TOKEN
from ltx_mcp.micro.training.mel import MEL_BINS
from ltx_mcp.micro.training.sound import HOP, WAVES

HIDDEN = 96  # halves at each of the two layers; the first half must hold two strengths for each of `WAVES`
_BLOCK = 0.1  # of its random size, what a residual block's last layer starts with


def make_audio_vae() -> Any:
    """AutoencoderKLLTX2Audio with random weights, whose posterior is a point in effect."""
    from diffusers import AutoencoderKLLTX2Audio

    vae: Any = AutoencoderKLLTX2Audio(
        base_channels=AUDIO_TOKEN,
        latent_channels=AUDIO_LATENT,
        ch_mult=(1, 1, 2),
        num_res_blocks=0,  # one a level in the decoder; the encoder has its two in the middle
        resolution=64,  # not used: there is no attention
        mel_bins=MEL_BINS,
        norm_type="pixel",
        causality_axis="height",
    )
    with torch.no_grad():
        for name, weight in vae.named_parameters():
            if "conv2.conv" in name:
                weight.mul_(_BLOCK)
        out = vae.encoder.conv_out.conv
        out.weight[AUDIO_LATENT:] = 0
        out.bias[AUDIO_LATENT:] = -20  # log of the variance
    return vae


def make_vocoder() -> Any:
    """LTX2VocoderWithBWE: the frame-rate half random, the rest solved."""
    from diffusers.pipelines.ltx2 import LTX2VocoderWithBWE

    vocoder: Any = LTX2VocoderWithBWE(
        in_channels=2 * MEL_BINS,
        hidden_channels=HIDDEN,
        upsample_factors=[1, HOP],
        upsample_kernel_sizes=[3, HOP],
        resnet_kernel_sizes=[3],
        resnet_dilations=[[1, 1, 1]],
        antialias=False,
        bwe_in_channels=2 * _BWE_MEL,
        bwe_hidden_channels=4,
        bwe_upsample_factors=[240],
        bwe_upsample_kernel_sizes=[240],
        bwe_resnet_kernel_sizes=[1],
        bwe_resnet_dilations=[[1]],
        bwe_antialias=False,
        filter_length=_BWE_HOP,
        hop_length=_BWE_HOP,
        window_length=_BWE_HOP,
        num_mel_channels=_BWE_MEL,
    )
    with torch.no_grad():
        _start_frames(vocoder.vocoder)
        _lay_out_waves(vocoder.vocoder)
        vocoder.bwe_generator.conv_out.weight.zero_()
    return vocoder


def frame_parameters(vocoder: Any) -> list[torch.nn.Parameter]:
    """What of the vocoder is trained."""
    stage = vocoder.vocoder
    return [*stage.conv_in.parameters(), *stage.upsamplers[0].parameters(), *stage.resnets[0].parameters()]


def frame_strengths(vocoder: Any, mel: torch.Tensor) -> torch.Tensor:
    """The strengths that the vocoder reads from mel (batch, 2, frames, bins): (batch, 2, frames, waves)."""
    stage = vocoder.vocoder
    hidden = stage.resnets[0](stage.upsamplers[0](stage.conv_in(mel.transpose(2, 3).flatten(1, 2))))
    count = len(WAVES)
    return torch.stack([hidden[:, :count], hidden[:, count : 2 * count]], 1).transpose(2, 3)


_BWE_MEL, _BWE_HOP = 4, 80


def _start_frames(stage: Any) -> None:
    for conv in stage.resnets[0].convs2:
        conv.weight.mul_(_BLOCK)


def _lay_out_waves(stage: Any) -> None:
    """Channels 0 to 3 become left, -left, right and -right: the activation is odd in such a pair's difference."""
    waves, count = torch.from_numpy(WAVES).float(), len(WAVES)
    layer = stage.upsamplers[1]
    layer.weight.zero_()
    layer.bias.zero_()
    for side in range(2):
        rows = slice(side * count, (side + 1) * count)
        layer.weight[rows, 2 * side], layer.weight[rows, 2 * side + 1] = waves, -waves
    for conv in stage.resnets[1].convs2:
        conv.weight.zero_()
        conv.bias.zero_()
    out = stage.conv_out.weight  # (2, channels, 7); x + sin(x)^2 less the same of -x is 2x
    out.zero_()
    for side in range(2):
        out[side, 2 * side, 3], out[side, 2 * side + 1, 3] = 0.5, -0.5

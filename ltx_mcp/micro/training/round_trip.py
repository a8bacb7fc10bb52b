"""Clips through the video VAE and back, for training and measuring."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def round_trip(vae: Any, clip: "torch.Tensor") -> "torch.Tensor":
    """Encode and decode uint8 (frames, height, width, 3) of any size and 8k+1 frames; the result is the same.

    The edges are repeated up to the VAE's grid of 32 pixels and cut off again.
    """
    import torch

    height, width = clip.shape[1:3]
    down, across = -height % 32, -width % 32
    margins = (across // 2, across - across // 2, down // 2, down - down // 2, 0, 0)
    x = clip.permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    with torch.inference_mode():
        latents = vae.encode(torch.nn.functional.pad(x, margins, mode="replicate")).latent_dist.mode()
        made = vae.decode(latents, return_dict=False)[0][..., margins[2] :, margins[0] :][..., :height, :width]
    pixels: torch.Tensor = ((made[0] + 1) * 127.5).clamp(0, 255).round().byte()
    return pixels.permute(1, 2, 3, 0)

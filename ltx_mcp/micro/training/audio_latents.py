"""From a scene's sound to the audio VAE's latents and back, for training.

Latents are (channels, L, mel bins / 4) for 4L - 3 frames of 10 ms: 25 a second, causal. Packed, as the transformer
sees them, a token is all channels of one moment, channel by channel, less the mean and over the spread of its own.
"""

from typing import TYPE_CHECKING, Any

from ltx_mcp.micro.training.mel import MEL_BINS, mel
from ltx_mcp.micro.training.sound import FRAME_RATE, render, strengths
from ltx_mcp.micro.training.world import Scene

if TYPE_CHECKING:
    import torch

AUDIO_LATENT = 4  # channels; LTX-2.3 has 8
RATIO = 4  # mel frames and mel bins a latent, fixed by the class
AUDIO_TOKEN = AUDIO_LATENT * MEL_BINS // RATIO  # width of a packed token; the audio VAE's base width must equal it


def latent_count(duration_s: float) -> int:
    """Latents of a clip that long, as LTX2Pipeline counts them."""
    return max(1, round(duration_s * FRAME_RATE / RATIO))


def scene_wave(scene: Scene, duration_s: float) -> Any:
    """What the latents of a clip hold: float32 (2, samples) at 16 kHz, up to 40 ms shorter than the clip."""
    return render(strengths(scene, duration_s, range(RATIO * latent_count(duration_s) - RATIO + 1)))


def scene_latents(vae: Any, scene: Scene, duration_s: float) -> "torch.Tensor":
    """A scene's sound as the transformer sees it: float32 (L, AUDIO_TOKEN), normalised and packed."""
    latents = encode(vae, scene_wave(scene, duration_s))
    tokens: torch.Tensor = (pack(latents)[0] - vae.latents_mean) / vae.latents_std
    return tokens


def encode(vae: Any, wave: Any) -> "torch.Tensor":
    """Samples (2, (4L - 3) * 160) at 16 kHz to latents (1, AUDIO_LATENT, L, mel bins / 4), not normalised."""
    import torch

    with torch.inference_mode():
        latents: torch.Tensor = vae.encode(torch.from_numpy(mel(wave))[None]).latent_dist.mode()
    return latents.clone()


def decode(vae: Any, vocoder: Any, latents: "torch.Tensor") -> Any:
    """Latents as `encode` gives them to float32 (2, (4L - 3) * 480) at 48 kHz."""
    import torch

    with torch.inference_mode():
        return vocoder(vae.decode(latents, return_dict=False)[0])[0].numpy()


def pack(latents: "torch.Tensor") -> "torch.Tensor":
    """(batch, channels, L, bins) to (batch, L, channels * bins), as LTX2Pipeline packs them."""
    return latents.transpose(1, 2).flatten(2)

"""The shipped audio VAE and vocoder, loaded as diffusers loads the real ones."""

from pathlib import Path
from typing import Any

_WEIGHTS = Path(__file__).parent / "weights"
AUDIO_VAE, VOCODER = _WEIGHTS / "audio_vae", _WEIGHTS / "vocoder"


def load_audio_vae(folder: Path = AUDIO_VAE) -> Any:
    """AutoencoderKLLTX2Audio in float32 on the CPU, with its latents' statistics; weights are stored in float16."""
    from diffusers import AutoencoderKLLTX2Audio

    return _load(AutoencoderKLLTX2Audio, folder)


def load_vocoder(folder: Path = VOCODER) -> Any:
    """LTX2VocoderWithBWE in float32 on the CPU: (batch, 2, frames, mel bins) to (batch, 2, samples) at 48 kHz."""
    from diffusers.pipelines.ltx2 import LTX2VocoderWithBWE

    return _load(LTX2VocoderWithBWE, folder)


def _load(kind: Any, folder: Path) -> Any:
    import torch

    return kind.from_pretrained(folder, torch_dtype=torch.float32, use_safetensors=True, local_files_only=True).eval()

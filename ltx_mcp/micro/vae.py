"""The shipped video VAE: trained weights in this package, loaded as diffusers loads the real ones."""

from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "weights" / "vae"


def load_vae(folder: Path = FOLDER) -> Any:
    """AutoencoderKLLTX2Video in float32 on the CPU, with its latents' statistics; weights are stored in float16."""
    import torch
    from diffusers import AutoencoderKLLTX2Video

    return AutoencoderKLLTX2Video.from_pretrained(
        folder, torch_dtype=torch.float32, use_safetensors=True, local_files_only=True
    ).eval()

"""The shipped x2 latent upsampler. `training/upsampler_start.py` says how it works."""

from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "weights" / "latent_upsampler"


def load_upsampler(folder: Path = FOLDER) -> Any:
    """LTX2LatentUpsamplerModel in float32 on the CPU; weights are stored in float16."""
    import torch
    from diffusers.pipelines.ltx2 import LTX2LatentUpsamplerModel

    return LTX2LatentUpsamplerModel.from_pretrained(
        folder, torch_dtype=torch.float32, use_safetensors=True, local_files_only=True
    ).eval()

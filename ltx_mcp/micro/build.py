"""The micro model: every class of LTX-2.3, thin, with weights that were trained on a small drawn world.

It exists so that the whole loop runs on any machine with the code that runs the real model. Topology and flags follow
LTX-2.3 (gated attention, prompt-modulated cross-attention, per-modality connector projections, split rotary embedding,
32x32x8 video VAE, a vocoder with bandwidth extension to 48 kHz); only widths, depths and the reach of the rotary
positions differ. No download, and the process's random state is untouched.
"""

from pathlib import Path
from typing import Any

from ltx_mcp.micro.tokenizer import MAX_PROMPT_TOKENS, load_tokenizer

__all__ = ["MAX_PROMPT_TOKENS", "build", "load_text", "load_transformer"]

WEIGHTS = Path(__file__).parent / "weights"
SEED = 2303


def build() -> dict[str, Any]:
    """The eight components of LTX2Pipeline by name, and `latent_upsampler`: float32, on the CPU, in eval mode."""
    import torch

    from ltx_mcp.micro.audio import load_audio_vae, load_vocoder
    from ltx_mcp.micro.upsampler import load_upsampler
    from ltx_mcp.micro.vae import load_vae

    with torch.random.fork_rng(devices=[]):  # also loading draws: weights are random until they are read
        torch.manual_seed(SEED)
        vae = load_vae()
        tokenizer, text_encoder, connectors = load_text(WEIGHTS)
        parts = {
            "tokenizer": tokenizer,
            "text_encoder": text_encoder,
            "connectors": connectors,
            "transformer": load_transformer(WEIGHTS / "transformer"),
            "vae": vae,
            "audio_vae": load_audio_vae(),
            "vocoder": load_vocoder(),
            "latent_upsampler": load_upsampler(),
            "scheduler": _scheduler(),
        }
    for part in parts.values():
        if isinstance(part, torch.nn.Module):
            part.eval().requires_grad_(False)
    return parts


def load_text(folder: Path) -> tuple[Any, Any, Any]:
    """Tokenizer, text encoder and connectors from `text_encoder` and `connectors` in a folder, in float32."""
    import torch
    from diffusers.pipelines.ltx2 import LTX2TextConnectors
    from transformers import Gemma3ForConditionalGeneration

    options = {"use_safetensors": True, "local_files_only": True}
    encoder = Gemma3ForConditionalGeneration.from_pretrained(
        folder / "text_encoder", dtype=torch.float32, **options
    ).eval()
    connectors = LTX2TextConnectors.from_pretrained(folder / "connectors", torch_dtype=torch.float32, **options).eval()
    return load_tokenizer(), encoder, connectors


def load_transformer(folder: Path) -> Any:
    """LTX2VideoTransformer3DModel in float32; weights are stored in float16."""
    import torch
    from diffusers import LTX2VideoTransformer3DModel

    return LTX2VideoTransformer3DModel.from_pretrained(
        folder, torch_dtype=torch.float32, use_safetensors=True, local_files_only=True
    ).eval()


def _scheduler() -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler(  # as shipped with the undistilled LTX-2.3; the engine neutralises it
        use_dynamic_shifting=True,
        base_shift=0.95,
        max_shift=2.05,
        base_image_seq_len=1024,
        max_image_seq_len=4096,
        shift_terminal=0.1,
    )

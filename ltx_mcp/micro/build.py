"""The micro model: every class of LTX-2.3, thin, made on the spot from a fixed seed, around trained VAEs.

The rest is untrained, so what it draws is noise. It exists so that the whole loop runs on any machine with the code
that runs the real model. Topology and flags follow LTX-2.3 (gated attention, prompt-modulated cross-attention,
per-modality connector projections, split rotary embedding, 32x32x8 video VAE, a vocoder with bandwidth
extension to 48 kHz); only widths and depths differ. No download, and the process's random state is untouched.
"""

from typing import Any

SEED = 2303
MAX_PROMPT_TOKENS = 256  # a multiple of REGISTERS; the tokenizer is one token a character

UNTRAINED_REACH = 0.03
"""How far the untrained transformer moves its noise. At full reach it tints whole clips, and the frame classifier
takes some of the tints for skin (measured: up to 0.57 over 12 seeds, against 0.53 over 60 and no refusal at 0.03)."""

HEADS, VIDEO_HEAD_DIM, AUDIO_HEAD_DIM = 4, 16, 8
TEXT_WIDTH, TEXT_LAYERS, REGISTERS = 32, 2, 16


def build() -> dict[str, Any]:
    """The eight components of LTX2Pipeline by name, and `latent_upsampler`: float32, on the CPU, in eval mode."""
    import torch

    from ltx_mcp.micro.audio import load_audio_vae, load_vocoder
    from ltx_mcp.micro.vae import load_vae

    vae = load_vae()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        tokenizer = _tokenizer()
        parts = {
            "tokenizer": tokenizer,
            "text_encoder": _text_encoder(len(tokenizer)),
            "connectors": _connectors(),
            "transformer": _transformer(vae),
            "vae": vae,
            "audio_vae": load_audio_vae(),
            "vocoder": load_vocoder(),
            "latent_upsampler": _upsampler(vae.config.latent_channels),
            "scheduler": _scheduler(),
        }
    for part in parts.values():
        if isinstance(part, torch.nn.Module):
            part.eval().requires_grad_(False)
    return parts


def _tokenizer() -> Any:
    from transformers import GemmaTokenizer

    letters = "▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,;:!?'\"()-\n"
    words = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{byte:02X}>" for byte in range(256)), *letters]
    tokenizer = GemmaTokenizer(vocab={word: index for index, word in enumerate(words)}, merges=[])
    tokenizer.model_max_length = MAX_PROMPT_TOKENS
    return tokenizer


def _text_encoder(vocabulary: int) -> Any:
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    text = {
        "vocab_size": vocabulary + 8,  # room for the image tokens below, which must be in range
        "hidden_size": TEXT_WIDTH,
        "intermediate_size": 2 * TEXT_WIDTH,
        "num_hidden_layers": TEXT_LAYERS,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "max_position_embeddings": 2048,
        "sliding_window": 64,
        "query_pre_attn_scalar": 16,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "bos_token_id": 2,
    }
    vision = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
        "vision_use_head": False,
    }
    config = Gemma3Config(
        text_config=text,
        vision_config=vision,
        mm_tokens_per_image=4,
        boi_token_index=vocabulary,
        eoi_token_index=vocabulary + 1,
        image_token_index=vocabulary + 2,
    )
    return Gemma3ForConditionalGeneration(config)


def _connectors() -> Any:
    from diffusers.pipelines.ltx2 import LTX2TextConnectors

    return LTX2TextConnectors(
        caption_channels=TEXT_WIDTH,
        text_proj_in_factor=TEXT_LAYERS + 1,  # the layers and the embeddings
        video_connector_num_attention_heads=HEADS,
        video_connector_attention_head_dim=VIDEO_HEAD_DIM,
        video_connector_num_layers=1,
        video_connector_num_learnable_registers=REGISTERS,
        video_gated_attn=True,
        audio_connector_num_attention_heads=HEADS,
        audio_connector_attention_head_dim=AUDIO_HEAD_DIM,
        audio_connector_num_layers=1,
        audio_connector_num_learnable_registers=REGISTERS,
        audio_gated_attn=True,
        rope_type="split",
        per_modality_projections=True,
        video_hidden_dim=HEADS * VIDEO_HEAD_DIM,
        audio_hidden_dim=HEADS * AUDIO_HEAD_DIM,
        proj_bias=True,
    )


def _transformer(vae: Any) -> Any:
    import torch
    from diffusers import LTX2VideoTransformer3DModel

    from ltx_mcp.micro.audio import AUDIO_TOKEN

    model = LTX2VideoTransformer3DModel(
        in_channels=vae.config.latent_channels,
        out_channels=vae.config.latent_channels,
        vae_scale_factors=(vae.temporal_compression_ratio, *[vae.spatial_compression_ratio] * 2),
        num_attention_heads=HEADS,
        attention_head_dim=VIDEO_HEAD_DIM,
        cross_attention_dim=HEADS * VIDEO_HEAD_DIM,
        gated_attn=True,
        cross_attn_mod=True,
        audio_in_channels=AUDIO_TOKEN,
        audio_out_channels=AUDIO_TOKEN,
        audio_num_attention_heads=HEADS,
        audio_attention_head_dim=AUDIO_HEAD_DIM,
        audio_cross_attention_dim=HEADS * AUDIO_HEAD_DIM,
        audio_gated_attn=True,
        audio_cross_attn_mod=True,
        num_layers=2,
        caption_channels=TEXT_WIDTH,
        rope_type="split",
        rope_double_precision=True,
        use_prompt_embeddings=False,
        perturbed_attn=True,
    )
    with torch.no_grad():
        for parameter in model.proj_out.parameters():
            parameter.mul_(UNTRAINED_REACH)
    return model


def _upsampler(channels: int) -> Any:
    from diffusers.pipelines.ltx2 import LTX2LatentUpsamplerModel

    return LTX2LatentUpsamplerModel(
        in_channels=channels,
        mid_channels=32,  # a multiple of 32: its GroupNorm has 32 groups
        num_blocks_per_stage=1,
        spatial_upsample=True,
        temporal_upsample=False,
        use_rational_resampler=False,
    )


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

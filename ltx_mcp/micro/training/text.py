"""The micro model's text encoder and connectors: their shapes, and prompts to embeddings as LTX2Pipeline does it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ltx_mcp.micro.tokenizer import MAX_PROMPT_TOKENS

if TYPE_CHECKING:
    import torch

TEXT_WIDTH, TEXT_LAYERS, REGISTERS = 128, 3, 16
HEADS, VIDEO_HEAD_DIM, AUDIO_HEAD_DIM = 4, 64, 16
VIDEO_WIDTH, AUDIO_WIDTH = HEADS * VIDEO_HEAD_DIM, HEADS * AUDIO_HEAD_DIM


def make_text_encoder(vocabulary: int) -> Any:
    """Gemma3ForConditionalGeneration with random weights; its vision tower is as small as it can be."""
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    text = {
        "vocab_size": vocabulary + 8,  # room for the image tokens below, which must be in range
        "hidden_size": TEXT_WIDTH,
        "intermediate_size": 2 * TEXT_WIDTH,
        "num_hidden_layers": TEXT_LAYERS,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "max_position_embeddings": 2048,
        "sliding_window": 64,
        "query_pre_attn_scalar": 32,
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


def make_connectors() -> Any:
    """LTX2TextConnectors with random weights, with the flags of LTX-2.3."""
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
        video_hidden_dim=VIDEO_WIDTH,
        audio_hidden_dim=AUDIO_WIDTH,
        proj_bias=True,
    )


def embed(
    tokenizer: Any, text_encoder: Any, connectors: Any, prompts: Sequence[str]
) -> tuple["torch.Tensor", "torch.Tensor", "torch.Tensor"]:
    """What the transformer reads of prompts, as `LTX2Pipeline` makes it, but with gradients.

    (prompts, tokens, video width), (prompts, tokens, audio width) and the attention mask (prompts, tokens).
    """
    import torch

    read = tokenizer(
        [text.strip() for text in prompts],
        padding="max_length",
        max_length=MAX_PROMPT_TOKENS,
        truncation=True,
        return_tensors="pt",
    )
    # Positions are relative and padding is on the left, so what all prompts leave empty need not be computed.
    empty = MAX_PROMPT_TOKENS - max(1, int(read.attention_mask.sum(1).max()))
    states = text_encoder.model.language_model(
        input_ids=read.input_ids[:, empty:], attention_mask=read.attention_mask[:, empty:], output_hidden_states=True
    ).hidden_states
    packed = torch.nn.functional.pad(torch.stack(states, dim=-1).flatten(2, 3), (0, 0, empty, 0))
    video, audio, mask = connectors(packed, read.attention_mask, padding_side=tokenizer.padding_side)
    return video, audio, mask

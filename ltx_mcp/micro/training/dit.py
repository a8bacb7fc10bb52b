"""The micro model's transformer, LTX2VideoTransformer3DModel with LTX-2.3's flags, and where its training starts."""

from typing import Any

import torch

from ltx_mcp.micro.training.text import AUDIO_HEAD_DIM, AUDIO_WIDTH, HEADS, TEXT_WIDTH, VIDEO_HEAD_DIM, VIDEO_WIDTH

LAYERS = 6
VIDEO_CHANNELS, AUDIO_CHANNELS = 128, 32  # of a token: those of the video VAE, channels times mel bins of the audio VAE

# Where a rotary position has gone once round, in seconds and pixels, and how much faster the fastest one turns. The
# micro model's frames are small: with LTX-2's 2048 pixels and 10,000 most positions would be noise to it.
TURN_S, TURN_PIXELS, TURN_RANGE = 8, 512, 20.0

_SMALL = 0.02  # deviation of the weights that write into the stream
_GATES = (2, 5, 8)  # rows of a block's table that gate: self-attention, feed-forward, prompt


def make_transformer(layers: int = LAYERS) -> Any:
    """A transformer where training starts: every block adds next to nothing, and what goes in comes out.

    The first half of a token's width carries the token through to the output, as the velocity that the model must
    give is the noise in it less the video.
    """
    from diffusers import LTX2VideoTransformer3DModel

    model = LTX2VideoTransformer3DModel(
        in_channels=VIDEO_CHANNELS,
        out_channels=VIDEO_CHANNELS,
        vae_scale_factors=(8, 32, 32),
        pos_embed_max_pos=TURN_S,
        base_height=TURN_PIXELS,
        base_width=TURN_PIXELS,
        rope_theta=TURN_RANGE,
        num_attention_heads=HEADS,
        attention_head_dim=VIDEO_HEAD_DIM,
        cross_attention_dim=VIDEO_WIDTH,
        gated_attn=True,
        cross_attn_mod=True,
        audio_in_channels=AUDIO_CHANNELS,
        audio_out_channels=AUDIO_CHANNELS,
        audio_num_attention_heads=HEADS,
        audio_attention_head_dim=AUDIO_HEAD_DIM,
        audio_cross_attention_dim=AUDIO_WIDTH,
        audio_pos_embed_max_pos=TURN_S,
        audio_gated_attn=True,
        audio_cross_attn_mod=True,
        num_layers=layers,
        caption_channels=TEXT_WIDTH,
        rope_type="split",
        rope_double_precision=True,
        use_prompt_embeddings=False,
        perturbed_attn=True,
    )
    with torch.no_grad():
        _start(model)
    return model


def _start(model: Any) -> None:
    for name, module in model.named_children():
        if name.endswith(("time_embed", "prompt_adaln", "scale_shift", "gate")):
            module.linear.weight.zero_()
            module.linear.bias.zero_()
    for name, weight in model.named_parameters():
        if name.endswith("scale_shift_table"):
            weight.zero_()
        elif name.endswith(("to_out.0.weight", "net.2.weight")):
            weight.normal_(0, _SMALL)
        elif name.endswith(("to_out.0.bias", "net.2.bias")):
            weight.zero_()
    for block in model.transformer_blocks:
        for table in (block.scale_shift_table, block.audio_scale_shift_table):
            table[list(_GATES)] = 1.0
        block.audio_a2v_cross_attn_scale_shift_table[4] = 1.0  # the gate of what sound takes from the video
        block.audio_to_video_attn.to_out[0].weight.zero_()  # and the video takes nothing from sound
    for put_in, put_out, channels in (
        (model.proj_in, model.proj_out, VIDEO_CHANNELS),
        (model.audio_proj_in, model.audio_proj_out, AUDIO_CHANNELS),
    ):
        width = put_in.out_features
        for weight in (*put_in.parameters(), *put_out.parameters()):
            weight.zero_()
        put_in.weight[:channels] = torch.eye(channels)
        put_out.weight[:, :channels] = torch.eye(channels) * (channels / width) ** 0.5  # undoes the last norm's scale

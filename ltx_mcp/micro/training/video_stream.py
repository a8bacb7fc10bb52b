"""The transformer's video stream alone, for training: the same numbers as the class gives, in half the time.

It leaves out the audio stream, which the video does not read (dit.py), computes rotary positions and modulation once
instead of once a sample or token, and uses plain attention, whose backward pass is quicker on CPUs at these lengths.
"""

from typing import Any

import torch
from torch.nn import functional

Rotary = tuple[torch.Tensor, torch.Tensor]


def video_velocity(
    model: Any,
    noisy: torch.Tensor,
    told: torch.Tensor,
    sigma: torch.Tensor,
    given: int,
    coords: torch.Tensor,
    blocks: int | None = None,
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The velocity (samples, tokens, channels), and of each block the stream behind it, (samples, tokens, width).

    `told` (samples, words, width) are the prompts' embeddings, `sigma` (samples,) the noise levels, `given` how many of
    the first tokens are without noise, `coords` (1, 3, tokens, 2) as the rotary embedding makes them. With `blocks`
    only the first so many run.
    """
    rotary = model.rope(coords)
    count = noisy.shape[1]
    timestep = sigma * 1000
    levels = torch.cat([timestep, torch.zeros_like(timestep)]) if given else timestep
    modulation, level = model.time_embed(levels, batch_size=len(levels), hidden_dtype=noisy.dtype)
    modulation, level = (_per_token(each, len(noisy), count, given) for each in (modulation, level))
    asked, _ = model.prompt_adaln(timestep, batch_size=len(noisy), hidden_dtype=noisy.dtype)
    asked = asked[:, None]
    stream, streams = model.proj_in(noisy), []
    for each in model.transformer_blocks[:blocks]:
        stream = _block(each, stream, told, modulation, asked, rotary)
        streams.append(stream)
    shift, scale = (model.scale_shift_table[None, None] + level[:, :, None]).unbind(2)
    return model.proj_out(model.norm_out(stream) * (1 + scale) + shift), streams


def _block(
    block: Any, stream: torch.Tensor, told: torch.Tensor, modulation: torch.Tensor, asked: torch.Tensor, rotary: Rotary
) -> torch.Tensor:
    """One block's video half: self-attention, the prompt, feed-forward."""
    rows = (block.scale_shift_table[None, None] + modulation.view(*modulation.shape[:2], 9, -1)).unbind(2)
    shift, scale, gate, shift_ff, scale_ff, gate_ff, shift_text, scale_text, gate_text = rows
    moved = block.norm1(stream) * (1 + scale) + shift
    stream = stream + _attention(block.attn1, moved, moved, rotary) * gate
    shift_told, scale_told = (block.prompt_scale_shift_table[None, None] + asked.view(*asked.shape[:2], 2, -1)).unbind(
        2
    )
    moved = block.norm2(stream) * (1 + scale_text) + shift_text
    stream = stream + _attention(block.attn2, moved, told * (1 + scale_told) + shift_told, None) * gate_text
    moved = block.norm3(stream) * (1 + scale_ff) + shift_ff
    done: torch.Tensor = stream + block.ff(moved) * gate_ff
    return done


def _attention(attn: Any, asking: torch.Tensor, asked: torch.Tensor, rotary: Rotary | None) -> torch.Tensor:
    heads = attn.heads
    query, key = _normed(attn.norm_q, attn.to_q(asking)), _normed(attn.norm_k, attn.to_k(asked))
    query, key, value = (each.unflatten(2, (heads, -1)).transpose(1, 2) for each in (query, key, attn.to_v(asked)))
    if rotary is not None:
        query, key = _turned(query, rotary), _turned(key, rotary)
    weights = functional.softmax((query @ key.transpose(2, 3) * query.shape[-1] ** -0.5).float(), -1)
    mixed = (weights.to(value.dtype) @ value).transpose(1, 2)
    gates = 2 * torch.sigmoid(attn.to_gate_logits(asking))
    given: torch.Tensor = attn.to_out[0]((mixed * gates[..., None]).flatten(2))
    return given


def _normed(norm: Any, x: torch.Tensor) -> torch.Tensor:
    return functional.rms_norm(x, norm.normalized_shape, norm.weight.to(x.dtype), norm.eps)  # fused in one precision


def _turned(x: torch.Tensor, rotary: Rotary) -> torch.Tensor:
    cos, sin = (each.to(x.dtype) for each in rotary)
    first, second = x.chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


def _per_token(rows: torch.Tensor, samples: int, count: int, given: int) -> torch.Tensor:
    """(samples, 1 or tokens, width): one row a sample, or that of no noise for the first tokens."""
    if not given:
        return rows[:, None]
    noisy, clean = rows[:samples], rows[samples:]
    return torch.cat([clean[:, None].expand(-1, given, -1), noisy[:, None].expand(-1, count - given, -1)], 1)

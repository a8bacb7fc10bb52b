"""What the transformer learns from, step by step: clips at random, what is said of them, their noise, what is given."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from ltx_mcp.micro.training.flow import (
    AUDIO_SHARES,
    GIVEN_FRAMES,
    OUTSIDE,
    SHARES,
    SampleKind,
    draw_kind,
    draw_path,
    draw_sigma,
)
from ltx_mcp.micro.training.latents_data import Clip, Shape
from ltx_mcp.micro.training.precision import autocast
from ltx_mcp.micro.training.prompts import is_told, of_footage, prompt
from ltx_mcp.micro.training.sampling import one
from ltx_mcp.micro.training.world import Scene, settled

Phase = Literal["hints", "video", "audio"]

_RATES = ((24.0, 0.7), (25.0, 0.15), (30.0, 0.15))  # frames a second, and their shares
_CHANNEL_FLOOR = 0.15  # of a channel's weight in the loss, next to its effect on pixels
_GROUND = 0.35  # weight of a token that shows ground only
_SILENT_PROMPTS = 0.05  # of the samples have none, which guidance needs


@dataclass(frozen=True)
class Batch:
    """Samples of one shape. The tokens that are given have no noise and do not count."""

    video: torch.Tensor  # (samples, tokens, channels), without noise: what the model is to make
    seen: torch.Tensor  # what the noise is on: the same, or its twin
    noise: torch.Tensor
    sigma: torch.Tensor  # (samples,)
    given: int  # of the first tokens
    weight: torch.Tensor  # (samples, tokens)
    scenes: Sequence[Scene | None]
    texts: Sequence[str]
    shape: Shape
    fps: float
    kind: SampleKind
    path: tuple[float, ...] = ()  # the levels that the model has come down by itself; the last is `sigma`


class Samples:
    """Batches of some `tokens` each; a step's depends on the seed, its number and the clips alone.

    `channels` are the weights of the latent channels in the loss.
    """

    def __init__(self, clips: Sequence[Clip], channels: torch.Tensor, tokens: int, seed: int) -> None:
        self._channels, self._tokens, self._seed = channels, tokens, seed
        drawn = [clip for clip in clips if clip.scene]
        stands = [clip for clip in drawn if clip.scene and clip.scene == settled(clip.scene)]
        told = [clip for clip in stands if clip.scene and is_told(clip.scene)]
        footage = [clip for clip in clips if not clip.scene]
        self._twins: dict[tuple[Shape, str], list[Clip]] = defaultdict(list)
        for clip in stands:
            self._twins[_form(clip)].append(clip)
        pairs = [clip for clip in stands if len(self._twins[_form(clip)]) > 1]
        pools: dict[SampleKind, list[Clip]] = {
            "told": told,
            "late": [*drawn, *told, *told],  # the second stage of what is told is the most frequent
            "twin": pairs,
            "given": drawn,
            "footage": footage,
            "kept": footage,
        }
        self._pools = {kind: _by_shape(pool) for kind, pool in pools.items()}

    def batch(self, step: int, phase: Phase) -> Batch:
        """Those of a step."""
        rng = np.random.default_rng([10, self._seed, step])
        shares = AUDIO_SHARES if phase == "audio" else SHARES
        kind = draw_kind(rng, shares, [kind for kind, pool in self._pools.items() if pool])
        by_shape = self._pools[kind]
        shape = one(rng, list(by_shape), [len(pool) for pool in by_shape.values()])
        given = 0
        if kind in ("given", "footage"):
            given = min(one(rng, GIVEN_FRAMES), shape.frames - 1)
        pool = by_shape[shape]
        if kind == "footage" and given == 1:  # one frame does not tell how it moves
            pool = [clip for clip in pool if clip.rests] or pool
        tokens = shape.frames * shape.height * shape.width
        chosen = [one(rng, pool) for _ in range(max(2, self._tokens // tokens))]
        texts = [_text(clip, rng, full=kind in ("told", "twin")) for clip in chosen]
        video = _tokens(chosen)
        noise = torch.from_numpy(rng.standard_normal(video.shape, np.float32))
        rates, rate_shares = zip(*_RATES, strict=True)
        path = draw_path(rng, kind) if phase == "video" else ()
        return Batch(
            video,
            _tokens([one(rng, self._twins[_form(clip)]) for clip in chosen]) if kind == "twin" else video,
            noise,
            torch.tensor([path[-1] if path else draw_sigma(rng, kind) for _ in chosen]),
            given * shape.height * shape.width,
            torch.ones(video.shape[:2]) if kind in OUTSIDE else self._token_weights(video, shape),
            [clip.scene for clip in chosen],
            ["" if kind != "twin" and rng.random() < _SILENT_PROMPTS else text for text in texts],
            shape,
            one(rng, rates, rate_shares),
            kind,
            path,
        )

    def _token_weights(self, video: torch.Tensor, shape: Shape) -> torch.Tensor:
        """1 where there is a thing, less where there is ground: what most tokens of a frame show is ground."""
        framed = (video * self._channels.sqrt()).view(len(video), shape.frames, -1, video.shape[-1])
        off = (framed - framed.median(2, keepdim=True).values).square().mean(-1)
        share = (off / off.amax((1, 2), keepdim=True).clamp_min(1e-6) * 8).clamp(0, 1)
        return (_GROUND + (1 - _GROUND) * share).flatten(1)


def noisy_of(batch: Batch) -> torch.Tensor:
    """What the model sees of the video."""
    sigma = batch.sigma[:, None, None]
    noisy = (1 - sigma) * batch.seen + sigma * batch.noise
    noisy[:, : batch.given] = batch.video[:, : batch.given]
    return noisy


def channel_weights(vae: Any, clips: Sequence[Clip]) -> torch.Tensor:
    """How much an error in each latent channel shows in pixels, with a mean of one and a floor; (channels,)."""
    rng = torch.Generator().manual_seed(0)
    mean, std = vae.latents_mean.view(-1, 1, 1, 1), vae.latents_std.view(-1, 1, 1, 1)
    seen = torch.zeros(len(mean))
    with torch.inference_mode(), autocast():
        for clip in clips:
            latents = clip.latents.float()[:, :3, :4, :4]
            plain = vae.decode((latents * std + mean)[None], return_dict=False)[0].float()
            for start in range(0, len(mean), 16):
                rows = latents.repeat(16, 1, 1, 1, 1)
                for row in range(16):
                    rows[row, start + row] += 0.5 * torch.randn(latents.shape[1:], generator=rng)
                changed = vae.decode(rows * std + mean, return_dict=False)[0].float()
                seen[start : start + 16] += (changed - plain).square().mean((1, 2, 3, 4))
    share = seen / seen.mean()
    share = _CHANNEL_FLOOR + share
    return share / share.mean()


def _text(clip: Clip, rng: np.random.Generator, *, full: bool) -> str:
    return of_footage(rng) if clip.scene is None else prompt(clip.scene, rng, full=full).text


def _form(clip: Clip) -> tuple[Shape, str]:
    """What twins have in common: all but the colour and the ground."""
    things = clip.scene.things if clip.scene else ()
    return _shape(clip), " ".join(f"{each.kind} {each.size} {each.motion} {each.x} {each.y}" for each in things)


def _shape(clip: Clip) -> Shape:
    return Shape(*clip.latents.shape[1:])


def _by_shape(clips: Sequence[Clip]) -> dict[Shape, list[Clip]]:
    found: dict[Shape, list[Clip]] = defaultdict(list)
    for clip in clips:
        found[_shape(clip)].append(clip)
    return found


def _tokens(clips: Sequence[Clip]) -> torch.Tensor:
    """(samples, tokens, channels) of clips of one shape."""
    return torch.stack([clip.latents for clip in clips]).float().flatten(2).transpose(1, 2)

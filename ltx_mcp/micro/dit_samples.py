"""What the transformer learns from, step by step: clips by lot, what is said of them, their noise, what is given."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from ltx_mcp.micro.flow import GIVEN_FRAMES, Sort, draw_path, draw_sigma, draw_sort, open_choice, write_choice
from ltx_mcp.micro.latents_data import Clip, Shape
from ltx_mcp.micro.prompts import of_footage, prompt
from ltx_mcp.micro.world import Scene

Phase = Literal["places", "picture", "sound"]

_RATES = ((24.0, 0.7), (25.0, 0.15), (30.0, 0.15))  # frames a second, and their shares
_CHANNEL_FLOOR = 0.15  # of a channel's weight in the loss, next to its effect on pixels
_GROUND = 0.35  # weight of a token that shows ground only
_SILENT_PROMPTS = 0.05  # of the samples have none, which guidance needs


@dataclass(frozen=True)
class Batch:
    """Samples of one shape. The tokens that are given have no noise and do not count."""

    video: torch.Tensor  # (samples, tokens, channels), without noise
    noise: torch.Tensor
    sigma: torch.Tensor  # (samples,)
    given: int  # of the first tokens
    weight: torch.Tensor  # (samples, tokens)
    scenes: Sequence[Scene | None]
    texts: Sequence[str]
    choice: torch.Tensor  # (samples,) what the noise says, where it says anything
    shape: Shape
    fps: float
    sort: Sort
    path: tuple[float, ...] = ()  # the levels that the model has come down by itself; the last is `sigma`


class Samples:
    """Batches of some `tokens` each; a step's depends on the seed, its number and the clips alone.

    `channels` are the weights of the latent channels in the loss.
    """

    def __init__(self, clips: Sequence[Clip], channels: torch.Tensor, tokens: int, seed: int) -> None:
        self._channels, self._tokens, self._seed = channels, tokens, seed
        self._drawn: dict[Shape, list[Clip]] = defaultdict(list)
        self._footage: dict[Shape, list[Clip]] = defaultdict(list)
        for clip in clips:
            (self._footage if clip.scene is None else self._drawn)[Shape(*clip.latents.shape[1:])].append(clip)

    def batch(self, step: int, phase: Phase) -> Batch:
        """Those of a step."""
        lot = np.random.default_rng([10, self._seed, step])
        sort = draw_sort(lot, footage=bool(self._footage) and phase == "picture")
        by_shape = self._footage if sort == "footage" else self._drawn
        shapes = list(by_shape)
        counts = np.array([len(by_shape[shape]) for shape in shapes], np.float64)
        shape = shapes[int(lot.choice(len(shapes), p=counts / counts.sum()))]
        given = 0
        if sort in ("given", "footage"):
            given = min(GIVEN_FRAMES[int(lot.integers(len(GIVEN_FRAMES)))], shape.frames - 1)
        pool = by_shape[shape]
        if sort == "footage" and given == 1:  # one frame does not tell how it moves
            pool = [clip for clip in pool if clip.rests] or pool
        tokens = shape.frames * shape.height * shape.width
        picked = [pool[int(lot.integers(len(pool)))] for _ in range(max(2, self._tokens // tokens))]
        told = [_told(clip, lot, full=sort == "paired") for clip in picked]
        video = torch.stack([clip.latents for clip in picked]).float().flatten(2).transpose(1, 2)
        noise = torch.from_numpy(lot.standard_normal(video.shape, np.float32))
        choice = torch.tensor([each for _, each in told])
        if sort == "paired":
            noise = write_choice(noise, choice)
        rates, shares = zip(*_RATES, strict=True)
        path = draw_path(lot, sort) if phase == "picture" else ()
        return Batch(
            video,
            noise,
            torch.tensor([path[-1] if path else draw_sigma(lot, sort) for _ in picked]),
            given * shape.height * shape.width,
            torch.ones(video.shape[:2]) if sort == "footage" else self._token_weights(video, shape),
            [clip.scene for clip in picked],
            ["" if lot.random() < _SILENT_PROMPTS else text for text, _ in told],
            choice,
            shape,
            float(rates[int(lot.choice(len(rates), p=shares))]),
            sort,
            path,
        )

    def _token_weights(self, video: torch.Tensor, shape: Shape) -> torch.Tensor:
        """1 where there is a thing, less where there is ground: what most tokens of a frame show is ground."""
        framed = (video * self._channels.sqrt()).view(len(video), shape.frames, -1, video.shape[-1])
        off = (framed - framed.median(2, keepdim=True).values).square().mean(-1)
        share = (off / off.amax((1, 2), keepdim=True).clamp_min(1e-6) * 8).clamp(0, 1)
        return (_GROUND + (1 - _GROUND) * share).flatten(1)


def noisy_of(batch: Batch) -> torch.Tensor:
    """What the model sees of the picture."""
    sigma = batch.sigma[:, None, None]
    noisy = (1 - sigma) * batch.video + sigma * batch.noise
    noisy[:, : batch.given] = batch.video[:, : batch.given]
    return noisy


def channel_weights(vae: Any, clips: Sequence[Clip]) -> torch.Tensor:
    """How much an error in each latent channel shows in pixels, with a mean of one and a floor; (channels,)."""
    lot = torch.Generator().manual_seed(0)
    mean, std = vae.latents_mean.view(-1, 1, 1, 1), vae.latents_std.view(-1, 1, 1, 1)
    seen = torch.zeros(len(mean))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for clip in clips:
            latents = clip.latents.float()[:, :3, :4, :4]
            plain = vae.decode((latents * std + mean)[None], return_dict=False)[0].float()
            for start in range(0, len(mean), 16):
                rows = latents.repeat(16, 1, 1, 1, 1)
                for row in range(16):
                    rows[row, start + row] += 0.5 * torch.randn(latents.shape[1:], generator=lot)
                changed = vae.decode(rows * std + mean, return_dict=False)[0].float()
                seen[start : start + 16] += (changed - plain).square().mean((1, 2, 3, 4))
    share = seen / seen.mean()
    share = _CHANNEL_FLOOR + share
    return share / share.mean()


def _told(clip: Clip, lot: np.random.Generator, *, full: bool) -> tuple[str, float]:
    """A prompt for the clip, and the number that stands for what it leaves open."""
    if clip.scene is None:
        return of_footage(lot), 0.0
    said = prompt(clip.scene, lot, full=full)
    return said.text, open_choice(clip.scene, said)

"""Train the micro model's transformer.

    python -m ltx_mcp.micro.training.train_dit --data DIR --text DIR --out DIR [--resume]

Flow matching on the latents that latents_data.py made, with the text encoder and connectors of train_text.py, which
stay as they are. There are three phases, each of which goes on from the one before (`--phase NAME --resume`): `hints`
teaches the first blocks to tell, from mere noise too, where in the clip a token is and what kind of thing is asked for,
`video` the video, `sound` the audio stream, which reads the finished video stream and does not change it. Every
step depends on the seed, its number and the data alone.
`DIR/checkpoint.pt` is written every few minutes, and `DIR/transformer` with it: config.json and fp16 safetensors of the
averaged weights.
"""

import argparse
import copy
import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from ltx_mcp.micro.build import load_text, load_transformer
from ltx_mcp.micro.training.audio_objective import AudioObjective
from ltx_mcp.micro.training.dit import LAYERS, make_transformer
from ltx_mcp.micro.training.dit_samples import Batch, Phase, Samples, channel_weights, noisy_of
from ltx_mcp.micro.training.hints import Hints
from ltx_mcp.micro.training.latents_data import Clip, read
from ltx_mcp.micro.training.precision import autocast
from ltx_mcp.micro.training.text import embed
from ltx_mcp.micro.training.video_stream import video_velocity

log = logging.getLogger(__name__)

_WARM_UP = 100  # steps
_AVERAGE = 0.995  # of the running mean of the weights, a step
_CLIP = 1.0  # norm of the gradient
_HINTS = 0.6  # weight of their losses while the video learns


@dataclass(frozen=True)
class DitPlan:
    """What decides the weights, besides the code and the data."""

    steps: int = 10_000
    tokens: int = 1792  # of video, in a step
    rate: float = 3e-3
    layers: int = LAYERS
    phase: Phase = "video"
    seed: int = 0
    ns_steps: int = 5  # of Newton and Schulz in Muon, in bfloat16: seconds a step where the processor has none


class DitTrainer:
    """The transformer, the mean of its weights, its optimisers and the number of the next step."""

    def __init__(
        self, plan: DitPlan, clips: Sequence[Clip], text: tuple[Any, Any, Any], channels: torch.Tensor
    ) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.text = text  # tokenizer, text encoder, connectors
        self.channels = channels  # (channels,) weights in the loss
        self.samples = Samples(clips, channels, plan.tokens, plan.seed)
        self.model: Any = make_transformer(plan.layers)
        self.average: Any = copy.deepcopy(self.model).requires_grad_(False)
        self.hints = Hints(plan.layers)
        self.dubbing = AudioObjective(plan.seed)
        self.step = 0
        for name, weight in self.model.named_parameters():
            weight.requires_grad_(_learns(name, plan.phase))
        learning = {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}
        matrices = [weight for name, weight in learning.items() if _is_matrix(name, weight)]
        others = [weight for name, weight in learning.items() if not _is_matrix(name, weight)]
        if plan.phase != "audio":
            others += self.hints.parameters()
        self.weights = matrices + others
        # Muon (Jordan et al. 2024) is for what maps a stream to a stream.
        self.optimisers = [
            torch.optim.Muon(
                matrices, lr=plan.rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw", ns_steps=plan.ns_steps
            ),
            torch.optim.AdamW(others, lr=plan.rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True),
        ]

    def advance(self) -> dict[str, float]:
        """One step. Returns its losses."""
        batch = self.samples.batch(self.step, self.plan.phase)
        with torch.no_grad():
            told, told_audio, _ = embed(*self.text, batch.texts)
        if self.plan.phase == "audio":
            losses = {"loss": self.dubbing.loss(self.model, batch, told, told_audio, self.step)}
        else:
            losses = self._hinted(batch, told) if self.plan.phase == "hints" else self._picture(batch, told)
        for optimiser in self.optimisers:
            optimiser.zero_grad()
        torch.autograd.backward(losses["loss"])
        losses["norm"] = torch.nn.utils.clip_grad_norm_(self.weights, _CLIP)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = self.plan.rate * self._rate_share()
            optimiser.step()
        self._mean()
        self.step += 1
        return {name: float(value.detach()) for name, value in losses.items()}

    def _hinted(self, batch: Batch, told: torch.Tensor) -> dict[str, torch.Tensor]:
        """The first blocks alone. At the highest noise levels all that tells a place are the borders."""
        with autocast():
            _, streams = self._forward(batch, told, noisy_of(batch), batch.sigma, self.hints.blocks)
        hints = self.hints.losses(streams, batch)
        return {"loss": sum(hints.values(), torch.zeros(())), **hints}

    def _picture(self, batch: Batch, told: torch.Tensor) -> dict[str, torch.Tensor]:
        with autocast():
            noisy = self._walked(batch, told) if batch.path else noisy_of(batch)
            answer, streams = self._forward(batch, told, noisy, batch.sigma)
        error = ((answer.float() - (noisy - batch.video) / batch.sigma[:, None, None]).square() * self.channels).mean(
            -1
        )
        if len(batch.path) > 1:
            error = error * batch.sigma[:, None].square()  # of the clip: as velocity the lowest levels drown the others
        weight = batch.weight.clone()
        weight[:, : batch.given] = 0
        hints = self.hints.losses(streams, batch)
        seen = (error * weight).sum() / weight.sum()
        return {"loss": seen + _HINTS * sum(hints.values()), "video": seen, **hints}

    def _forward(
        self, batch: Batch, told: torch.Tensor, noisy: torch.Tensor, sigma: torch.Tensor, blocks: int | None = None
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """As `video_velocity` gives them."""
        coords = self.model.rope.prepare_video_coords(
            1, batch.shape.frames, batch.shape.height, batch.shape.width, noisy.device, fps=batch.fps
        )
        return video_velocity(self.model, noisy, told, sigma, batch.given, coords, blocks)

    @torch.no_grad()
    def _walked(self, batch: Batch, told: torch.Tensor) -> torch.Tensor:
        """Where the model itself comes to at the batch's level, step by step as the pipeline goes."""
        levels = [torch.full_like(batch.sigma, level) for level in batch.path]
        noisy = noisy_of(replace(batch, sigma=levels[0]))
        for level, lower in pairwise(levels):
            velocity, _ = self._forward(batch, told, noisy, level)
            noisy = noisy + (lower - level)[:, None, None] * velocity.float()
        return noisy

    def _rate_share(self) -> float:
        """Up in the first steps, then straight down."""
        return min(1.0, (self.step + 1) / _WARM_UP) * max(0.02, 1 - self.step / self.plan.steps)

    def _mean(self) -> None:
        keep = min(_AVERAGE, self.step / (self.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_([*self.average.parameters()], [*self.model.parameters()], 1 - keep)

    def start(self, folder: Path) -> None:
        """Begin with the weights of an export; the heads of the hints start from random weights."""
        for model in (self.model, self.average):
            model.load_state_dict(load_transformer(folder).state_dict())

    def save(self, path: Path) -> None:
        """Write all that `load` needs, at once or not at all."""
        new = path.with_suffix(".new")
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "hints": self.hints.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "phase": self.plan.phase,
            "step": self.step,
        }
        torch.save(state, new)
        new.replace(path)

    def load(self, path: Path) -> None:
        """Take up a run where `save` left it, or begin the next phase with its averaged weights."""
        state = torch.load(path, weights_only=True)
        going_on = state["phase"] == self.plan.phase
        self.model.load_state_dict(state["model" if going_on else "average"])
        self.average.load_state_dict(state["average"])
        self.hints.load_state_dict(state["hints"])
        if going_on:
            for optimiser, kept in zip(self.optimisers, state["optimisers"], strict=True):
                optimiser.load_state_dict(kept)
            self.step = state["step"]

    def export(self, folder: Path) -> None:
        """Write the averaged weights as diffusers loads them, fp16."""
        copy.deepcopy(self.average).half().save_pretrained(folder)


def _learns(name: str, phase: Phase) -> bool:
    """Whether a weight learns in this phase. What the video takes from sound stays at nothing (dit.py)."""
    if "audio_to_video_attn" in name:
        return False
    if phase == "hints":
        phase = "video"
    sound = any(part in name for part in ("audio", "a2v", "av_cross"))
    return sound == (phase == "audio")


def _is_matrix(name: str, weight: torch.Tensor) -> bool:
    """Whether it maps a stream to a stream, inside a block: Muon is for these."""
    return weight.ndim == 2 and "transformer_blocks" in name and not name.endswith(("table", "gate_logits.weight"))


def run(trainer: DitTrainer, out: Path, minutes: float, save_every_s: float = 180) -> None:
    """Train until the plan's steps are done or the time is up, and export."""
    begin = saved = time.monotonic()
    losses: dict[str, list[float]] = defaultdict(list)
    while trainer.step < trainer.plan.steps and time.monotonic() - begin < 60 * minutes:
        for name, value in trainer.advance().items():
            losses[name].append(value)
        if trainer.step % 20 == 0:
            told = " ".join(f"{name} {np.mean(values):.4f}" for name, values in losses.items())
            log.info("step %d %s (%.0f s)", trainer.step, told, time.monotonic() - begin)
            losses.clear()
        if time.monotonic() - saved > save_every_s:
            trainer.save(out / "checkpoint.pt")
            trainer.export(out / "transformer")
            saved = time.monotonic()
    trainer.save(out / "checkpoint.pt")
    trainer.export(out / "transformer")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder of latents_data.py's files")
    parser.add_argument("--text", type=Path, required=True, help="folder of train_text.py's weights")
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoint and the weights")
    parser.add_argument("--minutes", type=float, default=600, help="stop after so many; --resume goes on")
    parser.add_argument("--phase", choices=get_args(Phase), default=DitPlan.phase)
    parser.add_argument("--steps", type=int, default=DitPlan.steps)
    parser.add_argument("--rate", type=float, default=DitPlan.rate)
    parser.add_argument("--seed", type=int, default=DitPlan.seed)
    parser.add_argument("--start", type=Path, help="folder of exported weights to begin with, such as the shipped ones")
    parser.add_argument("--resume", action="store_true", help="go on from DIR/checkpoint.pt")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    given.out.mkdir(parents=True, exist_ok=True)
    from ltx_mcp.micro.vae import load_vae

    clips = list(read(given.data))
    log.info("%d clips", len(clips))
    kept = given.out / "channels.pt"
    if not kept.exists():
        torch.save(channel_weights(load_vae(), [clip for clip in clips if min(clip.latents.shape[2:]) >= 4][:4]), kept)
    weights = torch.load(kept, weights_only=True)
    plan = DitPlan(steps=given.steps, seed=given.seed, rate=given.rate, phase=given.phase)
    trainer = DitTrainer(plan, clips, load_text(given.text), weights)
    if given.start:
        trainer.start(given.start)
    if given.resume:
        trainer.load(given.out / "checkpoint.pt")
    run(trainer, given.out, given.minutes)


if __name__ == "__main__":
    main()

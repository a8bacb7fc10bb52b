"""Train the micro model's video VAE: `python -m ltx_mcp.micro.training.train_vae --out DIR [--minutes N] [--resume]`.

The first run solves the start (vae_start.py), then all layers learn together. Every step depends on the seed and
its number alone, so a run that was stopped and resumed is the run that was not. `DIR/checkpoint.pt` is written every
few minutes, and `DIR/vae` at the end: config.json and fp16 safetensors, of the averaged weights.
"""

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ltx_mcp.micro.training import loop as training
from ltx_mcp.micro.training import vae_start
from ltx_mcp.micro.training.training_clips import TrainingClips

_START_AT, _STATS_AT = 1_000_000, 2_000_000  # steps whose clips solve the start and measure the latents
_WARM_UP = 100  # steps
_BLOCK_SHARE = 0.2  # in place of the rms of a residual block's weights


@dataclass(frozen=True)
class Plan:
    """What decides the weights, besides the code. `latent_noise` is in each latent channel's standard deviations."""

    steps: int = 1600
    clips: int = 4
    frames: int = 17
    side: int = 96
    rate: float = 8e-4  # of a tensor's rms, a step
    latent_noise: float = 0.05
    start_clips: int = 160
    start_side: int = 128
    seed: int = 0
    media: bool = True
    textures: int = 24


class Trainer(training.Checkpointed):
    """The VAE, the mean of its weights, its optimiser and the number of the next step."""

    folder = "vae"  # of the weights, in that of a run
    parts = ("vae", "average", "optimiser")

    def __init__(self, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.clips = TrainingClips(plan.seed, media=plan.media, textures=plan.textures)
        self.vae: Any = vae_start.make_vae()
        self.average: Any = vae_start.make_vae()
        self.step = 0
        self._prepare()

    def _prepare(self) -> None:
        """Each tensor learns in proportion to its size, so that no layer's solution is run over."""
        groups = [{"params": [weight], "share": _share(name, weight)} for name, weight in self.vae.named_parameters()]
        self.optimiser = torch.optim.Adam(groups, lr=self.plan.rate, betas=(0.9, 0.99))

    def start(self) -> None:
        """Solve the layers; takes minutes at full size."""
        plan = self.plan
        at = range(_START_AT, _START_AT + plan.start_clips)
        clips = [torch.from_numpy(self.clips.batch(step, 1, plan.frames, plan.start_side)) for step in at]
        vae_start.start(self.vae, clips)
        self.average.load_state_dict(self.vae.state_dict())
        self._prepare()

    def advance(self) -> float:
        """One step. Returns its loss."""
        plan = self.plan
        clip = torch.from_numpy(self.clips.batch(self.step, plan.clips, plan.frames, plan.side))
        latents = self.vae.encode(clip).latent_dist.mode()
        rng = torch.Generator().manual_seed(plan.seed * 1_000_003 + self.step)
        noise = torch.randn(latents.shape, generator=rng) * self.vae.latents_std.view(1, -1, 1, 1, 1)
        made = self.vae.decode(latents + plan.latent_noise * noise, return_dict=False)[0]
        loss = loss_of(made, clip)
        rate = plan.rate * training.level_then_down(self.step, plan.steps, _WARM_UP)
        training.descend(self.optimiser, self.vae, loss, rate)
        self._average()
        self.step += 1
        return float(loss.detach())

    def _average(self) -> None:
        training.average(self.average, self.vae, self.step)
        for name in ("latents_mean", "latents_std"):
            getattr(self.average, name).copy_(getattr(self.vae, name))

    @property
    def done(self) -> bool:
        return self.step >= self.plan.steps

    def export(self, folder: Path) -> None:
        """Write the averaged weights as diffusers loads them, fp16, with the statistics of their latents."""
        plan = self.plan
        at = range(_STATS_AT, _STATS_AT + plan.start_clips)
        clips = (torch.from_numpy(self.clips.batch(step, 1, plan.frames, plan.start_side)) for step in at)
        vae_start.measure_latents(self.average, clips)
        shipped = vae_start.make_vae()
        shipped.load_state_dict(self.average.state_dict())
        shipped.half().save_pretrained(folder)


def loss_of(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Squared error, which PSNR counts, and a little absolute error for sharper edges."""
    return torch.nn.functional.mse_loss(made, wanted) + 0.1 * torch.nn.functional.l1_loss(made, wanted)


def _share(name: str, weight: torch.Tensor) -> float:
    """The rms of a solved tensor; the residual blocks start near nothing and must grow."""
    return _BLOCK_SHARE if "resnets" in name else max(float(weight.detach().square().mean().sqrt()), 1e-3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoint and the weights")
    parser.add_argument("--minutes", type=float, default=600, help="stop after so many; --resume goes on")
    parser.add_argument("--steps", type=int, default=Plan.steps)
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--resume", action="store_true", help="go on from DIR/checkpoint.pt")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    given.out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(Plan(steps=given.steps, seed=given.seed))
    if given.resume:
        trainer.load(given.out / "checkpoint.pt")
    else:
        trainer.start()
    training.run(trainer, given.out, given.minutes)


if __name__ == "__main__":
    main()

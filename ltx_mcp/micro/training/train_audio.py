"""Train the sound of the micro model.

    python -m ltx_mcp.micro.training.train_audio --out DIR [--minutes N] [--resume]

First the VAE learns mel spectra of the drawn world, then the vocoder learns to read what the VAE decodes. Every step
depends on the seed and its number alone, so a run that was stopped and resumed is the run that was not.
`DIR/checkpoint.pt` is written every few minutes; `DIR/audio_vae` and `DIR/vocoder` at the end: config.json and fp16
safetensors, of the averaged weights.
"""

import argparse
import copy
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ltx_mcp.micro.training import audio_start, world
from ltx_mcp.micro.training import loop as training
from ltx_mcp.micro.training.audio_latents import AUDIO_LATENT, encode, pack, scene_wave
from ltx_mcp.micro.training.mel import mel
from ltx_mcp.micro.training.sound import render, strengths

_STATS_AT = 2_000_000  # steps whose scenes measure the latents
_WARM_UP = 50  # steps
_SIDES = 2.0  # weight of the channels' difference: the logarithm makes it so small that it was not learnt without
_SHORTEST_S, _LONGEST_S = 1.0, 5.0  # of the scenes that clips are cut from


@dataclass(frozen=True)
class Plan:
    """What decides the weights, besides the code. `latent_noise` is in each latent channel's standard deviations."""

    vae_steps: int = 2400
    vocoder_steps: int = 1500
    clips: int = 6
    frames: int = 41
    rate: float = 3e-3
    latent_noise: float = 0.15
    stats_scenes: int = 150
    seed: int = 0


class Trainer(training.Checkpointed):
    """Both models, the means of their weights, their optimisers and the number of the next step."""

    folder = "."  # of the weights, in that of a run
    parts = ("vae", "vae_mean", "vae_optimiser", "vocoder", "vocoder_mean", "vocoder_optimiser")

    def __init__(self, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.vae = audio_start.make_audio_vae()
        self.vocoder = audio_start.make_vocoder()
        self.vae_mean, self.vocoder_mean = copy.deepcopy(self.vae), copy.deepcopy(self.vocoder)
        self.vae_optimiser = torch.optim.Adam(self.vae.parameters(), betas=(0.9, 0.99))
        self.vocoder_optimiser = torch.optim.Adam(audio_start.frame_parameters(self.vocoder), betas=(0.9, 0.99))
        self.step = 0

    @property
    def done(self) -> bool:
        return self.step >= self.plan.vae_steps + self.plan.vocoder_steps

    def advance(self) -> float:
        """One step. Returns its loss."""
        plan = self.plan
        torch.manual_seed(plan.seed * 1_000_003 + self.step)
        strength, spectrum = clips(plan, self.step)
        if self.step < plan.vae_steps:
            loss = self._vae_loss(spectrum)
            rate = plan.rate * training.level_then_down(self.step, plan.vae_steps, _WARM_UP)
            training.descend(self.vae_optimiser, self.vae, loss, rate)
            training.average(self.vae_mean, self.vae, self.step)
        else:
            step = self.step - plan.vae_steps
            if step == 0:
                self.measure_latents()
            loss = self._vocoder_loss(spectrum, strength)
            rate = plan.rate * training.level_then_down(step, plan.vocoder_steps, _WARM_UP)
            training.descend(self.vocoder_optimiser, self.vocoder, loss, rate)
            training.average(self.vocoder_mean, self.vocoder, step)
        self.step += 1
        return float(loss.detach())

    def _vae_loss(self, spectrum: torch.Tensor) -> torch.Tensor:
        latents = self.vae.encode(spectrum).latent_dist.mode()
        spread = latents.detach().std((0, 2, 3), keepdim=True)
        noisy = latents + self.plan.latent_noise * spread * torch.randn_like(latents)
        error: torch.Tensor = self.vae.decode(noisy, return_dict=False)[0] - spectrum
        return error.square().mean() + 0.1 * error.abs().mean() + _SIDES * (error[:, 0] - error[:, 1]).square().mean()

    def _vocoder_loss(self, spectrum: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
        """Of the strengths, which the sound is linear in. Latents are noised by up to twice the VAE's noise."""
        with torch.no_grad():
            latents = self.vae_mean.encode(spectrum).latent_dist.mode()
            spread = self.vae_mean.latents_std.view(1, AUDIO_LATENT, 1, -1)
            share = 2 * self.plan.latent_noise * torch.rand(len(latents), 1, 1, 1)
            heard = self.vae_mean.decode(latents + share * spread * torch.randn_like(latents), return_dict=False)[0]
        error = audio_start.frame_strengths(self.vocoder, heard) - strength
        return 1000 * error.square().mean() + 10 * error.abs().mean()

    def measure_latents(self) -> None:
        """Set the VAE's statistics: the mean of each number of a token, the spread of each channel.

        A channel's spread is shared by its bins, so that those which only sound in clicks are not blown up.
        """
        rng = np.random.default_rng([self.plan.seed, _STATS_AT])
        tokens = []
        for _ in range(self.plan.stats_scenes):
            wave = scene_wave(world.scene(world.training_seed(rng)), rng.uniform(_SHORTEST_S, _LONGEST_S))
            tokens.append(pack(encode(self.vae_mean, wave))[0])
        everything = torch.cat(tokens)
        mean = everything.mean(0)
        variance = (everything - mean).square().mean(0).view(AUDIO_LATENT, -1).mean(1)
        self.vae_mean.latents_mean.copy_(mean)
        self.vae_mean.latents_std.copy_(variance.sqrt().repeat_interleave(len(mean) // AUDIO_LATENT))

    def export(self, folder: Path) -> None:
        """Write the averaged weights as diffusers loads them, fp16."""
        if self.step <= self.plan.vae_steps:
            self.measure_latents()
        copy.deepcopy(self.vae_mean).half().save_pretrained(folder / "audio_vae")
        copy.deepcopy(self.vocoder_mean).half().save_pretrained(folder / "vocoder")


def clips(plan: Plan, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Strengths (clips, 2, frames, waves) and mel spectra (clips, 2, frames, bins) of pieces of scenes, at random."""
    rng = np.random.default_rng([plan.seed, step])
    pieces = []
    for _ in range(plan.clips):
        scene, duration_s = world.scene(world.training_seed(rng)), rng.uniform(_SHORTEST_S, _LONGEST_S)
        start = int(rng.integers(max(1, round(duration_s * 100) - plan.frames)))
        pieces.append(strengths(scene, duration_s, range(start, start + plan.frames)))
    spectrum = mel(np.stack([render(piece) for piece in pieces]))
    return torch.from_numpy(np.stack(pieces)).float(), torch.from_numpy(spectrum)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoint and the weights")
    parser.add_argument("--minutes", type=float, default=600, help="stop after so many; --resume goes on")
    parser.add_argument("--vae-steps", type=int, default=Plan.vae_steps)
    parser.add_argument("--vocoder-steps", type=int, default=Plan.vocoder_steps)
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--resume", action="store_true", help="go on from DIR/checkpoint.pt")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    given.out.mkdir(parents=True, exist_ok=True)
    torch.set_flush_denormal(True)
    trainer = Trainer(Plan(vae_steps=given.vae_steps, vocoder_steps=given.vocoder_steps, seed=given.seed))
    if given.resume:
        trainer.load(given.out / "checkpoint.pt")
    training.run(trainer, given.out, given.minutes)


if __name__ == "__main__":
    main()

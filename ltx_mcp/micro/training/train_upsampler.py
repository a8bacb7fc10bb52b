"""Train the micro model's x2 latent upsampler.

    python -m ltx_mcp.micro.training.train_upsampler --out DIR [--minutes N]

The trained video VAE makes pairs once (`DIR/pairs.pt`): latents of a clip at half size and at full size. Then the
start is solved (upsampler.py) and all layers learn. Every step depends on the seed and its number alone, so a run that
was stopped and resumed is the run that was not. `DIR/checkpoint.pt` is written every few minutes, and
`DIR/latent_upsampler` at the end: config.json and fp16 safetensors, of the averaged weights.
"""

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ltx_mcp.micro.training import draw, upsampler_start, world
from ltx_mcp.micro.training import loop as training
from ltx_mcp.micro.training.sampling import one
from ltx_mcp.micro.training.training_clips import TrainingClips
from ltx_mcp.micro.vae import load_vae

log = logging.getLogger(__name__)

_CLIPS_AT = 3_000_000  # the steps of TrainingClips that make pairs
_WARM_UP = 50  # steps
_BLOCK_SHARE = 0.2  # in place of the rms of a residual block's weights, which must grow from no effect

Pair = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Plan:
    """What decides the weights, besides the code and the VAE. Sizes in pixels, of the full-size clips.

    `noise` is put on the coarse latents, in each channel's standard deviations: what is generated is not exact.
    """

    steps: int = 1500
    pairs: int = 320  # of moving clips
    stills: int = 1600  # pairs of one frame, which cost a tenth of that
    batch: int = 16
    frames: int = 9
    side: int = 256  # of cuts from all kinds of clips
    screen: tuple[int, int] = (256, 448)  # of whole drawn clips, upright in one case of four
    rate: float = 4e-4  # of a tensor's rms, a step
    noise: float = 0.05
    seed: int = 0
    media: bool = True
    textures: int = 24


class Trainer(training.Checkpointed):
    """The upsampler, the mean of its weights, its optimiser and the number of the next step."""

    folder = "latent_upsampler"  # of the weights, in that of a run
    parts = ("model", "average", "optimiser")

    def __init__(self, plan: Plan, cache: Path | None = None) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.model: Any = upsampler_start.make_upsampler()
        self.average: Any = upsampler_start.make_upsampler()
        self.pairs = _cached(plan, cache)
        self.vae = load_vae()
        self.spread = self.vae.latents_std.view(1, -1, 1, 1, 1)
        self.step = 0
        self._prepare()

    def _prepare(self) -> None:
        """Each tensor learns in proportion to its size, so that no layer's solution is run over."""
        groups = [{"params": [weight], "share": _share(name, weight)} for name, weight in self.model.named_parameters()]
        self.optimiser = torch.optim.Adam(groups, lr=self.plan.rate, betas=(0.9, 0.99))

    def start(self) -> None:
        """Solve the layers."""
        upsampler_start.start(self.model, self.vae, [pair for group in self.pairs for pair in group])
        self.average.load_state_dict(self.model.state_dict())
        self._prepare()

    def advance(self) -> float:
        """One step. Returns its loss."""
        plan = self.plan
        low, high = self._batch()
        made = self.model(low)
        loss = loss_of(made, high, self.spread)
        rate = plan.rate * training.level_then_down(self.step, plan.steps, _WARM_UP)
        training.descend(self.optimiser, self.model, loss, rate)
        training.average(self.average, self.model, self.step)
        self.step += 1
        return float(loss.detach())

    def _batch(self) -> Pair:
        """Pairs of one size; the noise is new in each step."""
        plan = self.plan
        rng = np.random.default_rng([8, plan.seed, self.step])
        group = one(rng, self.pairs, [len(group) for group in self.pairs])
        chosen = [group[int(index)] for index in rng.integers(len(group), size=plan.batch)]
        low, high = (torch.cat(each) for each in zip(*chosen, strict=True))
        noise = torch.from_numpy(rng.standard_normal(low.shape, dtype=np.float32))
        return low + plan.noise * self.spread * noise, high

    @property
    def done(self) -> bool:
        return self.step >= self.plan.steps

    def export(self, folder: Path) -> None:
        """Write the averaged weights as diffusers loads them, in fp16."""
        shipped = upsampler_start.make_upsampler()
        shipped.load_state_dict(self.average.state_dict())
        shipped.half().save_pretrained(folder)


def loss_of(made: torch.Tensor, wanted: torch.Tensor, spread: torch.Tensor) -> torch.Tensor:
    """Squared error, half of it as the latents are, half in each channel's spread.

    A channel with a wide spread shows more in the frame; normalised ones are what the second pass refines.
    """
    error = (made - wanted).square()
    return 0.5 * error.mean() / spread.square().mean() + 0.5 * (error / spread.square()).mean()


def make_pairs(plan: Plan) -> list[list[Pair]]:
    """Latents of clips at half and at full size, in groups of one size; one clip each, (1, 128, frames, h, w)."""
    vae = load_vae()
    clips = TrainingClips(plan.seed, media=plan.media, textures=plan.textures)
    groups: dict[tuple[int, ...], list[Pair]] = {}
    for index in range(plan.pairs + plan.stills):
        frames = plan.frames if index < plan.pairs else 1
        if index % 2:
            clip = clips.batch(_CLIPS_AT + index, 1, frames, plan.side)
        else:
            clip = _screen(np.random.default_rng([9, plan.seed, index]), frames, plan.screen)
        full = torch.from_numpy(clip)
        with torch.no_grad():
            half = torch.nn.functional.avg_pool3d(full, (1, 2, 2))
            low, high = (vae.encode(each).latent_dist.mode() for each in (half, full))
        groups.setdefault(tuple(low.shape), []).append((low, high))
        if index % 50 == 49:
            log.info("%d of %d pairs", index + 1, plan.pairs + plan.stills)
    return list(groups.values())


def _screen(rng: np.random.Generator, frames: int, screen: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A stretch of a whole drawn clip, (1, 3, frames, height, width) in -1..1."""
    scene = world.scene(world.training_seed(rng))
    size = screen if rng.uniform() < 0.75 else screen[::-1]
    count = int(rng.integers(max(25, frames), 121))
    first = int(rng.integers(count - frames + 1))
    shown = draw.window(scene, range(first, first + frames), count, size, (0, 0, *size))
    return np.ascontiguousarray(shown.transpose(3, 0, 1, 2)[None], np.float32) / np.float32(127.5) - np.float32(1)


def _cached(plan: Plan, cache: Path | None) -> list[list[Pair]]:
    """The pairs, from the file if a run of the same plan left them there."""
    if cache is not None and cache.is_file():
        kept = torch.load(cache, weights_only=True)
        if kept["plan"] == repr(plan):
            return [[(low, high) for low, high in group] for group in kept["pairs"]]
    pairs = make_pairs(plan)
    if cache is not None:
        torch.save({"plan": repr(plan), "pairs": pairs}, cache)
    return pairs


def _share(name: str, weight: torch.Tensor) -> float:
    """The rms of a solved tensor; the residual blocks start without effect and must grow."""
    return _BLOCK_SHARE if "blocks" in name else max(float(weight.detach().square().mean().sqrt()), 1e-3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="folder for the pairs, the checkpoint and the weights")
    parser.add_argument("--minutes", type=float, default=600, help="stop after so many; --resume goes on")
    parser.add_argument("--steps", type=int, default=Plan.steps)
    parser.add_argument("--pairs", type=int, default=Plan.pairs)
    parser.add_argument("--stills", type=int, default=Plan.stills)
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--resume", action="store_true", help="go on from DIR/checkpoint.pt")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    given.out.mkdir(parents=True, exist_ok=True)
    plan = Plan(steps=given.steps, pairs=given.pairs, stills=given.stills, seed=given.seed)
    trainer = Trainer(plan, given.out / "pairs.pt")
    if given.resume:
        trainer.load(given.out / "checkpoint.pt")
    else:
        trainer.start()
    training.run(trainer, given.out, given.minutes)


if __name__ == "__main__":
    main()

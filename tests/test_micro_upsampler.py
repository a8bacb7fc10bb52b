"""The x2 latent upsampler: its solved start, its training, and the weights that ship."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from media_kit import photo

from ltx_mcp.micro.build import build
from ltx_mcp.micro.training import draw, upsampler_start, world
from ltx_mcp.micro.training.loop import run
from ltx_mcp.micro.training.round_trip import round_trip
from ltx_mcp.micro.training.train_upsampler import Plan, Trainer
from ltx_mcp.micro.training.training_clips import read_covering
from ltx_mcp.micro.upsampler import FOLDER, load_upsampler
from ltx_mcp.micro.vae import load_vae

HEIGHT, WIDTH = 256, 448  # what the model makes for 240p
TINY = Plan(steps=6, pairs=3, stills=3, batch=2, frames=9, side=128, screen=(128, 192), media=False, textures=2)


@pytest.fixture(scope="module")
def vae() -> Any:
    return load_vae()


@pytest.fixture(scope="module")
def trainer() -> Trainer:
    made = Trainer(TINY)
    made.start()
    return made


def core_clip(seed: int) -> torch.Tensor:
    """One frame of it."""
    return torch.from_numpy(draw.window(world.core_scene(seed), [20], 49, (HEIGHT, WIDTH), (0, 0, HEIGHT, WIDTH)))


def still(name: str) -> torch.Tensor:
    return torch.from_numpy(read_covering(photo(name), WIDTH, HEIGHT).copy())[None]


def halved(clip: torch.Tensor) -> torch.Tensor:
    pixels = torch.nn.functional.avg_pool3d(clip.permute(3, 0, 1, 2).float(), (1, 2, 2))
    return pixels.round().byte().permute(1, 2, 3, 0)


def psnr(made: torch.Tensor, wanted: torch.Tensor) -> float:
    return float(10 * torch.log10(255**2 / (made.double() - wanted).square().mean()))


def enlarged(vae: Any, model: Any, half: torch.Tensor) -> torch.Tensor:
    """By way of the latents, as the two-stage recipe does it."""
    x = half.permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    with torch.inference_mode():
        made = vae.decode(model(vae.encode(x).latent_dist.mode()), return_dict=False)[0][0]
    pixels: torch.Tensor = ((made + 1) * 127.5).clamp(0, 255).permute(1, 2, 3, 0)
    return pixels


def stretched(clip: torch.Tensor) -> torch.Tensor:
    """Each frame at twice the size, bilinear."""
    x = clip.permute(0, 3, 1, 2).float()
    pictures: torch.Tensor = torch.nn.functional.interpolate(x, (HEIGHT, WIDTH), mode="bilinear")
    return pictures.permute(0, 2, 3, 1)


@pytest.mark.parametrize(
    "clip", [core_clip(3), core_clip(4), still("astronaut.png")], ids=["core 3", "core 4", "astronaut"]
)
def test_the_shipped_weights_come_near_to_enlarging_the_pixels(vae: Any, clip: torch.Tensor) -> None:
    """They lose 0.6 to 3.6 dB to it on held-out clips of this size (docs/micro.md); random weights lose far more."""
    half = halved(clip)
    pixels = psnr(stretched(round_trip(vae, half)), clip)
    made = psnr(enlarged(vae, load_upsampler(), half), clip)
    assert made > pixels - 4
    torch.manual_seed(0)
    assert psnr(enlarged(vae, upsampler_start.make_upsampler(), half), clip) < made - 3


def test_the_micro_model_is_built_with_them() -> None:
    built, shipped = build()["latent_upsampler"].state_dict(), load_upsampler().state_dict()
    assert built.keys() == shipped.keys()
    assert all(torch.equal(built[name], shipped[name]) for name in shipped)


def test_they_are_small() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 3_000_000


@pytest.mark.slow
def test_the_start_is_solved_not_guessed(trainer: Trainer) -> None:
    """From a few clips, without a step of training, it knows most of those clips' finer latents."""
    errors, spreads = [], []
    fresh = Trainer(TINY)
    fresh.start()
    for group in fresh.pairs:
        for low, high in group:
            with torch.no_grad():
                errors.append(float((fresh.model(low) - high).square().mean()))
            spreads.append(float((high - high.mean((2, 3, 4), keepdim=True)).square().mean()))
    assert np.mean(errors) < 0.1 * np.mean(spreads)


@pytest.mark.slow
def test_training_lowers_the_loss(trainer: Trainer) -> None:
    trainer.step = 60  # past the slow first steps
    losses = []
    for _ in range(8):
        trainer.step = 60  # always the same batch
        losses.append(trainer.advance())
    assert losses[-1] < losses[0]


@pytest.mark.slow
def test_a_run_that_was_stopped_and_resumed_is_the_run_that_was_not(tmp_path: Path) -> None:
    whole = Trainer(TINY)
    whole.start()
    for _ in range(4):
        whole.advance()
    first = Trainer(TINY, tmp_path / "pairs.pt")
    first.start()
    for _ in range(2):
        first.advance()
    first.save(tmp_path / "checkpoint.pt")
    second = Trainer(TINY, tmp_path / "pairs.pt")  # reads the pairs that the first made
    second.load(tmp_path / "checkpoint.pt")
    for _ in range(2):
        second.advance()
    for one, other in zip(whole.average.parameters(), second.average.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.slow
def test_pairs_of_another_plan_are_made_anew(tmp_path: Path) -> None:
    Trainer(TINY, tmp_path / "pairs.pt")
    other = Trainer(Plan(**{**TINY.__dict__, "pairs": 1}), tmp_path / "pairs.pt")
    assert sum(len(group) for group in other.pairs) == 4


@pytest.mark.slow
def test_a_run_exports_weights_that_load(tmp_path: Path, trainer: Trainer) -> None:
    trainer.step = TINY.steps - 1
    run(trainer, tmp_path, minutes=1)
    assert (tmp_path / "checkpoint.pt").is_file()
    loaded = load_upsampler(tmp_path / "latent_upsampler")
    for one, other in zip(loaded.parameters(), trainer.average.parameters(), strict=True):
        assert torch.allclose(one, other, rtol=2e-3, atol=1e-4)

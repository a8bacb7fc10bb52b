"""The video VAE: its closed-form start, its training, and the weights that ship."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from media_kit import film, photo

from ltx_mcp.micro.training import draw, vae_start, world
from ltx_mcp.micro.training.fitting import ALL, CENTRE, fit
from ltx_mcp.micro.training.loop import run
from ltx_mcp.micro.training.round_trip import round_trip
from ltx_mcp.micro.training.train_vae import Plan, Trainer
from ltx_mcp.micro.training.training_clips import HELD_OUT, PHOTOS, VIDEOS, TrainingClips, read_covering, read_video
from ltx_mcp.micro.vae import FOLDER, load_vae

TINY = Plan(steps=6, clips=1, frames=9, side=32, start_clips=3, start_side=64, media=False, textures=2)


@pytest.fixture(scope="module")
def vae() -> Any:
    return load_vae()


def psnr(made: torch.Tensor, wanted: torch.Tensor) -> float:
    return float(10 * torch.log10(255**2 / (made.double() - wanted).square().mean()))


def still(name: str, frames: int = 9) -> torch.Tensor:
    return torch.from_numpy(read_covering(photo(name), 416, 240).copy())[None].repeat(frames, 1, 1, 1)


def random_clip(*size: int) -> torch.Tensor:
    return torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_what_is_held_out_is_not_trained_on() -> None:
    trained = {(package, name) for media in (PHOTOS, VIDEOS) for package, names in media.items() for name in names}
    kept = {(package, name) for package, names in HELD_OUT.items() for name in names}
    assert len(kept) == 5
    assert not trained & kept


def test_training_clips_are_the_same_for_the_same_seed_and_step_and_differ_otherwise() -> None:
    clips, again = (TrainingClips(3, media=False, textures=2) for _ in range(2))
    batch = clips.batch(5, 2, 9, 32)
    assert batch.shape == (2, 3, 9, 32, 32)
    assert batch.dtype == np.float32
    assert -1 <= batch.min() < batch.max() <= 1
    assert np.array_equal(batch, again.batch(5, 2, 9, 32))
    assert not np.array_equal(batch, clips.batch(6, 2, 9, 32))


def test_a_fitted_convolution_does_what_it_was_fitted_to() -> None:
    from diffusers.models.autoencoders.autoencoder_kl_ltx2 import LTX2VideoCausalConv3d

    x = torch.randn(1, 4, 6, 16, 16, generator=torch.Generator().manual_seed(0))
    beside = torch.nn.functional.pad(x, (1, 1, 0, 0, 0, 0), mode="replicate")
    blurred = (beside[..., :-2] + x + beside[..., 2:])[:, :2] + 0.5
    conv = LTX2VideoCausalConv3d(4, 3, spatial_padding_mode="replicate")
    with torch.no_grad():
        kept = conv.conv.weight[2].clone()
        fit(conv, [x], [blurred], ALL, causal=False)
        error = (conv(x, causal=False)[:, :2] - blurred).square().mean()
        assert error < 1e-3
        assert torch.equal(conv.conv.weight[2], kept)
        fit(conv, [x], [blurred], CENTRE, causal=False)  # a single tap can't blur
        assert (conv(x, causal=False)[:, :2] - blurred).square().mean() > 100 * error


def test_the_patches_are_in_the_order_of_the_class() -> None:
    own = vae_start.make_vae()
    clip = random_clip(9, 32, 64)
    with torch.no_grad():
        own.encoder.conv_in.conv.weight.zero_()
        own.encoder.conv_in.conv.bias.zero_()
        for channel in range(128):
            own.encoder.conv_in.conv.weight[channel, channel, 2, 1, 1] = 1
        seen: list[torch.Tensor] = []
        own.encoder.conv_in.register_forward_hook(lambda _module, _args, out: seen.append(out))
        own.encode(clip)
    assert torch.equal(seen[0], vae_start.patches(clip)[:, :128])


@pytest.mark.slow
def test_the_start_is_solved_not_guessed() -> None:
    """Untrained, from a few clips, it already gives those clips back; a random start is near 5 dB."""
    trainer = Trainer(TINY)
    trainer.start()
    clip = torch.from_numpy(trainer.clips.batch(1_000_000, 1, 9, 64))
    with torch.no_grad():
        made = trainer.vae(clip).sample
    assert 10 * torch.log10(4 / (made - clip).square().mean()) > 20


@pytest.mark.slow
def test_training_lowers_the_loss() -> None:
    trainer = Trainer(TINY)
    clip = torch.from_numpy(trainer.clips.batch(0, 1, 9, 32))

    def loss() -> float:
        with torch.no_grad():
            return float((trainer.vae(clip).sample - clip).square().mean())

    before = loss()
    for _ in range(6):
        trainer.step = 40  # always the same batch, at full rate
        trainer.advance()
    trainer.step = 0
    assert loss() < before


@pytest.mark.slow
def test_a_resumed_run_is_the_run_that_was_not_stopped(tmp_path: Path) -> None:
    whole, first, second = (Trainer(TINY) for _ in range(3))
    for _ in range(4):
        whole.advance()
    first.advance()
    first.advance()
    first.save(tmp_path / "checkpoint.pt")
    second.load(tmp_path / "checkpoint.pt")
    second.advance()
    second.advance()
    assert second.step == whole.step == 4
    for one, other in zip(second.average.parameters(), whole.average.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.slow
def test_a_run_ends_with_weights_that_diffusers_loads(tmp_path: Path) -> None:
    trainer = Trainer(TINY)
    trainer.step = TINY.steps - 1
    run(trainer, tmp_path, minutes=5)
    loaded = load_vae(tmp_path / "vae")
    assert (loaded.latents_std > 0).all()
    assert (tmp_path / "checkpoint.pt").is_file()
    assert round_trip(loaded, torch.zeros(9, 32, 32, 3, dtype=torch.uint8)).shape == (9, 32, 32, 3)


def test_the_shipped_weights_are_small_and_have_the_layout_of_the_real_model(vae: Any) -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 12_000_000
    assert (vae.config.latent_channels, vae.spatial_compression_ratio, vae.temporal_compression_ratio) == (128, 32, 8)
    with torch.inference_mode():
        assert vae.encode(random_clip(17, 64, 96)).latent_dist.mode().shape == (1, 128, 3, 2, 3)


@pytest.mark.slow
def test_the_latents_statistics_are_those_of_what_it_encodes(vae: Any) -> None:
    clips = TrainingClips(7, textures=4)
    with torch.inference_mode():
        found = [vae.encode(torch.from_numpy(clips.batch(at, 4, 9, 96))).latent_dist.mode() for at in range(12)]
    normal = (torch.cat(found) - vae.latents_mean.view(1, -1, 1, 1, 1)) / vae.latents_std.view(1, -1, 1, 1, 1)
    assert 0.5 < float(normal.std()) < 2
    assert abs(float(normal.mean())) < 0.3


@pytest.mark.parametrize(("name", "least_db"), [("astronaut.png", 23.5), ("coffee.png", 24.0), ("chelsea.png", 29.0)])
def test_a_photo_never_trained_on_survives_the_round_trip(vae: Any, name: str, least_db: float) -> None:
    photograph = still(name)
    assert psnr(round_trip(vae, photograph), photograph) > least_db


@pytest.mark.slow
def test_a_video_never_trained_on_survives_the_round_trip(vae: Any) -> None:
    clip = torch.from_numpy(read_video(film("bikes.mp4"), 416, 240, 17).copy())
    assert psnr(round_trip(vae, clip), clip) > 28


@pytest.mark.slow
@pytest.mark.parametrize("colour", world.CORE_COLOURS)
def test_drawn_shapes_keep_their_colours(vae: Any, colour: world.Colour) -> None:
    scene = world.Scene((world.Thing("square", colour, "large", "right", 0, 0),), "black")
    clip = torch.from_numpy(draw.frames(scene, 49, 240, 416)[:17])
    made = round_trip(vae, clip)
    assert psnr(made, clip) > 26
    x, y, *_ = draw.place(scene.things[0], 8 / 48, 8 / 24, (416 / 240, 1))
    row, column = round(120 + 240 * y), round(208 + 240 * x)
    inside = (slice(8, 9), slice(row - 20, row + 20), slice(column - 20, column + 20))
    difference = made[inside].double().mean((0, 1, 2)) - clip[inside].double().mean((0, 1, 2))
    assert difference.abs().max() < 20


@pytest.mark.slow
def test_a_still_stays_still(vae: Any) -> None:
    made = round_trip(vae, still("coffee.png", 17)).double()
    assert float((made[1:] - made[:-1]).abs().mean()) < 2
    assert float((made[-1] - made[0]).abs().mean()) < 4


def test_a_single_picture_is_a_clip(vae: Any) -> None:
    photograph = still("chelsea.png", 1)
    assert psnr(round_trip(vae, photograph), photograph) > 25


@pytest.mark.slow
def test_noise_on_the_latents_does_little_harm(vae: Any) -> None:
    x = still("coffee.png")[:, :224, :].permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    with torch.inference_mode():
        latents = vae.encode(x).latent_dist.mode()
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
        clean, noisy = (
            vae.decode(latents + share * noise * vae.latents_std.view(1, -1, 1, 1, 1), return_dict=False)[0]
            for share in (0.0, 0.1)
        )
    assert 10 * torch.log10(4 / (clean - noisy).square().mean()) > 24

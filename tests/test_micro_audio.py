"""The sound of the micro model: its mel spectra, its training, and the weights that ship."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import LTX2Pipeline

from ltx_mcp.micro import audio
from ltx_mcp.micro.training import audio_latents, audio_measures, audio_start, sound, world
from ltx_mcp.micro.training.loop import run
from ltx_mcp.micro.training.train_audio import Plan, Trainer
from ltx_mcp.micro.training.world import Motion, Scene, Thing

TINY = Plan(vae_steps=3, vocoder_steps=3, clips=1, frames=9, stats_scenes=2)
PLAYED = 48_000  # Hz


@pytest.fixture(scope="module")
def vae() -> Any:
    return audio.load_audio_vae()


@pytest.fixture(scope="module")
def vocoder() -> Any:
    return audio.load_vocoder()


def one(motion: Motion, x: float = 0.0, y: float = 0.0) -> Scene:
    return Scene((Thing("square", "green", "large", motion, x, y, 0.75),), "navy")


def played(vae: Any, vocoder: Any, scene: Scene, duration_s: float = 2.0) -> Any:
    return audio_latents.decode(vae, vocoder, audio_latents.encode(vae, audio_latents.scene_wave(scene, duration_s)))


@pytest.mark.parametrize(
    ("motion", "trend"), [("up", "rising"), ("down", "falling"), ("right", "steady"), ("left", "steady")]
)
def test_the_shipped_weights_keep_a_scenes_pitch_and_course(vae: Any, vocoder: Any, motion: Motion, trend: str) -> None:
    scene = one(motion, y=-0.4)
    sounds = played(vae, vocoder, scene)
    assert sounds.shape == (2, (4 * 50 - 3) * 480)
    wanted = audio_measures.pitches(audio_latents.scene_wave(scene, 2.0), sound.SAMPLE_RATE)
    heard = audio_measures.pitches(sounds, PLAYED)
    assert np.mean(np.abs(heard - wanted) < 40) >= 0.95
    assert audio_measures.trend(sounds, PLAYED) == trend
    assert (
        abs(audio_measures.loudness_db(sounds) - audio_measures.loudness_db(audio_latents.scene_wave(scene, 2.0))) < 1.5
    )


def test_the_shipped_weights_keep_silence_clicks_and_sides(vae: Any, vocoder: Any) -> None:
    assert audio_measures.loudness_db(played(vae, vocoder, replace(one("up"), silent=True))) < audio_measures.SILENT_DB
    assert audio_measures.clicks(played(vae, vocoder, one("bounce")), PLAYED) == pytest.approx([0.5], abs=0.02)
    left, right = played(vae, vocoder, one("still", x=-1.0))
    assert audio_measures.loudness_db(left) > audio_measures.loudness_db(right) + 6


def test_the_shipped_weights_are_small_and_half_precision() -> None:
    from safetensors import safe_open

    for folder in (audio.AUDIO_VAE, audio.VOCODER):
        with safe_open(folder / "diffusion_pytorch_model.safetensors", "pt") as weights:
            names = weights.keys()
            assert {weights.get_slice(name).get_dtype() for name in names} == {"F16"}
    size = sum(path.stat().st_size for folder in (audio.AUDIO_VAE, audio.VOCODER) for path in folder.iterdir())
    assert size < 4_000_000


@pytest.mark.parametrize(("frames", "fps"), [(17, 24), (49, 24), (25, 25), (121, 24), (9, 30)])
def test_a_scenes_tokens_are_as_many_and_as_packed_as_the_pipelines(vae: Any, frames: int, fps: float) -> None:
    scene = one("up")
    tokens = audio_latents.scene_latents(vae, scene, frames / fps)
    assert tokens.shape == (round(frames / fps * 25), audio_latents.AUDIO_TOKEN)
    assert tokens.dtype == torch.float32
    latents = audio_latents.encode(vae, audio_latents.scene_wave(scene, frames / fps))
    packed = LTX2Pipeline._pack_audio_latents(latents)
    assert torch.equal(LTX2Pipeline._normalize_audio_latents(packed, vae.latents_mean, vae.latents_std)[0], tokens)


def test_normalised_tokens_are_about_as_large_as_noise(vae: Any) -> None:
    tokens = torch.cat([audio_latents.scene_latents(vae, world.scene(seed), 2.0) for seed in range(12)])
    assert 0.6 < float(tokens.square().mean().sqrt()) < 1.5


def test_the_vocoder_lays_out_the_waves_it_is_told_before_any_training() -> None:
    """Behind the trained half a strength comes out as its wave, but for what the antialiasing filters leave off."""
    stage = audio_start.make_vocoder().vocoder.eval()
    strength = sound.strengths(one("up"), 1.0, range(40))[:, :, : sound.CLICK]
    told = torch.zeros(1, audio_start.HIDDEN // 2, 40)
    for side in range(2):
        start = side * len(sound.WAVES)
        told[0, start : start + sound.CLICK] = torch.from_numpy(strength[side].T).float()
    with torch.inference_mode():
        made = stage.conv_out(stage.act_out(stage.resnets[1](stage.upsamplers[1](told))))[0].numpy()
    wanted = (strength @ sound.WAVES[: sound.CLICK]).reshape(2, -1)
    assert np.abs(made - wanted).max() < 0.02 * np.abs(wanted).max()


def test_bandwidth_extension_adds_nothing(vocoder: Any) -> None:
    low = vocoder.vocoder(torch.rand(1, 2, 8, 32))
    with torch.inference_mode():
        assert not vocoder.bwe_generator(torch.randn(1, 2, 16, 4)).any()
        assert vocoder(torch.rand(1, 2, 8, 32)).shape[-1] == 3 * low.shape[-1]


@pytest.mark.slow
def test_a_run_that_was_stopped_and_resumed_is_the_run_that_was_not(tmp_path: Path) -> None:
    whole, first, second = (Trainer(TINY) for _ in range(3))
    losses = [whole.advance() for _ in range(6)]
    for _ in range(4):
        first.advance()
    first.save(tmp_path / "checkpoint.pt")
    second.load(tmp_path / "checkpoint.pt")
    assert [second.advance(), second.advance()] == losses[4:]
    for name in ("vae_mean", "vocoder_mean"):
        pairs = zip(getattr(whole, name).parameters(), getattr(second, name).parameters(), strict=True)
        assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.slow
def test_training_writes_weights_that_load(tmp_path: Path) -> None:
    trainer = Trainer(TINY)
    run(trainer, tmp_path, minutes=5)
    assert trainer.done
    vae, vocoder = audio.load_audio_vae(tmp_path / "audio_vae"), audio.load_vocoder(tmp_path / "vocoder")
    assert vae.latents_std.min() > 0
    assert played(vae, vocoder, one("up"), 0.4).shape == (2, (4 * 10 - 3) * 480)


@pytest.mark.slow
def test_steps_learn() -> None:
    trainer = Trainer(replace(TINY, vae_steps=25, clips=2))
    losses = [trainer.advance() for _ in range(25)]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])

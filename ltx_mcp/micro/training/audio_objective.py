"""What the transformer's audio stream is taught, over its video stream, which it reads and does not change."""

from typing import Any

import torch

from ltx_mcp.micro.audio import load_audio_vae
from ltx_mcp.micro.training.audio_latents import scene_latents
from ltx_mcp.micro.training.dit_samples import Batch, noisy_of
from ltx_mcp.micro.training.world import Scene

_FINISHED = 0.3  # of the steps are over a video without noise, as when a finished one gets its sound


class AudioObjective:
    """The sound of scenes, made once each; the noise on it depends on the seed and the step alone."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._audio_vae: Any = None
        self._sounds: dict[tuple[Scene, float], torch.Tensor] = {}

    def loss(self, model: Any, batch: Batch, told: torch.Tensor, told_audio: torch.Tensor, step: int) -> torch.Tensor:
        """Squared error of the audio's velocity, over the video at the same noise level or the finished one."""
        rng = torch.Generator().manual_seed(self._seed * 1_000_003 + step)
        frames, *_ = batch.shape.pixels
        wanted = torch.stack([self._heard(scene, frames / batch.fps) for scene in batch.scenes if scene])
        noise = torch.randn(wanted.shape, generator=rng)
        noisy = noisy_of(batch)
        timestep = batch.sigma * 1000
        per_token = timestep[:, None].repeat(1, noisy.shape[1])
        per_token[:, : batch.given] = 0
        if torch.rand((), generator=rng) < _FINISHED:
            noisy, per_token = batch.video, torch.zeros_like(per_token)
        sigma = batch.sigma[:, None, None]
        _, answer = model(
            hidden_states=noisy,
            audio_hidden_states=(1 - sigma) * wanted + sigma * noise,
            encoder_hidden_states=told,
            audio_encoder_hidden_states=told_audio,
            timestep=per_token,
            audio_timestep=timestep,
            sigma=timestep,
            num_frames=batch.shape.frames,
            height=batch.shape.height,
            width=batch.shape.width,
            fps=batch.fps,
            audio_num_frames=wanted.shape[1],
            use_cross_timestep=True,
            return_dict=False,
        )
        missed: torch.Tensor = (answer - (noise - wanted)).square().mean()
        return missed

    def _heard(self, scene: Scene, duration_s: float) -> torch.Tensor:
        """(tokens, channels) of a scene's sound."""
        if self._audio_vae is None:
            self._audio_vae = load_audio_vae()
        key = (scene, duration_s)
        if key not in self._sounds:
            with torch.no_grad():
                self._sounds[key] = scene_latents(self._audio_vae, scene, duration_s)
        return self._sounds[key]

"""Diffusers' LTX-2 pipelines, each changed in one place. Imported only once a model loads: this needs torch."""

from typing import Any

import torch
from diffusers import LTX2ConditionPipeline, LTX2InContextPipeline


class _Placed:
    """Keyframes that stand at the very frames they show.

    Diffusers (0.42.1) gives the latents of a run of frames eight frames each, also the first, which holds one: all
    but the first frame then stand up to seven frames late. Here a run has the coordinates that it would have as the
    beginning of a clip, moved to its place. For a single image both are the same.
    """

    transformer: Any

    def _prepare_keyframe_coords(
        self,
        keyframe_latent_num_frames: int,
        keyframe_latent_height: int,
        keyframe_latent_width: int,
        pixel_frame_idx: float,
        num_pixel_frames: int,
        fps: float,
        device: torch.device,
    ) -> torch.Tensor:
        """(1, 3, tokens, 2): seconds, pixel rows, pixel columns; start and end of each token."""
        coords: torch.Tensor = self.transformer.rope.prepare_video_coords(
            1, keyframe_latent_num_frames, keyframe_latent_height, keyframe_latent_width, device, fps=fps
        )
        coords[:, 0] += pixel_frame_idx / fps
        return coords


class PlacedConditionPipeline(_Placed, LTX2ConditionPipeline):  # type: ignore[misc]
    """LTX2ConditionPipeline, with keyframes in their place."""


class ReferencePipeline(_Placed, LTX2InContextPipeline):  # type: ignore[misc]
    """LTX2InContextPipeline whose references come as latents.

    Diffusers (0.42.1) encodes a reference's pixels whole, which takes memory that grows with its length, after a
    resize without antialiasing. Here `LTX2ReferenceCondition.frames` holds denormalised latents (1, C, F, H, W).
    """

    def _encode_reference_conditions(
        self,
        reference_conditions: list[Any],
        height: int,
        width: int,
        num_frames: int,
        reference_downscale_factor: int = 1,
        frame_rate: float = 24.0,
        dtype: torch.dtype | None = None,
        device: torch.device | None = None,
        **_options: object,
    ) -> tuple[torch.Tensor, torch.Tensor, None, list[int]]:
        """Tokens (1, tokens, C), coordinates (1, 3, tokens, 2), no attention mask, tokens of each reference.

        A reference that is smaller than the clip covers the same view: its coordinates are stretched.
        """
        tokens, places = [], []
        for reference in reference_conditions:
            _, _, frames, rows, columns = reference.frames.shape
            latents = self._normalize_latents(reference.frames, self.vae.latents_mean, self.vae.latents_std)
            patches = self._pack_latents(
                latents, self.transformer_spatial_patch_size, self.transformer_temporal_patch_size
            )
            tokens.append(patches.to(device=device, dtype=dtype))
            coords = self.transformer.rope.prepare_video_coords(1, frames, rows, columns, device, fps=frame_rate)
            coords[:, 1:] *= reference_downscale_factor
            places.append(coords)
        return torch.cat(tokens, dim=1), torch.cat(places, dim=2), None, [each.shape[1] for each in tokens]


class AudioPipeline(LTX2ConditionPipeline):  # type: ignore[misc]
    """LTX2ConditionPipeline that keeps the whole video given as `latents` and generates only its audio."""

    def apply_first_frame_conditioning(
        self, latents: torch.Tensor, conditioning_mask: torch.Tensor, *_args: object, **_options: object
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Every token is a condition of strength 1: it gets no noise, and each step leaves it as it is."""
        return latents, torch.ones_like(conditioning_mask), latents.clone()

"""Two of diffusers' LTX-2 pipelines, each changed in one place. Imported only once a model loads: this needs torch."""

import torch
from diffusers import LTX2ConditionPipeline


class PlacedConditionPipeline(LTX2ConditionPipeline):  # type: ignore[misc]
    """LTX2ConditionPipeline whose keyframes stand at the very frames they show.

    Diffusers (0.42.1) gives the latents of a run of frames eight frames each, also the first, which holds one: all
    but the first frame then stand up to seven frames late. Here a run has the coordinates that it would have as the
    beginning of a clip, moved to its place. For a single image both are the same.
    """

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


class SoundPipeline(LTX2ConditionPipeline):  # type: ignore[misc]
    """LTX2ConditionPipeline that keeps the whole picture given as `latents` and makes only its sound."""

    def apply_first_frame_conditioning(
        self, latents: torch.Tensor, conditioning_mask: torch.Tensor, *_args: object, **_options: object
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Every token is a condition of strength 1: it gets no noise, and each step leaves it as it is."""
        return latents, torch.ones_like(conditioning_mask), latents.clone()

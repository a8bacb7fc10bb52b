"""Recipes: which passes over the transformer make a clip, as plain data.

`draft` is one pass at the made size. `final` is two: eight steps at half size, a x2 latent upsample, three
steps at the made size. Both are for distilled models, which have guidance baked into their weights. Conditions
change neither. A repaint is one pass at the made size in every quality: its source already has the detail that a
second stage would add, and a half-size pass in between would lose it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ltx_mcp.clips import Camera, Plan, Quality
from ltx_mcp.engine.base import Materials

LATENT_GRID = 32  # pixels per latent cell of the LTX-2 video VAE (its config: spatial_compression_ratio)

DISTILLED_SIGMAS = (1.0, 0.99375, 0.9875, 0.98125, 0.975, 0.909375, 0.725, 0.421875)
"""The schedule that LTX-2 was distilled on (diffusers 0.42.1, pipelines/ltx2/utils.py: DISTILLED_SIGMA_VALUES)."""

REFINE_SIGMAS = DISTILLED_SIGMAS[5:]
"""Its last three: the schedule after the latent upsample (same file: STAGE_2_DISTILLED_SIGMA_VALUES)."""

LEAST_SIGMA = 0.05  # where a repaint of strength 0 starts: one small step, as no step at all is no model's work

IMAGE_CRF = 33
"""H.264 quality of the still images that LTX-2 up to 2.3 was conditioned on in training (same file:
DEFAULT_IMAGE_CRF). A clean image is unlike them, and the clip then tends to stand still."""

GUIDANCE_OFF: Mapping[str, Any] = MappingProxyType(
    {
        "guidance_scale": 1.0,
        "audio_guidance_scale": 1.0,
        "stg_scale": 0.0,
        "audio_stg_scale": 0.0,
        "modality_scale": 1.0,
        "audio_modality_scale": 1.0,
        "guidance_rescale": 0.0,
        "audio_guidance_rescale": 0.0,
        "spatio_temporal_guidance_blocks": None,
    }
)
"""Every guidance argument of LTX2Pipeline at its neutral value. The defaults of diffusers 0.42.1 are those of the
undistilled model, and any one left out adds forwards: 24 in place of 8."""


@dataclass(frozen=True)
class Pass:
    """One denoising pass: its noise levels, and by what the made size is divided while it runs.

    `sound_only` holds the picture as it is and makes sound for it.
    """

    sigmas: tuple[float, ...]
    divisor: int = 1
    sound_only: bool = False


@dataclass(frozen=True)
class Recipe:
    """The passes of one quality, in order. Where the divisor falls from 2 to 1, the latents are upsampled between."""

    quality: Quality
    passes: tuple[Pass, ...]

    @property
    def steps(self) -> int:
        """Transformer forwards in all: guidance is off, so one a sigma."""
        return sum(len(each.sigmas) for each in self.passes)

    @property
    def grid(self) -> int:
        """Pixels that made width and height are multiples of."""
        return LATENT_GRID * max(each.divisor for each in self.passes)


RECIPES: Mapping[Quality, Recipe] = MappingProxyType(
    {
        "draft": Recipe("draft", (Pass(DISTILLED_SIGMAS),)),
        "final": Recipe("final", (Pass(DISTILLED_SIGMAS, divisor=2), Pass(REFINE_SIGMAS))),
    }
)


def recipe_for(plan: Plan, materials: Materials) -> Recipe:
    """The passes that make this clip.

    The sound of a repaint is a pass of its own: sound starts from nothing and needs the whole schedule, also where
    the picture starts late. It is made for the finished picture.
    """
    if materials.repaint is None:
        return RECIPES[plan.quality]
    sound = (Pass(DISTILLED_SIGMAS, sound_only=True),) if plan.audio else ()
    return Recipe(plan.quality, (Pass(repaint_sigmas(materials.repaint_strength)), *sound))


def repaint_sigmas(strength: float) -> tuple[float, ...]:
    """The noise levels of a repaint: `strength` (0..1) is the first, the trained ones below it follow.

    At 1 this is the whole schedule, and nothing of the source is left. Up to 0.7 pictures keep their layout and
    much of their texture; above 0.9 they keep little but the layout.
    """
    first = max(strength, LEAST_SIGMA)
    return (first, *(sigma for sigma in DISTILLED_SIGMAS if sigma < first))


CAMERA_MOVES: Mapping[Camera, str] = MappingProxyType(
    {
        "static": "The camera stands still on a tripod and keeps one framing throughout.",
        "dolly_in": "The camera glides steadily forward, closing in on the subject.",
        "dolly_out": "The camera glides steadily backward, revealing more of the scene.",
        "dolly_left": "The camera slides smoothly to the left, level and parallel to the scene.",
        "dolly_right": "The camera slides smoothly to the right, level and parallel to the scene.",
        "jib_up": "The camera rises on a crane in one slow upward sweep.",
        "jib_down": "The camera sinks on a crane in one slow downward sweep.",
        "focus_shift": "Focus racks from the foreground to the background while the camera stays in place.",
    }
)
"""The sentence that each camera preset adds to the prompt."""

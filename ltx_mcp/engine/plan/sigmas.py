"""Noise levels (sigmas, 1 is pure noise) of a denoising pass: the distilled ones, and those of an undistilled model.

The engine gives all of them to a scheduler that changes nothing (ltx.py), so what stands here is what is run.
"""

import math

import numpy as np

DISTILLED_SIGMAS = (1.0, 0.99375, 0.9875, 0.98125, 0.975, 0.909375, 0.725, 0.421875)
"""The schedule that LTX-2 was distilled on (diffusers 0.42.1, pipelines/ltx2/utils.py: DISTILLED_SIGMA_VALUES)."""

REFINE_SIGMAS = DISTILLED_SIGMAS[5:]
"""Its last three: the schedule after the latent upsample (same file: STAGE_2_DISTILLED_SIGMA_VALUES)."""

TILED_SIGMAS = (0.625, 0.4)
"""The schedule of a pass in tiles (Lightricks' ltx-pipelines, utils/constants.py: TDP_DISTILLED_SIGMAS): lower, so that
the upsampled video, which no tile sees whole, is still there to hold the tiles together."""

LEAST_SIGMA = 0.05  # where a repaint of strength 0 starts: one small step, so that the model does something

SHIFT = 2.05
TERMINAL = 0.1
"""Of the scheduler that ships with undistilled LTX-2 models (max_shift and shift_terminal of its config)."""


def undistilled_sigmas(steps: int) -> tuple[float, ...]:
    """The schedule of an undistilled model: even levels, shifted towards noise, stretched to end at TERMINAL.

    Bit for bit what FlowMatchEulerDiscreteScheduler (diffusers 0.42.1) makes for 4,096 video tokens, its greatest
    trained shift. So do Lightricks' own pipelines, whatever the size of the clip (LTX-2, ti2vid_two_stages.py: the
    scheduler is given no latent). Diffusers' pipelines shift further the more tokens there are, far outside of
    training, and above some 57,000 tokens divide by zero.
    """
    even = np.linspace(1.0, 1 / steps, steps).astype(np.float32)
    clean = 1 - math.exp(SHIFT) / (math.exp(SHIFT) + (1 / even - 1))
    stretched = 1 - clean / (clean[-1] / (1 - TERMINAL))
    return tuple(stretched.tolist())


def from_strength(strength: float, levels: tuple[float, ...] = DISTILLED_SIGMAS) -> tuple[float, ...]:
    """The noise levels of a repaint: `strength` (0..1) is the first, those of the trained `levels` below it follow.

    At 1 this is the whole schedule, and nothing of the source is left. Up to 0.7 frames keep their layout and
    much of their texture; above 0.9 they keep little but the layout.
    """
    first = max(strength, LEAST_SIGMA)
    return (first, *(sigma for sigma in levels if sigma < first))

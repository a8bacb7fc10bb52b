"""Depth by DPT: near is white, far is black, on one scale for the whole span, so that it does not flicker."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.controls.base import tensor_of
from ltx_mcp.controls.weights import Weights
from ltx_mcp.media.footage import Footage, read_video
from ltx_mcp.types.callbacks import Check
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.requests import Control

DPT = Weights("Intel/dpt-hybrid-midas", "MIT", 490)
OUTLIERS = 1.0  # per cent of the depths at either end that are clipped: one glint must not set the scale


class DepthControl:
    """`depth`. `device` is a torch device."""

    control: Control = "depth"

    def __init__(self, device: str = "cpu", weights: Weights = DPT) -> None:
        self._device = device
        self._weights = weights

    def ready(self) -> None:
        self._weights.ready()

    def read(self, footage: Footage, width: int, height: int, fps: float, frames: int, check: Check) -> Sequence[Frame]:
        import torch
        from transformers import DPTForDepthEstimation

        model = self._weights.load(DPTForDepthEstimation, self._device, check)
        side = int(model.config.image_size)
        larger = max(1, math.ceil(side / min(width, height)))  # the same crop, with all that the model can see
        near = []
        with torch.inference_mode():
            for frame in read_video(footage, width * larger, height * larger, fps, frames):
                check()
                near.append(_nearness(model, frame, side, (height, width)))
        return _grey_frames(np.stack(near))


def _nearness(model: Any, frame: Frame, side: int, size: tuple[int, int]) -> NDArray[np.float16]:
    """(height, width) of that size: the larger the nearer, on the model's own scale (inverse depth)."""
    import torch.nn.functional as F

    pixels = tensor_of(frame, model.device) / 127.5 - 1  # mean and deviation 0.5, as DPT was trained
    pixels = F.interpolate(pixels, (side, side), mode="bicubic", antialias=True)
    depth = model(pixels.to(model.dtype)).predicted_depth.float()
    shown = F.interpolate(depth[None], size, mode="bicubic", antialias=True)[0, 0]
    near: NDArray[np.float16] = shown.cpu().numpy().astype(np.float16)
    return near


def _grey_frames(near: NDArray[np.float16]) -> list[Frame]:
    low, high = np.percentile(near[:: max(1, len(near) // 32)].astype(np.float32), (OUTLIERS, 100 - OUTLIERS))
    scale = 255 / max(high - low, 1e-6)
    greys = (np.clip((each.astype(np.float32) - low) * scale, 0, 255).round().astype(np.uint8) for each in near)
    return [np.repeat(grey[:, :, None], 3, axis=2) for grey in greys]

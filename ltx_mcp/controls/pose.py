"""Poses: RT-DETR finds the people, ViTPose the points of each, skeleton.py draws them."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.controls.base import tensor_of
from ltx_mcp.controls.skeleton import Body, draw
from ltx_mcp.controls.weights import Weights
from ltx_mcp.errors import MediaError
from ltx_mcp.media.footage import Footage, read_video
from ltx_mcp.types.callbacks import Check
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.requests import Control

if TYPE_CHECKING:
    import torch

RT_DETR = Weights("PekingU/rtdetr_r18vd_coco_o365", "Apache-2.0", 81)
VIT_POSE = Weights("usyd-community/vitpose-base-simple", "Apache-2.0", 344)

PERSON = 0  # of COCO's 80 classes, in the detector's order
LIKELY = 0.4  # least score of a person that is drawn
MOST_PEOPLE = 8  # a frame; each costs a forward, and a crowd of sticks guides nothing
DETECTED_SIDE = 640  # pixels: RT-DETR's trained size
MARGIN = 1.25  # by which ViTPose's box is larger than the person, as in its training
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, as ViTPose was trained
SEEN_SIDE = 512  # pixels of the short side that people are looked for in


class PoseControl:
    """`pose`: body points of up to eight people; no hands, no faces. `device` is a torch device."""

    control: Control = "pose"

    def __init__(self, device: str = "cpu", detector: Weights = RT_DETR, points: Weights = VIT_POSE) -> None:
        self._device = device
        self._detector = detector
        self._points = points

    def ready(self) -> None:
        self._detector.ready()
        self._points.ready()

    def read(self, footage: Footage, width: int, height: int, fps: float, frames: int, check: Check) -> Sequence[Frame]:
        import torch
        from transformers import RTDetrForObjectDetection, VitPoseForPoseEstimation

        check()
        detector = self._detector.load(RTDetrForObjectDetection, self._device, check)
        check()
        poser = self._points.load(VitPoseForPoseEstimation, self._device, check)
        larger = max(1, math.ceil(SEEN_SIDE / min(width, height)))
        drawn, seen = [], 0
        with torch.inference_mode():
            for frame in read_video(footage, width * larger, height * larger, fps, frames):
                check()
                pixels = tensor_of(frame, detector.device)
                bodies = [_body(poser, pixels, box, larger) for box in people(detector, pixels)]
                seen += len(bodies)
                drawn.append(draw(bodies, width, height))
        if not seen:
            raise MediaError("No people were seen in the video, so there is no pose to follow.", "Use control=canny.")
        return drawn


def people(detector: Any, pixels: "torch.Tensor") -> "list[tuple[float, float, float, float]]":
    """Boxes (left, top, right, bottom) in pixels of the people in (1, 3, height, width), likeliest first."""
    import torch.nn.functional as F

    size = (DETECTED_SIDE, DETECTED_SIDE)
    found = detector(pixel_values=F.interpolate(pixels, size, mode="bilinear", antialias=True) / 255)
    scores = found.logits[0].float().sigmoid()[:, PERSON]
    height, width = pixels.shape[2:]
    best = scores.argsort(descending=True)[:MOST_PEOPLE]
    boxes = []
    for index in best[scores[best] >= LIKELY].tolist():
        x, y, wide, high = found.pred_boxes[0, index].tolist()  # the centre and the size, as shares of the frame
        boxes.append(((x - wide / 2) * width, (y - high / 2) * height, (x + wide / 2) * width, (y + high / 2) * height))
    return boxes


def _body(poser: Any, pixels: "torch.Tensor", box: tuple[float, float, float, float], larger: int) -> Body:
    """The points of the person in this box, in pixels of a frame that is smaller by `larger`."""
    high, wide = (int(side) for side in poser.config.backbone_config.image_size)
    left, top, across, down = _window(box, wide / high)
    heat = poser(pixel_values=_cut(pixels, (left, top, across, down), (high, wide))).heatmaps[0].float()
    points, scores = peaks(heat.cpu().numpy())
    rows, columns = heat.shape[1:]
    places = np.array([left, top]) + (points + 0.5) / np.array([columns, rows]) * np.array([across, down])
    return Body((places / larger).astype(np.float32), scores)


def _window(box: tuple[float, float, float, float], ratio: float) -> tuple[float, float, float, float]:
    """(left, top, width, height) around the box: of this ratio of width to height, with a margin."""
    left, top, right, bottom = box
    across, down = max(right - left, (bottom - top) * ratio), max(bottom - top, (right - left) / ratio)
    across, down = max(1.0, across * MARGIN), max(1.0, down * MARGIN)
    return (left + right - across) / 2, (top + bottom - down) / 2, across, down


def _cut(pixels: "torch.Tensor", window: tuple[float, float, float, float], size: tuple[int, int]) -> "torch.Tensor":
    """The window of the frame at this size, normalised; what lies outside is black."""
    import torch
    import torch.nn.functional as F

    left, top, across, down = window
    height, width = pixels.shape[2:]
    turn = torch.tensor(
        [
            [across / width, 0, (2 * left + across) / width - 1],
            [0, down / height, (2 * top + down) / height - 1],
        ],
        device=pixels.device,
    )
    grid = F.affine_grid(turn[None], [1, 3, *size], align_corners=False)
    cut = F.grid_sample(pixels, grid, mode="bilinear", align_corners=False) / 255
    mean, deviation = (torch.tensor(each, device=pixels.device).view(1, 3, 1, 1) for each in (MEAN, DEVIATION))
    return (cut - mean) / deviation


def peaks(heat: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The highest place (x, y) of each of the maps (points, rows, columns), to a quarter of a cell, and its value.

    The quarter is towards the higher neighbour: where the true peak lies between two cells, it is on that side.
    """
    count, rows, columns = heat.shape
    y, x = np.divmod(heat.reshape(count, -1).argmax(axis=1), columns)
    each = np.arange(count)
    wide = heat[each, y, np.minimum(x + 1, columns - 1)] - heat[each, y, np.maximum(x - 1, 0)]
    high = heat[each, np.minimum(y + 1, rows - 1), x] - heat[each, np.maximum(y - 1, 0), x]
    inside = np.stack([(x > 0) & (x < columns - 1), (y > 0) & (y < rows - 1)], axis=1)
    points = np.stack([x, y], axis=1) + 0.25 * np.sign(np.stack([wide, high], axis=1)) * inside
    return points.astype(np.float32), heat[each, y, x].astype(np.float32)

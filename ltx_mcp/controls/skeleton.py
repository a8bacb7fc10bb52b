"""A body drawn as a figure of coloured sticks on black, in the way of OpenPose, which pose LoRAs were trained on."""

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.types.frames import Frame

# The 17 points of COCO, as ViTPose gives them; OpenPose has a neck besides, halfway between the shoulders.
(NOSE, EYE_L, EYE_R, EAR_L, EAR_R, SHOULDER_L, SHOULDER_R, ELBOW_L, ELBOW_R, WRIST_L, WRIST_R,
 HIP_L, HIP_R, KNEE_L, KNEE_R, ANKLE_L, ANKLE_R) = range(17)  # fmt: skip
NECK = 17

LIMBS = (
    (NECK, SHOULDER_R), (NECK, SHOULDER_L), (SHOULDER_R, ELBOW_R), (ELBOW_R, WRIST_R), (SHOULDER_L, ELBOW_L),
    (ELBOW_L, WRIST_L), (NECK, HIP_R), (HIP_R, KNEE_R), (KNEE_R, ANKLE_R), (NECK, HIP_L), (HIP_L, KNEE_L),
    (KNEE_L, ANKLE_L), (NECK, NOSE), (NOSE, EYE_R), (EYE_R, EAR_R), (NOSE, EYE_L), (EYE_L, EAR_L),
)  # fmt: skip
"""In OpenPose's order. Their colours go once around the colour wheel from red, in as many even steps as it has
points; its limbs are drawn at 0.6 of the brightness of its points."""

JOINTS = (
    NOSE, NECK, SHOULDER_R, ELBOW_R, WRIST_R, SHOULDER_L, ELBOW_L, WRIST_L, HIP_R, KNEE_R, ANKLE_R, HIP_L, KNEE_L,
    ANKLE_L, EYE_R, EYE_L, EAR_R, EAR_L,
)  # fmt: skip
SURE = 0.3  # least score of a point that is drawn
_DIM = 0.6
_SMOOTH = 4  # times the size at which lines are drawn


@dataclass(frozen=True)
class Body:
    """17 points (x, y) in pixels of the frame, and how sure each is, 0..1."""

    points: NDArray[np.float32]
    scores: NDArray[np.float32]


def draw(bodies: Sequence[Body], width: int, height: int) -> Frame:
    """(height, width, 3): the bodies, the first ones on top."""
    from PIL import Image, ImageDraw

    large = Image.new("RGB", (width * _SMOOTH, height * _SMOOTH))
    pen = ImageDraw.Draw(large)
    thick = max(2.0, min(width, height) / 128) * _SMOOTH  # 4 pixels at 512, as OpenPose draws there
    for body in reversed(bodies):
        places = _places(body)
        for index, (start, end) in enumerate(LIMBS):
            if start in places and end in places:
                line = [tuple(places[point] * _SMOOTH) for point in (start, end)]
                pen.line(line, fill=_colour(index, _DIM), width=round(2 * thick))
        for index, point in enumerate(JOINTS):
            if point in places:
                pen.circle(tuple(places[point] * _SMOOTH), thick, fill=_colour(index))
    return np.asarray(large.resize((width, height), Image.Resampling.BOX)).copy()


def _places(body: Body) -> dict[int, NDArray[np.float32]]:
    places = {index: body.points[index] for index in range(17) if body.scores[index] >= SURE}
    if SHOULDER_L in places and SHOULDER_R in places:
        places[NECK] = (places[SHOULDER_L] + places[SHOULDER_R]) / 2
    return places


def _colour(index: int, brightness: float = 1.0) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(index / len(JOINTS), 1.0, brightness)
    return round(red * 255), round(green * 255), round(blue * 255)

"""How a frame of one shape fills one of another: scaled until it covers it, cropped from the centre.

Nothing is ever padded or stretched: a model takes black bars for part of the scene, and keeps them.
"""

import math
from dataclasses import dataclass

from ltx_mcp.types.sizes import ASPECTS, Aspect

_WORTH_NOTING = 0.01  # more than the 8 lines that 1080 of 1088 leave out


@dataclass(frozen=True)
class Fit:
    """The part of the source that is shown, in its pixels, not rounded; `cropped` is the share 0..1 that is not."""

    left: float
    top: float
    width: float
    height: float
    cropped: float

    @property
    def note(self) -> str:
        """One sentence for a result's notes; empty where next to nothing is lost."""
        if self.cropped < _WORTH_NOTING:
            return ""
        sides = "left and right" if self.left else "top and bottom"
        return f"Cropped from the centre to fit: {self.cropped:.0%} is lost, at the {sides}."


def fit(source: tuple[int, int], target: tuple[int, int]) -> Fit:
    """What of a (width, height) is seen once it covers a (width, height) of another shape."""
    scale = max(target[0] / source[0], target[1] / source[1])
    width, height = min(source[0], target[0] / scale), min(source[1], target[1] / scale)
    shown = width * height / (source[0] * source[1])
    return Fit((source[0] - width) / 2, (source[1] - height) / 2, width, height, 1.0 - shown)


def nearest_aspect(width: int, height: int) -> Aspect:
    """The aspect that crops the least of a frame: the nearest ratio, on a logarithmic scale."""
    return min(ASPECTS, key=lambda aspect: abs(math.log(width / height) - math.log(_ratio(aspect))))


def _ratio(aspect: Aspect) -> float:
    across, down = aspect.split(":")
    return int(across) / int(down)

"""A classifier and a reader for tests. They moderate nothing real, and no setting can choose them."""

from collections.abc import Sequence

import numpy as np

from ltx_mcp.errors import ModerationUnavailable
from ltx_mcp.moderation.base import Scores
from ltx_mcp.moderation.meaning import Reading
from ltx_mcp.types.frames import Frame


class MagentaClassifier:
    """Calls a frame explicit where it is magenta: the score is 0.99 times the share of magenta pixels.

    Magenta is red and blue at least 200 and green at most 55. It moderates nothing real: it is the twin of
    `OpenNsfw` that lets a test make a frame with any score it needs.
    """

    name = "magenta-stand-in-1"
    categories = frozenset({"explicit"})

    def __init__(self) -> None:
        self._loaded = False

    def canaries(self) -> tuple[Frame, Frame]:
        return np.full((8, 8, 3), 90, np.uint8), np.full((8, 8, 3), (255, 0, 255), np.uint8)

    def load(self) -> None:
        self._loaded = True

    def score(self, frames: Sequence[Frame]) -> list[Scores]:
        if not self._loaded:
            raise ModerationUnavailable("The frame classifier was not loaded.", "Call load() first.")
        return [{"explicit": 0.99 * _magenta_share(frame)} for frame in frames]


class WordReader:
    """A `MeaningReader` that knows three words: what holds "magenta" is unsafe, "mauve" controversial, else safe.

    It reads nothing real: it is the twin of `Qwen3Guard`.
    """

    name = "word-stand-in"

    def __init__(self) -> None:
        self._loaded = False

    def load(self) -> None:
        self._loaded = True

    def read(self, text: str) -> Reading:
        if not self._loaded:
            raise ModerationUnavailable("The guard was not loaded.", "Call load() first.")
        if "magenta" in text:
            return Reading("unsafe", ("Sexual Content or Sexual Acts",))
        return Reading("controversial", ("Violent",)) if "mauve" in text else Reading("safe")


def _magenta_share(frame: Frame) -> float:
    red, green, blue = frame[..., 0], frame[..., 1], frame[..., 2]
    return float(np.mean((red >= 200) & (green <= 55) & (blue >= 200)))

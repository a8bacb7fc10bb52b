"""The classifier's seam: frames in, one score per category out.

A classifier knows nothing of clips, times, thresholds or verdicts; `frames.py` decides. It has no way to
say "unsure": whatever keeps it from scoring is an error, and an error is a refusal.
"""

from collections.abc import Sequence, Set
from typing import Protocol

from ltx_mcp.types.frames import Frame

Scores = dict[str, float]
"""{category: probability 0..1}. Every category is one to be refused; there is none for "safe"."""


class FrameClassifier(Protocol):
    """Scores frames. Called on one thread at a time."""

    @property
    def name(self) -> str:
        """The model and its version, as the clip's verdict will name it; known without loading."""

    @property
    def categories(self) -> Set[str]:
        """What it scores: the keys of every `Scores` of its; known without loading."""

    def canaries(self) -> tuple[Frame, Frame]:
        """(a harmless frame, one that only looks like something): it must score the first lower in every category.

        A classifier whose labels are another's, or are read in another order, does not, and is refused as it loads.
        """

    def load(self) -> None:
        """Get ready to score; a second call is free. Raises ModerationUnavailable with the remedy."""

    def score(self, frames: Sequence[Frame]) -> list[Scores]:
        """One non-empty `Scores` a frame, in order; frames (height, width, 3) uint8 RGB, of any size.

        Raises ModerationUnavailable before `load`.
        """

"""Several classifiers as one: of each category the highest score that any of them gives."""

from collections.abc import Sequence, Set

from ltx_mcp.moderation.base import FrameClassifier, Scores
from ltx_mcp.moderation.bounded import Bounded
from ltx_mcp.types.frames import Frame


class Ensemble:
    """A `FrameClassifier`. One that fails fails all: a frame that one of them did not see has not been looked at.

    Each is held to its word, its time and its own canaries by itself, before a maximum could hide what is wrong.
    """

    def __init__(self, *classifiers: FrameClassifier) -> None:
        self._classifiers = [Bounded(classifier) for classifier in classifiers]

    @property
    def name(self) -> str:
        return " + ".join(classifier.name for classifier in self._classifiers)

    @property
    def categories(self) -> Set[str]:
        return frozenset().union(*(classifier.categories for classifier in self._classifiers))

    def canaries(self) -> tuple[Frame, Frame]:
        """Those of the first; the others have been tried on theirs."""
        return self._classifiers[0].canaries()

    def load(self) -> None:
        for classifier in self._classifiers:
            classifier.load()

    def score(self, frames: Sequence[Frame]) -> list[Scores]:
        given = [classifier.score(frames) for classifier in self._classifiers]
        return [
            {name: max(row[name] for row in rows if name in row) for name in sorted(self.categories)}
            for rows in zip(*given, strict=True)
        ]

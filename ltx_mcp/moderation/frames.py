"""The frame gate: frames stream by, what they show is scored, one verdict comes out.

Two frames a second are scored in any case, and of the others each that looks unlike those that were scored last.

Fails closed. Whatever keeps a due frame from being scored (no classifier, a classifier that breaks or answers
nonsense, a stream that skips or stops) ends in ModerationUnavailable, never in a verdict.
"""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import count, takewhile
from typing import TypeVar

import numpy as np

from ltx_mcp.errors import ModerationUnavailable
from ltx_mcp.media.resize import reduce
from ltx_mcp.moderation.base import FrameClassifier
from ltx_mcp.moderation.bounded import HINT, Bounded
from ltx_mcp.moderation.changes import Scored
from ltx_mcp.moderation.tally import Tally, Thresholds
from ltx_mcp.types.clips import Verdict
from ltx_mcp.types.frames import Frame

SAMPLES_PER_S = 2.0  # as NVIDIA's Cosmos Guardrail samples
BATCH = 8  # frames held at once, shrunk
HELD_SIDE = 256  # a shrunk frame's short side is 256..511 pixels, box-averaged: open_nsfw resizes to 256

_T = TypeVar("_T")


class FrameGate:
    """Watches clips with one classifier and one pair of thresholds."""

    def __init__(
        self,
        classifier: FrameClassifier,
        thresholds: Thresholds | None = None,
        shift: Callable[[float, int], float] = lambda fps, frames: 0.0,
    ) -> None:
        """`shift` tells from the rate and length of a clip how far its samples are moved, as a part (0..1) of the time
        between two: a secret of the installation, so that nobody can aim between them.
        """
        self._classifier = Bounded(classifier)
        self._thresholds = thresholds or Thresholds()
        self._shift = shift

    def load(self) -> None:
        """Make sure the classifier can score; a second call is free. Raises ModerationUnavailable."""
        _guarded(self._classifier.load)

    def watch(self, fps: float, frames: int, shown: Collection[int] = ()) -> "FrameWatch":
        """A watch for one clip of `frames` frames. Loads. Raises ModerationUnavailable.

        `shown` are numbers of frames that will be shown by themselves, as on a contact sheet: they are scored too.
        """
        self.load()
        return FrameWatch(self._classifier, self._thresholds, fps, frames, shown, self._shift(fps, frames))

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
        shift: float = 0.0,
    ) -> None:
        if frames < 1 or not math.isfinite(fps) or fps <= 0:
            raise ValueError(f"a clip has at least one frame and a rate above 0, not {frames} at {fps} fps")
        self._classifier = classifier
        self._fps = fps
        self._frames = frames
        self._regular = frozenset(_due_frames(fps, frames, shift))
        self._due = sorted(self._regular.union(shown))
        self._seen = 0
        self._held: list[tuple[int, Frame]] = []
        self._looked_at = self._scored = 0
        self._known = Scored()
        self._tally = Tally(thresholds)

    def see(self, index: int, frame: Frame, shown: bool = False) -> None:
        """Frame number `index`, from 0; (height, width, 3) uint8 RGB. Copied if it is due or new, else forgotten.

        One that will be `shown` is due, though that was not known before. Every eighth sample waits for the classifier.
        Raises ModerationUnavailable.
        """
        _check_frame(frame)
        if index >= self._frames:
            raise ModerationUnavailable(f"Frame {index} came, but only {self._frames} were announced.", HINT)
        if self._seen < len(self._due) and index > self._due[self._seen]:
            raise ModerationUnavailable(f"Frame {self._due[self._seen]} was due for moderation and never came.", HINT)
        if self._seen < len(self._due) and index == self._due[self._seen]:
            self._seen += 1
        elif not shown and not self._known.differs(frame):
            return
        self._known.add(frame)
        self._held.append((index, reduce(frame, HELD_SIDE)))
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
        rows = _guarded(lambda: self._classifier.score([frame for _, frame in held]))
        for (index, _), row in zip(held, rows, strict=True):
            self._tally.add(row, index / self._fps, regular=index in self._regular)
        self._scored += len(held)


def _due_frames(fps: float, frames: int, shift: float) -> Iterator[int]:
    """Numbers of the frames to score: the first, two per second, and the last; all of them below 2 fps."""
    step = max(1.0, fps / SAMPLES_PER_S)
    yield 0
    yield from takewhile(lambda number: number < frames, (int((sample + shift) * step) for sample in count()))
    yield frames - 1


def _check_frame(frame: Frame) -> None:
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
        raise ModerationUnavailable(f"A frame of shape {frame.shape} and type {frame.dtype} is not an RGB frame.", HINT)


def _guarded(call: Callable[[], _T]) -> _T:
    """Turn any failure of a classifier into the one that refuses."""
    try:
        return call()
    except ModerationUnavailable:
        raise
    except Exception as error:
        raise ModerationUnavailable(f"The frame classifier failed: {error!r}.", HINT) from error

"""The field's metrics of moments, and the baselines: what simpler spans would be on the same scores of the same frames.

As QVHighlights' evaluation has it, a moment counts by its overlap with the right span that it shares most with.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.index.shots import cuts_between

Span = tuple[float, float]
"""(start, end) in seconds."""
AT = (0.3, 0.5, 0.7)


def overlap(one: Span, other: Span) -> float:
    """Intersection over union."""
    shared = max(0.0, min(one[1], other[1]) - max(one[0], other[0]))
    return shared / max(1e-9, one[1] - one[0] + other[1] - other[0] - shared)


def shares(found: Sequence[Span], right: Sequence[Span]) -> list[float]:
    """How much each of the first five shares with the right span that is nearest to it."""
    return [max(overlap(span, each) for each in right) for span in found[:5]]


def metrics(answers: Sequence[Sequence[float]]) -> dict[str, float]:
    """Of the shares of every query's answers."""
    first = np.array([answer[0] if answer else 0.0 for answer in answers])
    five = np.array([max(answer, default=0.0) for answer in answers])
    return {
        **{f"R1@{line}": float((first >= line).mean()) for line in AT},
        "mIoU": float(first.mean()),
        "R5@0.5": float((five >= 0.5).mean()),
    }


@dataclass(frozen=True)
class Scored:
    """The sampled frames of one film with their scores for one query; 1 is the line at which a frame votes.

    `times_s` (n,), `scores` (n,), `vectors` (n, dim), `starts_s` (n,) when the shot of each begins, by its hard cuts.
    """

    times_s: NDArray[np.float64]
    scores: NDArray[np.float32]
    vectors: NDArray[np.float32]
    starts_s: NDArray[np.float64]
    length_s: float

    @property
    def edges_s(self) -> NDArray[np.float64]:
        """(n + 1,) half-way between the frames, and the film's ends."""
        return np.concatenate([[0.0], (self.times_s[1:] + self.times_s[:-1]) / 2, [self.length_s]])


Method = Callable[[Scored], list[Span]]


def windows(length_s: float) -> Method:
    """Fixed windows, the one with the best frame first."""

    def find(film: Scored) -> list[Span]:
        number = (film.times_s // length_s).astype(int)
        return _ranked([((at * length_s, min(film.length_s, (at + 1) * length_s)), film.scores[number == at])
                        for at in np.unique(number)])  # fmt: skip

    return find


def around_the_best(film: Scored) -> list[Span]:
    """1.5 s on both sides of the best frame, then of the best that is further away than that."""
    left, found = film.scores.copy(), []
    while left.max() >= 1 and len(found) < 5:
        at_s = float(film.times_s[left.argmax()])
        found.append((max(0.0, at_s - 1.5), min(film.length_s, at_s + 1.5)))
        left[abs(film.times_s - at_s) <= 1.5] = -np.inf
    return found


def above_the_line(film: Scored) -> list[Span]:
    """Runs of frames that vote."""
    return _runs(film, film.scores >= 1, np.zeros(len(film.times_s) - 1, bool))


def shots(film: Scored) -> list[Span]:
    """Whole shots, by hard cuts and by the embeddings."""
    cuts_s = cuts_between(film.times_s, film.vectors, film.starts_s)
    return _runs(film, np.ones(len(film.times_s), bool), ~np.isnan(cuts_s))


def watershed(film: Scored) -> list[Span]:
    """Neighbouring shots, by hard cuts, whose best frames have at least half of the film's best: one moment."""
    of = np.searchsorted(np.unique(film.starts_s), film.starts_s, side="right")
    best = np.array([film.scores[of == shot].max() for shot in of])
    return _runs(film, best >= film.scores.max() / 2, np.zeros(len(film.times_s) - 1, bool))


METHODS: dict[str, Method] = {
    "windows of 2 s": windows(2.0),
    "windows of 5 s": windows(5.0),
    "best frame ± 1.5 s": around_the_best,
    "watershed over shots": watershed,
    "frames above the line": above_the_line,
    "whole shots": shots,
}


def _runs(film: Scored, kept: NDArray[np.bool_], cuts: NDArray[np.bool_]) -> list[Span]:
    """Of neighbouring frames that are kept, without a cut between them."""
    ends = np.flatnonzero(np.append((kept[1:] != kept[:-1]) | cuts, True)) + 1
    pieces = [(int(first), int(end)) for first, end in zip([0, *ends], ends, strict=False) if kept[first]]
    edges = film.edges_s
    return _ranked([((float(edges[first]), float(edges[end])), film.scores[first:end]) for first, end in pieces])


def _ranked(spans: Sequence[tuple[Span, NDArray[np.float32]]]) -> list[Span]:
    """By their best frames, those with one that votes."""
    best = sorted(spans, key=lambda each: -float(each[1].max()))
    return [span for span, scores in best if scores.max() >= 1]

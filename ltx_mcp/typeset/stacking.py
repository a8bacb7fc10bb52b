"""Texts that are shown at the same time in the same place: each keeps one place as long as it is shown.

libass would move the later ones aside too, but where to depends on what was drawn before: a film is drawn in segments,
so a text would jump at a cut. Here subtitles keep their place, then what stands at the bottom, and the rest moves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_GAP = 0.012  # of the frame's height, between two texts
_LOOKED_AT = 12  # texts that are shown at once; where there are more, there is no place for them anyway


@dataclass(frozen=True)
class Block:
    """A text as it stands alone: its rectangle in pixels from the frame's top left, its times in milliseconds.

    It gives room `up` or down first, and then the other side. Those of a lower `rank` keep their place.
    """

    left: float
    top: float
    right: float
    bottom: float
    start: int
    end: int
    up: bool
    rank: int


def shifts(blocks: Sequence[Block], height: int, safe: float) -> list[float]:
    """By how many pixels each is moved down, or where negative up; 0 where no place is left.

    `safe` is the part of the frame's height that is kept free at both edges.
    """
    found = [0.0] * len(blocks)
    for place, beside in _in_order(blocks):
        block = blocks[place]
        taken = [(blocks[other].top + found[other], blocks[other].bottom + found[other]) for other in beside]
        moves = [_shift(block, taken, _GAP * height, up) for up in (block.up, not block.up)]
        room = safe * height - block.top, (1 - safe) * height - block.bottom
        found[place] = next((move for move in moves if move == 0 or room[0] <= move <= room[1]), 0.0)
    return found


def _in_order(blocks: Sequence[Block]) -> Iterator[tuple[int, list[int]]]:
    """(place, those placed before it that it may meet), the lower ranks first, in each by their beginning."""
    placed: list[int] = []
    for rank in sorted({block.rank for block in blocks}):
        of_rank = [place for place, block in enumerate(blocks) if block.rank == rank]
        active: list[int] = []
        for place in sorted(of_rank, key=lambda place: blocks[place].start):
            active = [other for other in active if blocks[other].end > blocks[place].start][-_LOOKED_AT:]
            yield place, [other for other in (*placed, *active) if _meet(blocks[place], blocks[other])][:_LOOKED_AT]
            active.append(place)
        placed += of_rank


def _meet(one: Block, other: Block) -> bool:
    """Whether one can stand on the other: at the same time, one above the other."""
    return one.start < other.end and other.start < one.end and one.left < other.right and other.left < one.right


def _shift(block: Block, taken: Sequence[tuple[float, float]], gap: float, up: bool) -> float:
    """The smallest move up or down that leaves every (top, bottom) of `taken` free."""
    shift = 0.0
    for top, bottom in sorted(taken, reverse=up):
        if block.top + shift < bottom and top < block.bottom + shift:
            shift = top - gap - block.bottom if up else bottom + gap - block.top
    return shift

"""All the ways to cut a prompt into words.

The pieces of a folded text are its runs of letters and digits, and each Chinese or Japanese character by
itself. An edge reads one or more neighbouring pieces as one word: "p-o r n" has four pieces, and among its
edges is "porn" over all of them. Every piece starts a bounded number of edges: the lattice grows with the text.
"""

import re
from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import NamedTuple

from ltx_mcp.moderation.folding import SYMBOLS, fold, spellings

_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"  # kana and Han: scripts without spaces between words
_PIECE = re.compile(rf"(?P<unspaced>[{_UNSPACED}])|[^\W_{_UNSPACED}]+")
_CHUNK = re.compile(rf"(?:[^\W_{_UNSPACED}]|[{re.escape(SYMBOLS)}])+")
_PUNCTUATION = "!|*#+"  # symbols that are not letters at the end of a word
_INSIDE_PHRASES = set(" -\u2010'\u2019")  # what may stand between the words of one expression

MAX_SPELLED = 16  # letters of a word spelled out one by one
MAX_GLUED = 4  # pieces of a word cut by hyphens, dots and the like
_MIN_JOINED = 3  # letters; shorter words are not looked for across cuts


class Edge(NamedTuple):
    """One reading, as `word`, of the pieces from where the edge starts up to, not including, piece `end`."""

    word: str
    end: int


class Lattice(NamedTuple):
    """`edges[i]` start at piece i; `breaks[i]` counts the commas, stops and the like before piece i."""

    edges: list[set[Edge]]
    breaks: list[int]

    def is_unbroken(self, start: int, end: int) -> bool:
        """Only spaces, hyphens and apostrophes stand between these pieces."""
        return self.breaks[start] == self.breaks[end - 1]


class _Piece(NamedTuple):
    text: str
    start: int
    end: int
    glued: bool  # no white space between the piece before and this one
    broken: bool  # more than space, hyphen or apostrophe there
    letter: bool  # one letter or digit that stands alone


def words(text: str) -> list[str]:
    """The pieces of the folded text, undisguised: what a policy term consists of."""
    return [piece.text for piece in _pieces(fold(text))]


def read(text: str) -> Lattice:
    folded = fold(text)
    pieces = _pieces(folded)
    edges = [{Edge(word, at + 1) for word in spellings(piece.text)} for at, piece in enumerate(pieces)]
    for at, starting in enumerate(edges):
        for end in {*_glued_ends(pieces, at), *_spelled_ends(pieces, at)}:
            joined = "".join(piece.text for piece in pieces[at:end])
            if len(joined) >= _MIN_JOINED:
                starting.update(Edge(word, end) for word in spellings(joined))
    _add_symbol_words(folded, pieces, edges)
    return Lattice(edges, list(accumulate(piece.broken for piece in pieces)))


def _pieces(folded: str) -> list[_Piece]:
    pieces: list[_Piece] = []
    end = 0
    for match in _PIECE.finditer(folded):
        between = folded[end : match.start()]
        glued = bool(pieces) and not any(char.isspace() for char in between)
        broken = not _INSIDE_PHRASES.issuperset(between)
        letter = len(match[0]) == 1 and match["unspaced"] is None
        pieces.append(_Piece(match[0], match.start(), match.end(), glued, broken, letter))
        end = match.end()
    return pieces


def _glued_ends(pieces: list[_Piece], at: int) -> list[int]:
    """Where words end that hyphens, dots and the like cut: po-rn."""
    ends = []
    for end in range(at + 1, min(at + MAX_GLUED, len(pieces))):
        if not pieces[end].glued:
            break
        ends.append(end + 1)
    return ends


def _spelled_ends(pieces: list[_Piece], at: int) -> list[int]:
    """Where words end that are spelled out, however separated: p o r n."""
    end = at
    while end < min(at + MAX_SPELLED, len(pieces)) and pieces[end].letter:
        end += 1
    return list(range(at + _MIN_JOINED, end + 1))


def _add_symbol_words(folded: str, pieces: list[_Piece], edges: list[set[Edge]]) -> None:
    """Words in which a symbol stands for a letter, so that no piece holds them whole: p@ssword."""
    starts = [piece.start for piece in pieces]
    ends = [piece.end for piece in pieces]
    for match in _CHUNK.finditer(folded):
        word = match[0].rstrip(_PUNCTUATION)
        first, last = bisect_left(starts, match.start()), bisect_right(ends, match.start() + len(word))
        if first < last and not word.isalnum():
            edges[first].update(Edge(spelling, last) for spelling in spellings(word))

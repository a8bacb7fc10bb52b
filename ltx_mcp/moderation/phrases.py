"""Looking for many terms at once: a trie of letters, through which the cells of a prompt are followed.

A term is one or more words in order. A word that ends in `*` matches every word that starts with it. There are
no regular expressions: no term can make a search slow, whoever wrote it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ltx_mcp.moderation.cells import Row
from ltx_mcp.moderation.folding import fold, readings

MIN_STEM = 3  # letters before a `*`; shorter stems would catch half the dictionary
MIN_STEM_UNCASED = 2  # of scripts whose letters are syllables or leave the vowels out
_STRETCHED = re.compile(r"(.)\1{2,}")
_MIN_JOINED = 3  # letters; shorter words are not looked for across cuts
_MOST_SIGNS_FIRST = 2  # before the first letter of a word that is written as a letter: $3x
_NOT_IN_TERMS = re.compile(r"[][(){}|+?^$\\.]|\*(?!\s|$)")

Span = tuple[int, int]
"""The first cell of a hit, and the cell after its last."""

# What a path through one word has met: a sign read as a letter, a letter as it is written, a cut, and that just now.
_SIGN, _LETTER, _CUT, _AFTER_CUT = 1, 2, 4, 8


@dataclass
class _Word:
    """A word that ends: the lists with a term that ends with it, and the words that may follow."""

    names: set[str] = field(default_factory=set)
    then: "_Node | None" = None


@dataclass
class _Node:
    depth: int = 0
    next: "dict[str, _Node]" = field(default_factory=dict)
    word: _Word | None = None
    stem: _Word | None = None


class Phrases:
    """Finds the terms of named lists. Raises ValueError for an invalid term."""

    def __init__(self, lists: Mapping[str, Iterable[str]]) -> None:
        self._root = _Node()
        for name, terms in lists.items():
            for term in terms:
                self._add(name, parse_term(term))

    def find(self, row: Row) -> dict[str, set[Span]]:
        """{list: where its terms stand}; a list without a hit is absent."""
        hits: dict[str, set[Span]] = {}
        for start in row.starts:
            for word, end in self._follow(row, start):
                for name in word.names:
                    hits.setdefault(name, set()).add((start, end))
        return hits

    def _follow(self, row: Row, start: int) -> Iterator[tuple[_Word, int]]:
        """Every word that ends a term which starts here."""
        paths, seen = [(self._root, start, 0)], set()
        while paths:
            node, at, met = paths.pop()
            if (key := (id(node), at, met)) in seen:
                continue
            seen.add(key)
            for word, end in _ended(row, node, at, met) if node.word or node.stem else ():
                if word.names:
                    yield word, end
                if word.then is not None:
                    paths += [(word.then, after, 0) for after in row.next_words(end)]
            if at < row.size:
                paths += _steps(row, node, at, met)

    def _add(self, name: str, wording: list[tuple[str, bool]]) -> None:
        *before, (letters, is_stem) = wording
        node = self._root
        for earlier, has_ending in before:
            word = _grow(node, earlier, has_ending)
            node = word.then = word.then or _Node()
        _grow(node, letters, is_stem).names.add(name)


def _grow(node: _Node, letters: str, is_stem: bool) -> _Word:
    for letter in letters:
        node = node.next.setdefault(letter, _Node(node.depth + 1))
    word = (node.stem if is_stem else node.word) or _Word()
    if is_stem:
        node.stem = word
    else:
        node.word = word
    return word


def _ended(row: Row, node: _Node, at: int, met: int) -> Iterator[tuple[_Word, int]]:
    """The words that may end before cell `at`, and where they do. Signs alone are not a word."""
    if (met & _SIGN and not met & _LETTER) or (met & _CUT and node.depth < _MIN_JOINED):
        return
    if node.word is not None and row.is_end(at):
        yield node.word, at
    if node.stem is not None:
        yield node.stem, row.end_of_piece(at - 1)


def _steps(row: Row, node: _Node, at: int, met: int) -> Iterator[tuple[_Node, int, int]]:
    for letter in row.letters[at]:
        if (following := node.next.get(letter)) is not None:
            how = _LETTER if row.as_written[at] else 0 if letter.isdigit() else _SIGN
            if how == _SIGN and not met & _LETTER and (node.depth >= _MOST_SIGNS_FIRST or not row.near_letter[at]):
                continue
            yield following, at + 1, (met | how) & ~_AFTER_CUT
    if node.depth == 0 or met & _AFTER_CUT:  # a path that only skips would go on for ever
        return
    if row.optional[at]:
        yield node, at + 1, met
    for after in row.goes_on(at) if row.is_cut(at) else ():
        yield node, after, met | _CUT | _AFTER_CUT


@lru_cache(maxsize=8192)  # terms share their words, those with ages most of all
def _words(text: str) -> list[str]:
    """The words of a term, each in the letters that are its first reading, stretched ones as a row has them: twice."""
    plain = "".join(readings(char)[:1] or " " for char in fold(text))
    return _STRETCHED.sub(r"\1\1", plain).split()


def parse_term(term: str) -> list[tuple[str, bool]]:
    """The words of a term: (folded word, is a stem). Raises ValueError, saying what is wrong."""
    if _NOT_IN_TERMS.search(term):
        raise ValueError(f"{term!r} is not words with an optional * at a word's end; there are no regular expressions")
    wording = []
    for token in term.split():
        pieces = _words(token.rstrip("*"))
        wording += [(piece, token.endswith("*") and piece is pieces[-1]) for piece in pieces]
    if not wording:
        raise ValueError(f"{term!r} has no letters")
    letters = "".join(word for word, _ in wording)
    least = MIN_STEM if letters.isascii() else MIN_STEM_UNCASED
    if len(letters) < least and any(is_stem for _, is_stem in wording):
        raise ValueError(f"{term!r} has a * after fewer than {least} letters")
    return wording

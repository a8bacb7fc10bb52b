"""Looking for many terms at once: a trie of words, walked along the lattice of a prompt.

A term is one or more words in order. A word that ends in `*` matches every word that starts with it. There are
no regular expressions: no term can make a search slow, whoever wrote it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ltx_mcp.moderation.lattice import Lattice, words

MIN_STEM = 3  # letters before a `*`; shorter stems would catch half the dictionary
AGE = "{age}"  # in a term: every age from 1 to 17, in digits and in words

_NUMBERS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
_AGES = (*_NUMBERS.split(), *(str(age) for age in range(1, 18)))
_NOT_IN_TERMS = re.compile(r"[][(){}|+?^$\\.]|\*(?!\s|$)")

Span = tuple[int, int]
"""The first piece of a hit, and the piece after its last."""


@dataclass
class _Node:
    exact: dict[str, "_Node"] = field(default_factory=dict)
    stems: dict[str, "_Node"] = field(default_factory=dict)
    longest_stem: int = 0
    names: set[str] = field(default_factory=set)  # of the lists with a term that ends here

    def after(self, word: str) -> "Iterator[_Node]":
        if (node := self.exact.get(word)) is not None:
            yield node
        for length in range(MIN_STEM, min(len(word), self.longest_stem) + 1):
            if (node := self.stems.get(word[:length])) is not None:
                yield node

    def grow(self, word: str, is_stem: bool) -> "_Node":
        if not is_stem:
            return self.exact.setdefault(word, _Node())
        self.longest_stem = max(self.longest_stem, len(word))
        return self.stems.setdefault(word, _Node())


class Phrases:
    """Finds the terms of named lists. Raises ValueError for an invalid term."""

    def __init__(self, lists: Mapping[str, Iterable[str]]) -> None:
        self._root = _Node()
        for name, terms in lists.items():
            for term in terms:
                self._add(name, term)

    def find(self, lattice: Lattice) -> dict[str, set[Span]]:
        """{list: where its terms stand}; a list without a hit is absent."""
        hits: dict[str, set[Span]] = {}
        for start in range(len(lattice.edges)):
            for node, end in self._walk(lattice, start):
                for name in node.names:
                    hits.setdefault(name, set()).add((start, end))
        return hits

    def _walk(self, lattice: Lattice, start: int) -> Iterator[tuple[_Node, int]]:
        paths = [(self._root, start)]
        while paths:
            node, at = paths.pop()
            for edge in lattice.edges[at] if at < len(lattice.edges) else ():
                for following in node.after(edge.word):
                    yield following, edge.end
                    paths.append((following, edge.end))

    def _add(self, name: str, term: str) -> None:
        for wording in parse_term(term):
            node = self._root
            for word, is_stem in wording:
                node = node.grow(word, is_stem)
            node.names.add(name)


_words = lru_cache(maxsize=8192)(words)  # terms share their words, those with ages most of all


def parse_term(term: str) -> list[list[tuple[str, bool]]]:
    """The wordings of a term, each a list of (folded word, is a stem). Raises ValueError, saying what is wrong."""
    if AGE in term:
        return [wording for age in _AGES for wording in parse_term(term.replace(AGE, age))]
    if _NOT_IN_TERMS.search(term):
        raise ValueError(f"{term!r} is not words with an optional * at a word's end; there are no regular expressions")
    wording = []
    for token in term.split():
        pieces = _words(token)
        wording += [(piece, token.endswith("*") and piece is pieces[-1]) for piece in pieces]
    if not wording:
        raise ValueError(f"{term!r} has no letters")
    if any(is_stem and len(word) < MIN_STEM for word, is_stem in wording):
        raise ValueError(f"{term!r} has a * after fewer than {MIN_STEM} letters")
    return [wording]

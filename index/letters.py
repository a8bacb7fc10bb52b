"""Words of scripts that are written without spaces, as single letters and pairs of them. Pure.

Where words end only a dictionary tells, and it tells differently by what stands around: a pair that was asked for is
found in whatever was stored.
"""

import unicodedata
from collections.abc import Iterator
from itertools import pairwise

_SCRIPTS = ("Han", "Hiragana", "Katakana", "Bopomofo", "Hangul", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan", "Yi")
_RUN = "[{}\u3005\u30fc\\p{{M}}]+".format("".join(rf"\p{{Script={script}}}" for script in _SCRIPTS))
_MOST_MARKS = 8  # code points of a letter: marks can be heaped on it without end


def parts_of(text: str) -> list[str]:
    """Every letter and every pair of neighbours, in order, each once: what is stored of a text."""
    found = dict.fromkeys(part for letters in _runs(text) for part in (*letters, *_pairs(letters)))
    return list(found)


def parts_asked(text: str) -> list[str]:
    """The pairs of a query, and letters that stand alone."""
    return list(dict.fromkeys(part for letters in _runs(text) for part in (_pairs(letters) or letters)))


def _runs(text: str) -> Iterator[list[str]]:
    if text.isascii():
        return
    import regex  # takes longer than the rest of this module

    for run in regex.findall(_RUN, unicodedata.normalize("NFKC", text)):
        yield [letter[:_MOST_MARKS] for letter in regex.findall(r"\X", run)]


def _pairs(letters: list[str]) -> list[str]:
    return [one + next_one for one, next_one in pairwise(letters)]

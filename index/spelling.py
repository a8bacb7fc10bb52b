"""What a mistyped word may have meant: the nearest word that the archive's prompts and titles have. Pure."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

SHORTEST = 4  # letters; a shorter word has too many neighbours
_LONG = 8  # letters, from where on two slips are forgiven


class Vocabulary:
    """The words of some texts, by their first letters, which are rarely mistyped."""

    def __init__(self, texts: Iterable[str]) -> None:
        counts = Counter(word for text in texts for word in re.findall(r"[^\W\d_]+", text.casefold()))
        self._counts = counts
        self._starting: dict[str, list[str]] = defaultdict(list)
        for word in counts:
            if len(word) >= SHORTEST - 1:
                self._starting[word[0]].append(word)

    def nearest(self, word: str) -> str | None:
        """The word that differs by one slip, of a long one by two: the likeliest, of equals the commonest.

        A slip is a letter too many, one missing, another one, or two exchanged. None for a word that is there, and
        for one that nothing is near to.
        """
        if len(word) < SHORTEST or word in self._counts:
            return None
        most = 2 if len(word) >= _LONG else 1
        found = []
        for other in self._starting.get(word[0], ()):
            if abs(len(other) - len(word)) <= most and (slips := slips_between(word, other, most)) <= most:
                found.append((slips, -self._counts[other], other))
        return min(found)[2] if found else None


def slips_between(one: str, other: str, most: int) -> int:
    """The restricted Damerau-Levenshtein distance, or anything above `most` where it is more."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        here = [row]
        for column, wanted in enumerate(other, 1):
            cost = min(last[column] + 1, here[column - 1] + 1, last[column - 1] + (letter != wanted))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == wanted:
                cost = min(cost, before[column - 2] + 1)
            here.append(cost)
        if min(here) > most:
            return most + 1
        before, last = last, here
    return last[-1]

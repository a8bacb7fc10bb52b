"""A text as a row of cells, each with the letters that it may stand for; gaps part its words.

Words may be cut by hyphens and dots (po-rn), spelled out (p o r n) and stretched (pooorn), and a sign may be a letter
of a word or stand between two (p*rn, p*o*r*n). The row says where words may start, end and go on; `phrases.py` follows
the terms through it. It grows with the text.
"""

from bisect import bisect_right
from itertools import accumulate, groupby

from ltx_mcp.moderation.folding import fold, is_letter, readings

# Chinese, Japanese, Thai, Lao, Burmese, Khmer: scripts without spaces between words.
_UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF))
_INSIDE_PHRASES = set(" -\u2010'\u2019")  # what may stand between the words of one expression
# Limits on what a term is followed through; without them the work would grow faster than the text.
_MOST_SIGNS = 3  # in a row between two words of one term
_MOST_SIGNS_INSIDE = 2  # in a row within a word
_MOST_AGAIN = 3  # times that a letter is spelled out
_NEAR = 5  # cells from a sign to the first written letter of its word


class Row:
    """Positions are numbers of cells. `letters[i]` is empty where cell i can only be a gap."""

    def __init__(self, *texts: str) -> None:
        """A row of one text, or of several with a break between."""
        self.letters: list[str] = []
        self.as_written: list[bool] = []  # a letter, not a sign or a digit that may stand for one
        self.optional: list[bool] = []  # the second of a stretched letter
        self._gap: list[str] = []  # "" within a word, "-" where it is cut, " " where white space parts
        self._breaks: list[bool] = []
        self._unspaced: list[bool] = []
        self.text_starts: list[int] = []  # the first cell of each text
        for text in texts:
            if self.text_starts:
                self._cell("", gap=" ", breaks=True)
            self.text_starts.append(len(self.letters))
            for kind, run in groupby(fold(text), _kind):
                self._add(kind, "".join(run))
        self.size = len(self.letters)
        self._ways_on: dict[int, list[int]] = {}
        self._settle()

    def _add(self, kind: str, run: str) -> None:
        if not kind:
            is_spaced = any(char.isspace() for char in run)
            self._cell("", gap=" " if is_spaced else "-", breaks=not {*run} <= _INSIDE_PHRASES)
            return
        for at in range(min(len(run), 2)):
            self._cell(kind, gap="" if is_letter(kind) else "-", optional=len(run) > 2 and at == 1)

    def _cell(self, char: str, gap: str, breaks: bool = False, optional: bool = False) -> None:
        self.letters.append(readings(char) if char else "")
        self.as_written.append(char.isalpha())
        self.optional.append(optional)
        self._gap.append(gap)
        self._breaks.append(breaks)
        self._unspaced.append(bool(char) and any(first <= ord(char) <= last for first, last in _UNSPACED))

    def _settle(self) -> None:
        """Know where words start and end, once all cells are there."""
        self._ends = [at for at in range(self.size + 1) if self._is_end(at)]
        self.word_numbers = list(accumulate((self._is_start(at) for at in range(self.size)), initial=0))
        self.break_numbers = list(accumulate(self._breaks, initial=0))
        # Signs and digits among themselves are not letters of a word, however long they go on.
        self.near_letter = [any(self.as_written[at : at + _NEAR]) for at in range(self.size)]
        self.starts = [at for at in range(self.size) if self.letters[at] and self._is_start(at)]
        for start in self.starts:
            self._keep_number(start, self.end_of_piece(start))

    def _keep_number(self, start: int, end: int) -> None:
        """A number of two digits or more is a number, not a disguised word."""
        if end - start > 1 and all(letters[0].isdigit() for letters in self.letters[start:end]):
            self.letters[start:end] = [letters[0] for letters in self.letters[start:end]]

    def _is_start(self, at: int) -> bool:
        return at == 0 or bool(self._gap[at - 1]) or self._unspaced[at - 1] or self._unspaced[at]

    def _is_end(self, at: int) -> bool:
        return at == self.size or bool(self._gap[at]) or (at > 0 and self._unspaced[at - 1]) or self._unspaced[at]

    def is_end(self, at: int) -> bool:
        """Whether a word may end before this cell."""
        return self._is_end(at) or (self.optional[at] and self._is_end(at + 1))

    def end_of_piece(self, at: int) -> int:
        """Where the run of letters ends that holds cell `at`."""
        return self._ends[bisect_right(self._ends, at)]

    def next_words(self, at: int, most_signs: int = _MOST_SIGNS) -> list[int]:
        """Where the word after a word that ends before `at` may start."""
        found = [at] if at < self.size and self._unspaced[at] else []
        for after in range(at + 1, min(at + 1 + most_signs, self.size)):
            if not self._gap[after - 1]:
                break
            if self.letters[after]:
                found.append(after)
        return found

    def is_cut(self, at: int) -> bool:
        """Whether cell `at` may be a gap."""
        return bool(self._gap[at])

    def goes_on(self, at: int) -> list[int]:
        """Where a word may go on that is cut by the gap at `at`: white space parts single letters alone.

        A letter that is spelled out several times may be one: p-o-o-o-r-n.
        """
        if (known := self._ways_on.get(at)) is not None:
            return known
        found = self._ways_on[at] = []
        for after in self.next_words(at, _MOST_SIGNS_INSIDE):
            if " " not in self._gap[at:after] or self._is_spelled(at - 1, after):
                found.append(after)
        again = found[-1] if found else at
        while found and len(found) < _MOST_AGAIN and self._is_again(again, at - 1):
            found.append(again := again + 2)
        return found

    def _is_spelled(self, one: int, other: int) -> bool:
        """Two cells that stand alone, at least one of them a letter: figures in a row are not one number."""
        is_letter = self.as_written[one] or self.as_written[other]
        return is_letter and self._is_single(one) and self._is_single(other)

    def _is_again(self, at: int, before: int) -> bool:
        """Cell `at` stands alone between gaps, and may be the same letter as `before`."""
        if at + 2 >= self.size or self.letters[at] != self.letters[before]:
            return False
        return self.is_cut(at + 1) and bool(self.letters[at + 2])

    def _is_single(self, at: int) -> bool:
        start_is_near = at == 0 or bool(self._gap[at - 1]) or self.optional[at]
        end = at + 1 + (at + 1 < self.size and self.optional[at + 1])
        return start_is_near and (end >= self.size or bool(self._gap[end]))

    def is_unbroken(self, start: int, end: int) -> bool:
        """Only spaces, hyphens and apostrophes stand in this span."""
        return self.break_numbers[start] == self.break_numbers[end]


def _kind(char: str) -> str:
    """Characters of one kind in a row are one cell, or two if they are letters or signs."""
    return char if readings(char) else ""

"""A text as a row of cells, each with the letters that it may stand for; gaps part its words.

Words may be cut by hyphens and dots (po-rn), spelled out (p o r n) and stretched (pooorn), and a sign may be a letter
of a word or stand between two (p*rn, p*o*r*n). The row says where words may start, end and go on; `phrases.py` follows
the terms through it. It grows with the text.
"""

from bisect import bisect_right
from itertools import accumulate, groupby

from ltx_mcp.moderation.folding import SIGNS, fold, readings

# Chinese, Japanese, Thai, Lao, Burmese, Khmer: scripts without spaces between words.
_UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF))
_INSIDE_PHRASES = set(" -\u2010'\u2019")  # what may stand between the words of one expression
_MOST_SIGNS = 4  # in a row between two words of one term
_MOST_SIGNS_INSIDE = 2  # in a row within a word


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
            self.text_starts.append(len(self))
            for kind, run in groupby(fold(text), _kind):
                self._add(kind, "".join(run))
        self._settle()

    def __len__(self) -> int:
        return len(self.letters)

    def _add(self, kind: str, run: str) -> None:
        if not kind:
            self._cell("", gap=" " if any(char.isspace() for char in run) else "-", breaks=not _INSIDE_PHRASES >= {*run})
            return
        for at in range(min(len(run), 2)):
            self._cell(kind, gap="" if kind.isalnum() or kind not in SIGNS else "-", optional=len(run) > 2 and at == 1)

    def _cell(self, char: str, gap: str, breaks: bool = False, optional: bool = False) -> None:
        self.letters.append(readings(char) if char else "")
        self.as_written.append(char.isalpha())
        self.optional.append(optional)
        self._gap.append(gap)
        self._breaks.append(breaks)
        self._unspaced.append(bool(char) and any(first <= ord(char) <= last for first, last in _UNSPACED))

    def _settle(self) -> None:
        """Know the ends of words, once all cells are there. Numbers are not disguised words: their digits are digits."""
        self._ends = [at for at in range(len(self) + 1) if self._is_end(at)]
        self.word_numbers = list(accumulate((self._is_start(at) for at in range(len(self))), initial=0))
        self.break_numbers = list(accumulate(self._breaks, initial=0))
        self.starts = [at for at in range(len(self)) if self.letters[at] and self._is_start(at) and self._is_near_letter(at)]
        for start in self.starts:
            end = self.end_of_piece(start)
            if end - start > 1 and not any(self.as_written[start:end]) and all(
                self.letters[at][0].isdigit() for at in range(start, end)
            ):
                self.letters[start:end] = [each[0] for each in self.letters[start:end]]

    def _is_near_letter(self, at: int) -> bool:
        """Or is a digit: signs among themselves are not a word."""
        return not self._gap[at] or any(self.as_written[at : at + _MOST_SIGNS])

    def _is_start(self, at: int) -> bool:
        return at == 0 or bool(self._gap[at - 1]) or self._unspaced[at - 1] or self._unspaced[at]

    def _is_end(self, at: int) -> bool:
        return at == len(self) or bool(self._gap[at]) or (at > 0 and self._unspaced[at - 1]) or self._unspaced[at]

    def is_end(self, at: int) -> bool:
        """Whether a word may end before this cell."""
        return self._is_end(at) or (self.optional[at] and self._is_end(at + 1))

    def end_of_piece(self, at: int) -> int:
        """Where the run of letters ends that holds cell `at`."""
        return self._ends[bisect_right(self._ends, at)]

    def next_words(self, at: int, most_signs: int = _MOST_SIGNS) -> list[int]:
        """Where the word after a word that ends before `at` may start."""
        found = []
        if at < len(self) and self._unspaced[at]:
            found.append(at)
        for _ in range(most_signs):
            if at >= len(self) or not self._gap[at]:
                break
            at += 1
            if at < len(self) and self.letters[at]:
                found.append(at)
        return found

    def goes_on(self, at: int) -> list[int]:
        """Where a word may go on that is cut by the gap at `at`: white space parts single letters alone."""
        if not self._gap[at]:
            return []
        return [
            after
            for after in self.next_words(at, _MOST_SIGNS_INSIDE)
            if " " not in self._gap[at:after] or (self._is_single(at - 1) and self._is_single(after))
        ]

    def _is_single(self, at: int) -> bool:
        start_is_near = at == 0 or bool(self._gap[at - 1]) or self.optional[at]
        end = at + 1 + (at + 1 < len(self) and self.optional[at + 1])
        return start_is_near and (end >= len(self) or bool(self._gap[end]))

    def is_unbroken(self, start: int, end: int) -> bool:
        """Only spaces, hyphens and apostrophes stand in this span."""
        return self.break_numbers[start] == self.break_numbers[end]


def _kind(char: str) -> str:
    """Characters of one kind in a row are one cell, or two if they are letters or signs."""
    return char if readings(char) else ""

"""How large a text can be set so that its lines stay inside a box; libass then breaks the lines itself.

Widths are estimates on the wide side: exact for Latin, Greek and Cyrillic, an upper average for the rest.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from ltx_mcp.typeset.fonts import FONTS
from ltx_mcp.typeset.plain_text import CJK, HANGUL, WORD_JOINER

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

LINE_EM = 1.519  # height of a line of our fonts, which is also what libass calls the font size
_BREAK = "\u200b"  # zero width space: a line may break here
_STEP = 0.95  # from one size to the next smaller one
_SLACK = 1.04  # kerning and outlines are not counted
_SMALLEST_PX = 4.0
_ATOMS = re.compile(rf"(?![{HANGUL}])[{CJK}]|(?:(?![{CJK}])\S|[{HANGUL}])+|\s+")  # what a line does not break
_HANGUL = re.compile(f"([{HANGUL}])(?=[{HANGUL}])")
_MEASURED_PX = 200


@dataclass(frozen=True)
class Box:
    """Where a text may stand, in pixels; `floor_px` is the em below which it only shrinks to stay in `max_height`."""

    width: float
    height: float
    max_height: float
    ideal_px: float
    floor_px: float


def fit(text: str, box: Box) -> tuple[float, str]:
    """The em in pixels, and the text with places to break in words that are wider than a line.

    Line ends that would push it out of the box even at the smallest legible size become spaces.
    """
    if height_of(text, box.width, box.floor_px) > box.max_height:
        text = text.replace("\n", " ")
    em = box.ideal_px
    while em > _SMALLEST_PX and height_of(text, box.width, em) > (box.height if em > box.floor_px else box.max_height):
        em *= _STEP
    return em, "\n".join(_breakable(line, box.width / em / _SLACK) for line in text.split("\n"))


def height_of(text: str, width: float, em: float) -> float:
    """Pixels that its lines take at this em, in a box of this width."""
    return LINE_EM * em * sum(_lines(line, width / em / _SLACK) for line in text.split("\n"))


def width_of(text: str, width: float, em: float) -> float:
    """Pixels across its widest line at this em, in a box of this width."""
    return min(width, max(sum(map(_width, _ATOMS.findall(line))) for line in text.split("\n")) * em * _SLACK)


def _lines(line: str, room: float) -> int:
    """How many lines a line takes, `room` em wide; a word that is wider goes on in the next."""
    lines, used = 1, 0.0
    for atom in _ATOMS.findall(line):
        width = _width(atom)
        if used + width > room and used and not atom.isspace():
            lines, used = lines + 1, 0.0
        used += width
        while used > room and not atom.isspace():
            lines, used = lines + 1, used - room * 0.9
    return lines


def _breakable(line: str, room: float) -> str:
    return "".join(_kept(atom) if _width(atom) <= room else _broken(atom, room) for atom in _ATOMS.findall(line))


def _kept(word: str) -> str:
    """Korean has word spaces, but by Unicode's rules a line may break within a word."""
    return _HANGUL.sub(rf"\1{WORD_JOINER}", word)


def _broken(word: str, room: float) -> str:
    pieces, width = [""], 0.0
    for letter in word:
        width += _advance(letter)
        if width > room and not unicodedata.combining(letter):
            pieces.append("")
            width = _advance(letter)
        pieces[-1] += letter
    return _BREAK.join(pieces)


@lru_cache(maxsize=4096)
def _width(atom: str) -> float:
    return sum(map(_advance, atom))


@cache
def _advance(letter: str) -> float:
    """In em."""
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0.0
    if ord(letter) < 0x530 or 0x1E00 <= ord(letter) < 0x2300:
        return _latin().getlength(letter) / _MEASURED_PX
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.3 if unicodedata.category(letter) == "So" else 1.0
    return 0.75


@cache
def _latin() -> "FreeTypeFont":
    from PIL import ImageFont

    return ImageFont.truetype(FONTS / "latin.ttf", _MEASURED_PX)

"""Undoing disguises, letter by letter: one plain form for text, and what each of its characters may stand for.

`fold` is applied to prompts and to policy terms alike, so a term in any script still meets itself. A character that
reads in several ways, such as the Greek capital that looks like N and is the capital of what looks like v, is left as
it is: `readings` tells all that it may be.
"""

# ruff: noqa: RUF001  (lookalike letters are the subject)

import unicodedata
from functools import cache
from importlib.resources import files

# What Unicode's table does not know as a lookalike, because a font tells it apart where a reader does not.
_ALIKE = {
    "a": "ᴀ", "b": "вβʙ", "c": "ᴄ", "d": "đðᴅ", "e": "εәɛᴇ", "f": "ꜰ", "g": "ɢ", "h": "нħʜ", "j": "ᴊ", "k": "кκᴋ",
    "l": "ӏłʟ", "m": "мμᴍ", "n": "пηɴ", "o": "øᴏ", "p": "ᴘ", "q": "գ", "r": "гʀ", "s": "ꜱ", "t": "тτŧᴛ", "u": "ᴜ",
    "v": "ᴠ", "w": "ᴡ", "x": "хχ", "z": "ᴢ",
}  # fmt: skip
# What NFKC keeps: ligatures; squared, circled and flag letters A-Z.
_KEPT = {"æ": "ae", "œ": "oe", "Æ": "ae", "Œ": "oe"} | {
    chr(start + n): chr(ord("a") + n) for start in (0x1F130, 0x1F150, 0x1F170, 0x1F1E6) for n in range(26)
}
# Accents, enclosing marks, invisible format characters; the fillers are invisible too, but letters by category.
_DROPPED = {"Mn", "Me", "Cf"}
_FILLERS = "\u115f\u1160\u3164\uffa0"
_LONGEST = 6  # characters of a compatibility form; the two that are longer are whole Arabic phrases

_SIGNS = {
    "0": "o", "1": "il", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g",
    "@": "a", "$": "s", "€": "e", "£": "l", "¢": "c", "+": "t", "!": "il", "|": "il", "*": "aeiou", "#": "aeiou",
}  # fmt: skip


def fold(text: str) -> str:
    """Compatibility forms, case, accents, invisible characters and lookalike letters folded away. Linear."""
    # Marks go first: the normal form sorts a long run of them in quadratic time.
    return unicodedata.normalize("NFC", text.translate(_WITHOUT_MARKS)).translate(_FOLDED)


@cache
def readings(char: str) -> str:
    """The letters that a folded character may stand for, its plain form first. Empty for what is between words."""
    if char in _SIGNS:
        return (char if char.isalnum() else "") + _SIGNS[char]
    if char.isascii():
        return char.casefold() + ("l" if char == "I" else "") if char.isalnum() else ""
    alike = _looks_like().get(char, "")
    alike += "i" if "l" in alike else ""  # what looks like l looks like I
    return "".join(dict.fromkeys(_plain_readings(char) + alike))


def is_letter(char: str) -> bool:
    """A letter or a digit; what else may stand for one may also stand between two words. Indic vowels are letters."""
    return char.isalnum() or unicodedata.category(char) == "Mc"


def _plain_readings(char: str) -> str:
    if not is_letter(char):
        return ""
    digit = unicodedata.decimal(char, None)
    if digit is not None:
        return readings(str(digit))
    plain = _plain(char)
    return "" if len(plain) > 1 else _looks_like().get(plain, plain)


def _plain(char: str) -> str:
    """Its compatibility form in lower case without accents, of any length."""
    compatible = _KEPT.get(char) or unicodedata.normalize("NFKC", char)
    if len(compatible) > _LONGEST:
        return " "
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKD", compatible.casefold()).translate(_WITHOUT_MARKS))


@cache
def _looks_like() -> dict[str, str]:
    """{character: the small letters that it looks like}."""
    table: dict[str, str] = {}
    for line in (files("ltx_mcp.moderation") / "confusables.txt").read_text("utf-8").split("\n"):
        if line and not line.startswith("# "):
            table.update(dict.fromkeys(line[2:], line[0].lower()))
    for letter, alike in _ALIKE.items():
        for char in alike:
            table[char] = "".join(dict.fromkeys(table.get(char, "") + letter))
    return table


class _WithoutMarks(dict[int, str | int]):
    def __missing__(self, code: int) -> str | int:
        char = chr(code)
        dropped = unicodedata.category(char) in _DROPPED or char in _FILLERS
        self[code] = "" if dropped else code
        return self[code]


class _Folded(dict[int, str]):
    """{code point: what it folds to}, filled as text needs it."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        meant, plain = readings(char), _plain(char)
        if len(meant) == 1 and is_letter(char):
            self[code] = meant
        elif meant or plain == char:
            self[code] = char
        else:
            self[code] = "".join(each if each.isascii() else self[ord(each)] for each in plain)
        return self[code]


_WITHOUT_MARKS = _WithoutMarks()
_FOLDED = _Folded()

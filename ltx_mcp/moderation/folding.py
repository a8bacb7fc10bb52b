"""Undoing disguises: one plain form for text, and the words that a disguised word may stand for.

`fold` maps characters and is applied to prompts and to policy terms alike, so a term in any script still
meets itself. `spellings` guesses, and is applied to prompts only.
"""

# ruff: noqa: RUF001  (lookalike letters are the subject)

import re
import unicodedata
from itertools import product

# Letters of other alphabets, and Latin ones that NFKC keeps, that look like these basic ones.
_LOOKALIKES = {
    "a": "аαɑᴀ", "b": "вβʙ", "c": "сᴄ", "d": "ԁđðᴅ", "e": "еεәɛᴇ", "f": "ƒꜰ", "g": "ɡɢ", "h": "һнħʜ",
    "i": "іιıɩɪ", "j": "јᴊ", "k": "кκᴋ", "l": "ӏłʟ", "m": "мμᴍ", "n": "пηոɴ", "o": "оοσօøᴏ", "p": "рρᴘ",
    "q": "ԛգ", "r": "гʀ", "s": "ѕꜱ", "t": "тτŧᴛ", "u": "υսᴜ", "v": "ѵνᴠ", "w": "ԝωᴡ", "x": "хχ", "y": "уγʏ",
    "z": "ᴢ", "ae": "æ", "oe": "œ",
}  # fmt: skip
_ENCLOSED = (0x1F130, 0x1F150, 0x1F170, 0x1F1E6)  # squared, circled and flag letters A-Z that NFKC keeps
_TO_PLAIN = str.maketrans(
    {alike: plain for plain, alikes in _LOOKALIKES.items() for alike in alikes}
    | {chr(start + n): chr(ord("a") + n) for start in _ENCLOSED for n in range(26)}
)
# Accents, enclosing marks, invisible format characters; the fillers are invisible too, but letters by category.
_DROPPED = {"Mn", "Me", "Cf"}
_FILLERS = "\u115f\u1160\u3164\uffa0"

_LEET = {"0": "o", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g"}
_LEET |= {"@": "a", "$": "s", "€": "e", "£": "l", "¢": "c", "+": "t"}
_AS_I = str.maketrans(_LEET | {"1": "i", "!": "i", "|": "i"})
_AS_L = str.maketrans(_LEET | {"1": "l", "!": "l", "|": "l"})
SYMBOLS = "@$€£¢+!|*#"  # may stand for a letter inside a word; * and # for any vowel
_CENSORED = re.compile(r"[*#]")

_STRETCHED = re.compile(r"(.)\1{2,}")
_MAX_STRETCHES = 4  # each may be one letter or two: at most 16 spellings


def fold(text: str) -> str:
    """Compatibility forms, case, accents, invisible characters and lookalike letters folded away. Linear."""
    # Marks go first: the normal forms sort a long run of them in quadratic time.
    plain = unicodedata.normalize("NFKC", _without_marks(text)).casefold()
    decomposed = unicodedata.normalize("NFKD", plain)
    return unicodedata.normalize("NFC", _without_marks(decomposed).translate(_TO_PLAIN))


def _without_marks(text: str) -> str:
    return "".join(char for char in text if unicodedata.category(char) not in _DROPPED and char not in _FILLERS)


def spellings(word: str) -> set[str]:
    """The folded word itself and what it may stand for: p0rn, p*rn, pooorn."""
    if word.isdigit():
        return {word}
    readings = {word}
    if not word.isalpha() and any(char.isalpha() for char in word):
        readings |= {reading.translate(table) for reading in _uncensored(word) for table in (_AS_I, _AS_L)}
    return readings.union(*(_unstretched(reading) for reading in readings))


def _uncensored(word: str) -> list[str]:
    if len(_CENSORED.findall(word)) != 1:
        return [word]
    return [_CENSORED.sub(vowel, word) for vowel in "aeiou"]


def _unstretched(word: str) -> set[str]:
    stretches = _STRETCHED.findall(word)
    if not stretches:
        return {word}
    if len(stretches) > _MAX_STRETCHES:
        return {_STRETCHED.sub(r"\1", word)}
    return {_shortened(word, lengths) for lengths in product((1, 2), repeat=len(stretches))}


def _shortened(word: str, lengths: tuple[int, ...]) -> str:
    remaining = iter(lengths)
    return _STRETCHED.sub(lambda stretch: stretch[1] * next(remaining), word)

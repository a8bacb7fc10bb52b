"""Text of people and files, made fit to be shown: on a terminal, to an agent, in the name of a folder. Pure.

Titles and prompts come from agents, file names and other machines. What moves a cursor, turns the direction of writing
or cannot be seen has no place in an answer: it is what such text is forged with.
"""

import re
import unicodedata
from typing import Any

_JOINERS = "\u200c\u200d"  # join letters of Persian and Indic scripts, and parts of emoji; harmless
_SELECTORS = range(0xE0000, 0xE1000)  # tags and variation selectors that show nothing and can carry a message
_SYLLABLES = re.compile("[\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")  # Han and Hangul
_FULL_STOPS = "\u3002\uff61\uff01\uff1f\u0964\u104b\u17d4"  # of Chinese and Japanese, Hindi, Burmese, Khmer
_CODE_POINTS = 16  # of one letter, at most: marks can be heaped on it without end


def harmless(text: str) -> str:
    """The same without control, escape, bidi and other invisible characters. Line breaks and tabs stay."""
    if text.isprintable():
        return text
    return "".join(letter for letter in text if letter in "\n\t" or _is_seen(letter))


def _is_seen(letter: str) -> bool:
    if ord(letter) in _SELECTORS:
        return False
    return letter in _JOINERS or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def harmless_data(value: Any) -> Any:
    """Every text of a JSON value."""
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, dict):
        return {name: harmless_data(each) for name, each in value.items()}
    return [harmless_data(each) for each in value] if isinstance(value, list | tuple) else value


def cut(text: str, most: int) -> str:
    """One harmless line of at most `most` letters, as people count them: none is cut in two.

    A text that was cut ends with an ellipsis, after a whole word where one ends in its last half.
    """
    import regex  # takes longer than the rest of this module

    line = " ".join(harmless(text[: _CODE_POINTS * most]).split())
    letters = regex.findall(r"\X", line)
    if len(letters) <= most and len(text) <= _CODE_POINTS * most:
        return line
    kept = "".join(letters[: most - 1])
    word_ends = letters[most - 1 : most] == [" "] or (end := kept.rfind(" ")) < len(kept) // 2
    return f"{(kept if word_ends else kept[:end]).rstrip(' ,;:')}…"


def title_of(prompt: str, most: int = 80) -> str:
    """The prompt's first sentence, in whatever script."""
    return cut(re.split(rf"\.\s|[{_FULL_STOPS}]", prompt.strip(), maxsplit=1)[0], most)


def latin(text: str) -> str:
    """The words of a text in ASCII: other scripts are transliterated, signs and emoji left out. One line."""
    line = " ".join(text.split())
    if line.isascii():
        return line
    from anyascii import anyascii

    spaced = _SYLLABLES.sub(r" \g<0> ", unicodedata.normalize("NFC", line))
    seen = "".join(letter for letter in spaced if letter.isascii() or unicodedata.category(letter)[0] in "LMNP")
    return " ".join(anyascii(seen).split())

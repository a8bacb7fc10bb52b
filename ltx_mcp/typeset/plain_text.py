"""Turns text into what libass shows as it is: nothing in it acts, and every script reads in its own direction."""

import re
import unicodedata

# Chinese, Japanese and Korean: radicals to CJK punctuation, kana to Han, Hangul, compatibility and wide forms, the
# planes of rarer Han. No word spaces in most of it, and no glyphs in our own fonts.
HANGUL = "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"
CJK = "\u1100-\u11ff\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff"

_LINE_ENDS = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufeff]")
# Skin tones, tags, variation selectors and keycap frames: the emoji before them is what our font can show.
_MODIFIERS = re.compile("[\U0001f3fb-\U0001f3ff\U000e0000-\U000e01ef\ufe00-\ufe0f\u20e3]")
_EMOJI_JOINER = re.compile("(?<=[\u2190-\u2bff\U0001f000-\U0001faff])\u200d")
WORD_JOINER = "\u2060"  # shows nothing, allows no line break
_LRM, _RLM = "\u200e", "\u200f"
_BRACKETS = {"(": ")", "[": "]", "{": "}"}


def cleaned(text: str) -> str:
    """The text with plain line ends and spaces, and without what no font shows: controls, emoji modifiers."""
    text = unicodedata.normalize("NFC", _LINE_ENDS.sub("\n", text)).replace("\t", " ")
    text = _EMOJI_JOINER.sub("", _MODIFIERS.sub("", _CONTROLS.sub("", text)))
    return "\n".join(line.strip() for line in text.strip().split("\n"))


def escaped(text: str) -> str:
    """Cleaned text as the text field of an ASS event: braces and backslashes are shown, a line end is a new line."""
    # libass reads \\N, \\n, \\h and \\{ after a backslash; after a joiner they are letters.
    text = text.replace("\\", f"\\{WORD_JOINER}").replace("{", r"\{").replace("}", r"\}")
    return text.replace("\n", r"\N")


def is_right_to_left(text: str) -> bool:
    """Whether the first letter with a direction is Arabic, Hebrew or of another script written from the right."""
    return next((way for way in map(_direction, text) if way), "L") == "R"


def with_bracket_marks(text: str) -> str:
    """The text with direction marks around brackets that would turn away from what they enclose.

    libass orders runs without the rule for paired brackets (N0 of the Unicode bidirectional algorithm), so that in
    mixed text a bracket between two directions would go to the wrong side.
    """
    return "\n".join(map(_marked, text.split("\n")))


def _marked(line: str) -> str:
    ways = [_direction(letter) for letter in line]
    if "R" not in ways:
        return line
    base = "R" if is_right_to_left(line) else "L"
    marks = dict.fromkeys((place for pair in _pairs(line) for place in pair), "")
    for start, end in _pairs(line):
        way = _bracket_way(ways, start, end, base)
        marks[start] = marks[end] = {"L": _LRM, "R": _RLM, "": ""}[way]
    return "".join(f"{marks[at]}{letter}{marks[at]}" if at in marks else letter for at, letter in enumerate(line))


def _bracket_way(ways: list[str], start: int, end: int, base: str) -> str:
    """Rule N0: the line's direction if it occurs inside; else that of what is inside, if it also comes before."""
    inside = {way for way in ways[start + 1 : end] if way}
    if not inside or base in inside:
        return base if inside else ""
    before = next((way for way in reversed(ways[:start]) if way), base)
    return before if before in inside else base


def _pairs(line: str) -> list[tuple[int, int]]:
    """The places of brackets that belong together."""
    pairs, opened = [], list[int]()
    for at, letter in enumerate(line):
        if letter in _BRACKETS:
            opened.append(at)
        elif opened and letter == _BRACKETS[line[opened[-1]]]:
            pairs.append((opened.pop(), at))
    return pairs


def _direction(letter: str) -> str:
    """L or R for a letter with a direction, else nothing."""
    return {"L": "L", "R": "R", "AL": "R"}.get(unicodedata.bidirectional(letter), "")

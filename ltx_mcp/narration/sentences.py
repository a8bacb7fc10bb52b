"""Text made ready to be spoken: what has no sound is dropped, and the rest falls into pieces of bounded length."""

import re
import unicodedata

MAX_PIECE = 240  # characters: some 15 s of speech. A model's memory grows with the square of what it is given at once
_CLAUSE_END = re.compile(r"(?<=[,;:\u2013\u2014])\s+")
_KEPT_SYMBOLS = frozenset("°©®™")  # the ones with a name that is said
_SILENT = ("C", "So", "Sk", "Me")  # controls, format characters and unassigned ones; emoji; skin tones; enclosing marks
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)


def speakable(text: str) -> str:
    """The text without what has no sound, and without markup that would make a word sound like another."""
    kept = "".join(" " if character.isspace() and character != "\n" else character for character in text)
    kept = "".join(character for character in kept if _has_sound(character))
    # Phonemizers in misaki's line read [word](/phonemes/) as an instruction: what is heard must be what is written.
    return unicodedata.normalize("NFC", kept).replace("](", "] (")


def sentences(text: str) -> list[tuple[str, bool]]:
    """Pieces of at most `MAX_PIECE` characters, and whether each ends its sentence."""
    from hibari import Hibari

    pieces: list[tuple[str, bool]] = []
    for sentence in Hibari.split_sentences(speakable(text)):
        parts = [part for part in _parts(" ".join(sentence.split())) if any(map(str.isalnum, part))]
        pieces += [(part, part is parts[-1]) for part in parts]
    return pieces


def _parts(sentence: str) -> list[str]:
    """Joined from clauses, then from words; a word that is too long is cut."""
    if len(sentence) <= MAX_PIECE:
        return [sentence]
    clauses = _joined(_CLAUSE_END.split(sentence))
    words = [_joined(clause.split()) if len(clause) > MAX_PIECE else [clause] for clause in clauses]
    return [
        piece[start : start + MAX_PIECE]
        for clause in words
        for piece in clause
        for start in range(0, len(piece), MAX_PIECE)
    ]


def _joined(parts: list[str]) -> list[str]:
    """Neighbours put together as long as they fit into one piece."""
    joined: list[str] = []
    for part in parts:
        if joined and len(joined[-1]) + 1 + len(part) <= MAX_PIECE:
            joined[-1] += f" {part}"
        else:
            joined.append(part)
    return joined


def _has_sound(character: str) -> bool:
    if character == "\n" or character in _KEPT_SYMBOLS or character.isascii():
        return character == "\n" or character.isprintable()
    if ord(character) in _VARIATION_SELECTORS:
        return False
    return not unicodedata.category(character).startswith(_SILENT)

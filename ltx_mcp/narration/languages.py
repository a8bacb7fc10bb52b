"""The language of a text: from its script where that tells, else by py3langid among languages in Latin script.

py3langid (BSD-3-Clause) brings its model in its wheel. Short texts are hard: in doubt a text in Latin script is
English, and `language` says otherwise.
"""

import math
import re
import unicodedata
from dataclasses import dataclass

_SURE = 0.6
"""Of a language's probability. Measured on fragments of English prose: of two words 1 % are taken for another language,
of four or more none of 1,600; of 30 short sentences in eleven languages all but one are told."""
_MIN_WORDS = 2  # a single word may be any name
_WORD = re.compile(r"[^\W\d_]+")

_LATIN_LETTERS = {"LATIN", "MODIFIER", "FEMININE", "MASCULINE"}  # the last two are ordinal indicators
_LATIN = {
    "en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "pt": "Portuguese",
    "nl": "Dutch", "sv": "Swedish", "da": "Danish", "no": "Norwegian", "fi": "Finnish", "pl": "Polish", "cs": "Czech",
    "hu": "Hungarian", "ro": "Romanian", "tr": "Turkish", "id": "Indonesian", "vi": "Vietnamese",
}  # fmt: skip
_SCRIPTS = {  # the first word of a letter's Unicode name: the language that is mostly written in it
    "HIRAGANA": ("ja", "Japanese"), "KATAKANA": ("ja", "Japanese"), "KATAKANA-HIRAGANA": ("ja", "Japanese"),
    "CJK": ("zh", "Chinese"), "HANGUL": ("ko", "Korean"), "DEVANAGARI": ("hi", "Hindi"), "THAI": ("th", "Thai"),
    "HEBREW": ("he", "Hebrew"), "ARABIC": ("ar", "Arabic"), "GREEK": ("el", "Greek"), "CYRILLIC": ("ru", "Russian"),
}  # fmt: skip


@dataclass(frozen=True)
class Language:
    """`code` is an ISO 639-1 code, or "und" for a script that no language here is written in."""

    code: str
    name: str


ENGLISH = Language("en", "English")


def language_of(text: str, hint: str | None = None) -> Language:
    """The language of a text with letters; English for one without. `hint`, a BCP 47 tag, decides for Latin script."""
    words = _WORD.findall(unicodedata.normalize("NFKC", text))
    foreign = [script for word in words for script in _foreign_scripts(word)]
    if foreign:
        kana = next((script for script in foreign if "KATAKANA" in script or script == "HIRAGANA"), None)
        return _written_in(kana or foreign[0])
    if hint is not None:
        code = hint.replace("_", "-").split("-")[0].lower()
        return Language(code, _LATIN.get(code, f"in the language {hint!r}"))
    return _latin(text) if len(words) >= _MIN_WORDS else ENGLISH


def _foreign_scripts(word: str) -> list[str]:
    """The scripts of its letters that are not Latin. Greek letters are symbols where they stand alone or in pairs."""
    scripts = [unicodedata.name(letter, "UNKNOWN").split()[0] for letter in word]
    latin = {*_LATIN_LETTERS, "GREEK"} if len(word) <= 2 else _LATIN_LETTERS
    return [script for script in scripts if script not in latin]


def _written_in(script: str) -> Language:
    code, name = _SCRIPTS.get(script, ("und", f"in {script.title()} script"))
    return Language(code, name)


def _latin(text: str) -> Language:
    import py3langid

    ranked = [(code, float(score)) for code, score in py3langid.rank(text) if code in _LATIN]
    best, highest = ranked[0]
    # Log-likelihoods grow with the length; over its square root they give probabilities that can be compared
    # (py3langid 0.4, langid.py: the temperature of norm_probs).
    temperature = math.sqrt(len(text.encode()))
    probability = 1 / sum(math.exp((score - highest) / temperature) for _, score in ranked)
    return Language(best, _LATIN[best]) if probability > _SURE else ENGLISH

"""Which voice speaks a text. One that does not know the language is refused: its phonemes would be noise."""

from collections.abc import Sequence

from ltx_mcp.errors import BadInput
from ltx_mcp.narration.base import MAX_CHARACTERS, Voice
from ltx_mcp.narration.languages import language_of
from ltx_mcp.narration.sentences import speakable


def choose_voice(
    voices: Sequence[Voice], text: str, name: str | None = None, language: str | None = None, hint: str = ""
) -> Voice:
    """As `Narrator.voice_for` says. `hint` is how to get more voices. Raises BadInput."""
    _check(text)
    found = language_of(text, language)
    speaking = [voice for voice in voices if voice.language.split("-")[0] == found.code]
    if name is None:
        if not speaking:
            raise BadInput(f"The text is {found.name} and no installed voice speaks it.", _remedy(voices, hint))
        return speaking[0]
    chosen = next((voice for voice in voices if voice.name == name), None)
    if chosen is None:
        raise BadInput(f"There is no voice {name!r}.", f"The voices are {_listed(voices)}.")
    if chosen not in speaking:
        others = f"Voices that do: {_listed(speaking)}." if speaking else _remedy(voices, hint)
        raise BadInput(f"The text is {found.name}, which the voice {name} ({chosen.language}) does not speak.", others)
    return chosen


def _check(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise BadInput(
            f"A narration has {len(text):,} characters; the most is {MAX_CHARACTERS:,}.", "Give it in several parts."
        )
    if not any(character.isalnum() for character in speakable(text)):
        raise BadInput("A narration holds nothing that can be said.", "Write words.")


def _remedy(voices: Sequence[Voice], hint: str) -> str:
    spoken = ", ".join(dict.fromkeys(voice.language for voice in voices))
    return f"Write it in a language that one does ({spoken}), or give an audio file instead. {hint}".strip()


def _listed(voices: Sequence[Voice]) -> str:
    return ", ".join(f"{voice.name} ({voice.language})" for voice in voices)

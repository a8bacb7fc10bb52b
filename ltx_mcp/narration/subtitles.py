"""Subtitles of speech: one cue for each sentence at the time it is spoken, long sentences in several."""

import math

from ltx_mcp.narration.base import Sentence, Speech
from ltx_mcp.types.film import TimedText

MAX_CUE = 84  # characters: two lines of 42, as subtitles of films are set


def subtitle_cues(speech: Speech, at_s: float = 0.0) -> tuple[TimedText, ...]:
    """The cues of a speech that begins at `at_s` seconds of the film.

    Times of whole sentences are exact. Within a long one, time is shared among its cues by their characters.
    """
    return tuple(cue for sentence in speech.sentences for cue in _cues(sentence, at_s))


def _cues(sentence: Sentence, at_s: float) -> list[TimedText]:
    texts = _divided(sentence.text)
    second_per_character = (sentence.end_s - sentence.start_s) / sum(map(len, texts))
    cues, start_s = [], at_s + sentence.start_s
    for text in texts:
        end_s = start_s + len(text) * second_per_character
        cues.append(TimedText(text=text, start_s=start_s, end_s=end_s, style="subtitle"))
        start_s = end_s
    return cues


def _divided(text: str) -> list[str]:
    """Between words, into the fewest parts that fit, of about the same length."""
    count = math.ceil(len(text) / MAX_CUE)
    aim = len(text) / count
    parts: list[str] = []
    for word in text.split():
        enough = bool(parts) and len(parts[-1]) + len(word) / 2 >= aim and len(parts) < count
        if not parts or enough or len(parts[-1]) + 1 + len(word) > MAX_CUE:
            parts.append(word)
        else:
            parts[-1] += f" {word}"
    return parts

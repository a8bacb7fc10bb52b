"""Which of the lines that a model wrote were said. Pure.

Whisper was trained to write something: where nobody speaks it may name the sound, thank for watching, or repeat itself.
"""

import re
import zlib
from collections.abc import Sequence

from ltx_mcp.types.film import TimedText

MOST_PACKED = 2.4  # times that a text may be packed: Whisper's own line (openai/whisper, transcribe.py)
_LONG_ENOUGH = 64  # bytes: shorter texts do not pack
MOST_REPEATS = 2  # of one line in a row: people repeat themselves, but not like that
_SOUND = re.compile(r"[\[(*♪][^\])*♪]*[\])*♪]")  # [Music], (applause), ♪ la la ♪


def spoken(written: Sequence[TimedText], length_s: float) -> tuple[TimedText, ...]:
    """Lines of a window of this length, in order, each with words, with a beginning before its end, and inside it."""
    kept: list[TimedText] = []
    repeats, since_s = 0, 0.0
    for line in written:
        start_s, end_s = max(since_s, line.start_s), min(length_s, line.end_s)
        text = " ".join(_SOUND.sub(" ", line.text).split())
        repeats = repeats + 1 if kept and text == kept[-1].text else 0
        if end_s <= start_s or not _has_words(text) or _loops(text) or repeats >= MOST_REPEATS:
            continue
        kept.append(TimedText(text=text, start_s=start_s, end_s=end_s))
        since_s = end_s
    return tuple(kept)


def _has_words(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _loops(text: str) -> bool:
    raw = text.encode()
    return len(raw) >= _LONG_ENOUGH and len(raw) / len(zlib.compress(raw)) > MOST_PACKED

"""What is said in a clip, kept beside its sidecar: lines with their times, as JSON."""

import json
from collections.abc import Sequence

from ltx_mcp.types.clips import Clip
from ltx_mcp.types.film import TimedText

SPEECH = "speech.json"


def speech_text(lines: Sequence[TimedText]) -> str:
    """The file's text: a list of [start_s, end_s, text]."""
    return json.dumps([[line.start_s, line.end_s, line.text] for line in lines], ensure_ascii=False)


def read_speech(clip: Clip) -> tuple[TimedText, ...]:
    """In order of time; nothing for a clip in which nothing is known to be said, or whose file is damaged."""
    try:
        stored = json.loads(clip.sheet_path.with_name(SPEECH).read_text(encoding="utf-8"))
        return tuple(TimedText(text=text, start_s=start_s, end_s=end_s) for start_s, end_s, text in stored)
    except (OSError, ValueError, TypeError):
        return ()

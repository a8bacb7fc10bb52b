"""What is said in a clip, kept beside its sidecar as JSON: what is known of it, or else what a model heard in it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ltx_mcp.types.clips import Clip
from ltx_mcp.types.film import TimedText

SPEECH = "speech.json"
HEARD = "heard.json"


@dataclass(frozen=True)
class HeardSpeech:
    """The lines that a model heard before `until_s`. `is_whole`: to the clip's end, and the index knows them."""

    model: str
    until_s: float = 0.0
    is_whole: bool = False
    lines: tuple[TimedText, ...] = ()

    def further(self, until_s: float, lines: Sequence[TimedText]) -> "HeardSpeech":
        return replace(self, until_s=until_s, lines=(*self.lines, *lines))


def speech_text(lines: Sequence[TimedText]) -> str:
    """The text of SPEECH: a list of [start_s, end_s, text]."""
    return json.dumps(_stored(lines), ensure_ascii=False)


def read_speech(clip: Clip) -> tuple[TimedText, ...]:
    """In order of time; nothing for a clip in which nothing is known to be said, or whose file is damaged."""
    if not is_known(clip):
        heard = read_heard(clip)
        return () if heard is None else heard.lines
    try:
        return _lines(json.loads(_beside(clip, SPEECH).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return ()


def is_known(clip: Clip) -> bool:
    """Whether it came with its words: narration, or subtitles."""
    return _beside(clip, SPEECH).is_file()


def read_heard(clip: Clip) -> HeardSpeech | None:
    """None for a clip that no model has begun to transcribe, or whose file is damaged."""
    try:
        stored = json.loads(_beside(clip, HEARD).read_text(encoding="utf-8"))
        model, until_s, is_whole = str(stored["model"]), float(stored["until_s"]), stored["is_whole"] is True
        return HeardSpeech(model, until_s, is_whole, _lines(stored["lines"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_heard(clip: Clip, heard: HeardSpeech) -> None:
    """At once, so that another process reads the one or the other. Raises OSError, also for a clip that is gone."""
    stored = {**vars(heard), "lines": _stored(heard.lines)}
    written = _beside(clip, f".{HEARD}")
    written.write_text(json.dumps(stored, ensure_ascii=False), encoding="utf-8")
    written.replace(_beside(clip, HEARD))


def _beside(clip: Clip, name: str) -> Path:
    return clip.sheet_path.with_name(name)


def _stored(lines: Sequence[TimedText]) -> list[list[object]]:
    return [[line.start_s, line.end_s, line.text] for line in lines]


def _lines(stored: Sequence[Sequence[object]]) -> tuple[TimedText, ...]:
    return tuple(TimedText.model_validate({"text": text, "start_s": start_s, "end_s": end_s})
                 for start_s, end_s, text in stored)  # fmt: skip

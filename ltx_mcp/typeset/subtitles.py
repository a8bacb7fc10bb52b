"""Subtitles: SRT or WebVTT into timed texts, and timed texts into a soft track. They may be hostile.

pysubs2 reads and writes the formats; what it lets pass in silence is found here first, with its line number.
"""

import html
import re
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from ltx_mcp.errors import BadInput
from ltx_mcp.types.film import TimedText
from ltx_mcp.types.timeline import MAX_SUBTITLE_CHARS
from ltx_mcp.typeset.plain_text import cleaned

MAX_CUES = 10_000
MAX_CUE_CHARS = 1000
_LINE_CHARS, _CUE_LINES = 42, 2  # what can be read in the time it is spoken; the usual limit of broadcasters
if TYPE_CHECKING:
    from pysubs2.formats.subrip import SubripFormat

_HINT = "SRT and WebVTT can be read; a cue begins with a line such as 00:00:01,000 --> 00:00:03,500."
_KARAOKE = re.compile(r"<[\d:.]+>")  # <00:00:01.500> inside a WebVTT line
_LANGUAGE = re.compile(r"[a-z]{3}")


def read_subtitles(path: Path) -> tuple[TimedText, ...]:
    """The cues of an SRT or WebVTT file in UTF-8 or, failing that, Windows-1252. Raises BadInput."""
    try:
        size = path.stat().st_size
        if size > 4 * MAX_SUBTITLE_CHARS:  # bytes of a character in UTF-8, at most
            raise BadInput(f"{path.name} has {size / 1e6:.1f} MB.", f"At most {MAX_SUBTITLE_CHARS:,} characters fit.")
        raw = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror}.") from error
    return parse_subtitles(decode_subtitles(raw), path.name)


def parse_subtitles(text: str, name: str = "The subtitles") -> tuple[TimedText, ...]:
    """The cues of an SRT or WebVTT text, in order of time, without markup. Raises BadInput with the line at fault."""
    from pysubs2 import SSAFile

    text = re.sub(r"\r\n?", "\n", text.removeprefix("\ufeff").replace("\x00", ""))
    _check(text, name)
    parsed = SSAFile()
    _reader(text).from_file(parsed, StringIO(_cues_alone(text)), "")
    cues = (_cue(_plain(event.plaintext), event.start / 1000, event.end / 1000) for event in parsed)
    return tuple(sorted((cue for cue in cues if cue.text), key=lambda cue: cue.start_s))


def spoken_cues(sentences: Sequence[tuple[str, float, float]]) -> tuple[TimedText, ...]:
    """Cues for sentences that are spoken from a second to a second: each at most two lines, its time by its length."""
    cues: list[TimedText] = []
    for text, start_s, end_s in sentences:
        parts = _in_parts(" ".join(cleaned(text).split()))
        second_per_letter = (end_s - start_s) / max(1, sum(map(len, parts)))
        at_s = start_s
        for part in parts:
            until_s = at_s + len(part) * second_per_letter
            cues.append(_cue(part, at_s, until_s))
            at_s = until_s
    return tuple(cues)


def write_srt(path: Path, cues: Sequence[TimedText]) -> None:
    """The cues as an SRT file in UTF-8, the input of a soft track."""
    from pysubs2 import SSAEvent, SSAFile

    subtitles = SSAFile()
    for cue in cues:
        text = cue.text.replace("{", "(").replace("}", ")").replace("\\", "/")  # which would be read as markup
        event = SSAEvent(start=round(cue.start_s * 1000), end=round(cue.end_s * 1000))
        event.plaintext = "\n".join(line for line in text.split("\n") if line.strip())
        subtitles.append(event)
    path.write_text(subtitles.to_string("srt"), encoding="utf-8")


def soft_track(srt: Path, input_index: int, language: str = "und") -> tuple[list[str], list[str]]:
    """ffmpeg's arguments (input, output) that put an SRT file into an MP4 as a track that players can switch on.

    `input_index` is the place of this input in the command; `language` an ISO 639-2 code, `und` for not known.
    """
    if not _LANGUAGE.fullmatch(language):
        raise BadInput(f"{language!r} is not a language code.", "Use three letters of ISO 639-2, such as eng or jpn.")
    given = ["-f", "srt", "-i", f"file:{srt.absolute()}"]
    return given, ["-map", f"{input_index}:s:0", "-c:s", "mov_text", "-metadata:s:s:0", f"language={language}"]


def _cue(text: str, start_s: float, end_s: float) -> TimedText:
    return TimedText(text=text, start_s=start_s, end_s=end_s, style="subtitle")


def decode_subtitles(raw: bytes) -> str:
    """A file's text: UTF-8 or UTF-16 by its mark, else Windows-1252, which any bytes are."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _check(text: str, name: str) -> None:
    """Raise BadInput: pysubs2 takes a damaged time span for text, and accepts a cue that ends before it begins."""
    if len(text) > MAX_SUBTITLE_CHARS:
        raise BadInput(f"{name}: {len(text):,} characters.", f"At most {MAX_SUBTITLE_CHARS:,} can be read.")
    reader = _reader(text)
    spans = [(number, line) for number, line in enumerate(text.split("\n"), 1) if "-->" in line]
    for number, line in spans:
        times = [reader.timestamp_to_ms(time) for time in reader.TIMESTAMP.findall(line)]
        if len(times) != 2:
            raise BadInput(f"{name}: line {number} is not a time span: {line.strip()[:80]!r}.", _HINT)
        if times[0] >= times[1]:
            raise BadInput(f"{name}: the cue at line {number} ends before it begins.", "Swap or correct its times.")
    if not spans:
        raise BadInput(f"{name}: there is no cue.", _HINT)
    if len(spans) > MAX_CUES:
        raise BadInput(f"{name}: {len(spans):,} cues.", f"At most {MAX_CUES:,} can be shown; cut the rest off.")


def _reader(text: str) -> "type[SubripFormat]":
    """What pysubs2 reads this text with."""
    from pysubs2.formats.subrip import SubripFormat
    from pysubs2.formats.webvtt import WebVTTFormat

    return WebVTTFormat if text.lstrip().startswith("WEBVTT") else SubripFormat


def _cues_alone(text: str) -> str:
    """Blocks with a time span, from that line on: no header, note, style sheet or name of a cue."""
    blocks = re.split(r"\n[^\S\n]*(?:\n[^\S\n]*)+", text)
    return "\n\n".join(_from_time_span(block) for block in blocks if "-->" in block)


def _from_time_span(block: str) -> str:
    lines = block.split("\n")
    return "\n".join(lines[next(place for place, line in enumerate(lines) if "-->" in line) :])


def _plain(text: str) -> str:
    plain = cleaned(html.unescape(_KARAOKE.sub("", text)))
    return "\n".join(line for line in plain.split("\n") if line)[:MAX_CUE_CHARS]


def _in_parts(text: str) -> list[str]:
    """The text in pieces of at most two lines, broken at spaces where it has any."""
    most = _LINE_CHARS * _CUE_LINES
    parts, part = [], ""
    for word in re.findall(rf"\S{{1,{most}}}\s*", text):
        if part and len(part) + len(word.rstrip()) > most:
            parts.append(part.rstrip())
            part = ""
        part += word
    return [*parts, part.rstrip()] if part else parts

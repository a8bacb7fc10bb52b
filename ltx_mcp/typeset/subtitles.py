"""Subtitles: SRT or WebVTT text into cues, and cues into captions burnt in or a soft track. The text may be hostile.

pysubs2 reads and writes the formats; what it lets pass in silence is found here first, with its line number.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ltx_mcp.errors import BadInput
from ltx_mcp.typeset.plain_text import cleaned
from ltx_mcp.typeset.titles import TimedText

MAX_CUES = 10_000
MAX_BYTES = 4 * 2**20
MAX_CUE_CHARS = 1000
_LINE_CHARS, _CUE_LINES = 42, 2  # what can be read in the time it is spoken; the usual limit of broadcasters
_HINT = "SRT and WebVTT can be read; a cue begins with a line such as 00:00:01,000 --> 00:00:03,500."
_TIME = r"(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}"
_TIMING = re.compile(rf"\s*({_TIME})\s*-->\s*({_TIME})(?:\s.*)?")
_KARAOKE = re.compile(r"<[\d:.]+>")  # <00:00:01.500> inside a WebVTT line
_LANGUAGE = re.compile(r"[a-z]{3}")


@dataclass(frozen=True)
class Cue:
    """A text shown from `start_s` to `end_s`; plain, its lines ended by a line feed."""

    start_s: float
    end_s: float
    text: str


def read_subtitles(path: Path) -> tuple[Cue, ...]:
    """The cues of an SRT or WebVTT file in UTF-8 or, failing that, Windows-1252. Raises BadInput."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BadInput(f"{path.name} has {size / 2**20:.1f} MB.", f"Subtitles may have {MAX_BYTES // 2**20} MB.")
        raw = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror}.") from error
    return parse_subtitles(_decoded(raw), path.name)


def parse_subtitles(text: str, name: str = "The subtitles") -> tuple[Cue, ...]:
    """The cues of an SRT or WebVTT text, in order of time, without markup. Raises BadInput with the line at fault."""
    from pysubs2 import SSAFile

    text = re.sub(r"\r\n?", "\n", text.removeprefix("\ufeff").replace("\x00", ""))
    _check(text, name)
    vtt = text.lstrip().startswith("WEBVTT")
    parsed = SSAFile.from_string(_cues_alone(text), format_="vtt" if vtt else "srt")
    cues = (Cue(event.start / 1000, event.end / 1000, _plain(event.plaintext)) for event in parsed)
    return tuple(sorted((cue for cue in cues if cue.text), key=lambda cue: cue.start_s))


def captions(cues: Sequence[Cue]) -> list[TimedText]:
    """The cues as texts to be burnt in."""
    return [TimedText(cue.text, cue.start_s, cue.end_s, "caption") for cue in cues]


def spoken_cues(sentences: Sequence[tuple[str, float, float]]) -> tuple[Cue, ...]:
    """Cues for sentences that are spoken from a second to a second: each at most two lines, its time by its length."""
    cues: list[Cue] = []
    for text, start_s, end_s in sentences:
        parts = _in_parts(" ".join(cleaned(text).split()))
        second_per_letter = (end_s - start_s) / max(1, sum(map(len, parts)))
        at_s = start_s
        for part in parts:
            until_s = at_s + len(part) * second_per_letter
            cues.append(Cue(at_s, until_s, part))
            at_s = until_s
    return tuple(cues)


def write_srt(path: Path, cues: Sequence[Cue]) -> None:
    """The cues as an SRT file in UTF-8, the input of a soft track."""
    from pysubs2 import SSAEvent, SSAFile

    subtitles = SSAFile()
    for cue in cues:
        # An override tag or a blank line would end or change the cue: players show braces, so angle ones stand in.
        text = cue.text.replace("{", "(").replace("}", ")").replace("\\", "⧵")
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


def _decoded(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _check(text: str, name: str) -> None:
    """pysubs2 takes a damaged timing line for text and accepts a cue that ends before it begins."""
    if len(text) > MAX_BYTES:
        raise BadInput(f"{name} are too long.", f"They may have {MAX_BYTES // 2**20} MB.")
    cues = 0
    for number, line in enumerate(text.split("\n"), 1):
        if "-->" not in line:
            continue
        timing = _TIMING.fullmatch(line)
        if timing is None:
            raise BadInput(f"{name}: line {number} is not a time span: {line.strip()[:80]!r}.", _HINT)
        if _seconds(timing[1]) >= _seconds(timing[2]):
            raise BadInput(f"{name}: the cue at line {number} ends before it begins.", "Swap or correct its times.")
        cues += 1
    if not cues:
        raise BadInput(f"{name} hold no cue.", _HINT)
    if cues > MAX_CUES:
        raise BadInput(f"{name} hold {cues:,} cues.", f"At most {MAX_CUES:,} can be shown; cut the rest off.")


def _cues_alone(text: str) -> str:
    """Blocks with a time span, from that line on: no header, note, style sheet or name of a cue."""
    blocks = re.split(r"\n[^\S\n]*(?:\n[^\S\n]*)+", text)
    return "\n\n".join(_full_times(block) for block in blocks if "-->" in block)


def _full_times(block: str) -> str:
    """From the first time span on; hours, optional in WebVTT, are written out, for pysubs2 wants them in SRT."""
    lines = block.split("\n")
    first = next(place for place, line in enumerate(lines) if "-->" in line)
    return "\n".join(lines[first:])


def _plain(text: str) -> str:
    plain = cleaned(html.unescape(_KARAOKE.sub("", text)))
    return "\n".join(line for line in plain.split("\n") if line)[:MAX_CUE_CHARS]


def _seconds(time: str) -> float:
    seconds = 0.0
    for part in time.replace(",", ".").split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


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

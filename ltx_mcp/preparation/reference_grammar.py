"""The grammar of media references: which clip or file a tool argument names, by its form alone.

    coastal-city-3f9k2m7q             a clip                   /allowed/folder/image.png       a file
    coastal-city-3f9k2m7q@3.2         its frame at 3.2 s       file:///allowed/image.png       the same
    coastal-city-3f9k2m7q@3.2-5.0     its span

Whatever the archive hands out is understood too: `clip://coastal-city-3f9k2m7q` and the path of a clip's video; and
paths as chats show them (`spelled_paths`).
"""

import re
from dataclasses import dataclass
from pathlib import Path

from ltx_mcp.archive.library import Library
from ltx_mcp.archive.sidecar import CLIP_ID, PHOTO, VIDEO
from ltx_mcp.errors import BadInput
from ltx_mcp.preparation.allowed_files import AllowedFiles, NotAPath
from ltx_mcp.preparation.spelled_paths import CONTROL
from ltx_mcp.types.references import unwrapped

_MAX_CHARS = 4096  # of a reference: the longest path that Linux takes
_MAX_CHARS_SHOWN = 120  # of a reference, in an error
_SECONDS = r"[0-9]{1,6}(?:\.[0-9]{1,6})?"
_CLIP = re.compile(rf"(?:clip://)?(?P<id>{CLIP_ID.pattern})(?:@(?P<at>{_SECONDS})(?:-(?P<end>{_SECONDS}))?)?")


def names_clip(text: str) -> bool:
    """Whether a reference has the form of a clip's, with or without a valid frame or span."""
    return _CLIP.fullmatch(text.partition("@")[0]) is not None


@dataclass(frozen=True)
class ClipRef:
    """A clip of the archive; at most one of `at_s` (its frame) and `span_s` (start, end) is set. Seconds."""

    clip_id: str
    at_s: float | None = None
    span_s: tuple[float, float] | None = None


@dataclass(frozen=True)
class FileRef:
    """An absolute path as it was given: not yet looked at."""

    path: Path


class ReferenceGrammar:
    """Reads references to the clips of a library and to the files that are allowed."""

    def __init__(self, library: Library, files: AllowedFiles) -> None:
        self._library, self._files = library, files

    def parse(self, text: str) -> ClipRef | FileRef:
        """By its form alone: the clip or file need not exist. Raises BadInput with the grammar."""
        if len(text) > _MAX_CHARS or CONTROL.search(text):
            raise self._unclear(text, "It is too long or holds control characters.")
        text = unwrapped(text)
        if found := _CLIP.fullmatch(text):
            return self._clip_ref(text, found)
        if names_clip(text):
            raise self._unclear(text, "After @ comes a time in seconds, or start-end.")
        path = self.path(text)
        folder = path.parent
        if path.name in (VIDEO, PHOTO) and folder.parent == self._library.clips_dir and CLIP_ID.fullmatch(folder.name):
            return ClipRef(folder.name)
        return FileRef(path)

    def path(self, text: str) -> Path:
        """Of a file or folder, absolute. Raises BadInput with the grammar."""
        plain = unwrapped(text)
        try:
            return self._files.path(plain)
        except NotAPath as reason:
            raise self._unclear(text, str(reason), self._files.named(plain)) from None

    def _clip_ref(self, text: str, found: re.Match[str]) -> ClipRef:
        at_s, end_s = (float(found[part]) if found[part] else None for part in ("at", "end"))
        if at_s is None or end_s is None:
            return ClipRef(found["id"], at_s)
        if end_s <= at_s:
            raise self._unclear(text, "The span ends before it begins.")
        return ClipRef(found["id"], span_s=(at_s, end_s))

    def _unclear(self, text: str, reason: str, named: str = "") -> BadInput:
        grammar = (
            "A reference is a clip_id, clip_id@3.2 (its frame at 3.2 s), clip_id@3.2-5.0 (its span), "
            f"or the {'absolute ' if self._files.confined else ''}path or file:// URI of a file."
        )
        nearest = self._library.suggestion(text.removeprefix("clip://").partition("@")[0])
        hint = " ".join(part for part in (named, grammar, self._files.where, nearest) if part)
        return BadInput(f"{text[:_MAX_CHARS_SHOWN]!r} is not a valid media reference. {reason}", hint)

"""What a tool argument may name: a clip of the archive, its frame or span, or a file inside an allowed folder.

    coastal-city-3f9k2m7q             a clip                   /allowed/folder/image.png       a file
    coastal-city-3f9k2m7q@3.2         its frame at 3.2 s       file:///allowed/image.png       the same
    coastal-city-3f9k2m7q@3.2-5.0     its span

Whatever the archive hands out is understood too: `clip://coastal-city-3f9k2m7q` and the path of a clip's video.
"""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from ltx_mcp.archive.library import Library
from ltx_mcp.archive.sidecar import CLIP_ID, VIDEO
from ltx_mcp.errors import BadInput
from ltx_mcp.media.footage import MAX_DURATION_S, Footage, open_footage
from ltx_mcp.media.images import read_image
from ltx_mcp.media.probe import read_frames
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.frames import Frame

MAX_IMAGE_BYTES = 50_000_000
MAX_VIDEO_BYTES = 2_000_000_000
_MAX_CHARS = 4096  # of a reference: the longest path that Linux takes
_MAX_CHARS_SHOWN = 120  # of a reference, in an error
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SECONDS = r"[0-9]{1,6}(?:\.[0-9]{1,6})?"
_CLIP = re.compile(rf"(?:clip://)?(?P<id>{CLIP_ID.pattern})(?:@(?P<at>{_SECONDS})(?:-(?P<end>{_SECONDS}))?)?")
_TOLERANCE_S = 0.001  # times are handed out with three decimals


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


class Inputs:
    """Reads references. `roots` are the folders that files may come from; whoever can write there is trusted.

    None lifts the confinement, for a person who can read those files anyway.
    """

    def __init__(self, library: Library, roots: Sequence[Path] | None) -> None:
        self._library, self._roots = library, None if roots is None else tuple(roots)

    def parse(self, text: str) -> ClipRef | FileRef:
        """By its form alone: the clip or file need not exist. Raises BadInput with the grammar."""
        if len(text) > _MAX_CHARS or _CONTROL.search(text):
            raise self._unclear(text, "It is too long or holds control characters.")
        if found := _CLIP.fullmatch(text):
            return self._clip_ref(text, found)
        if names_clip(text):
            raise self._unclear(text, "After @ comes a time in seconds, or start-end.")
        path = self._path(text)
        if path.name == VIDEO and path.parent.parent == self._library.clips_dir and CLIP_ID.fullmatch(path.parent.name):
            return ClipRef(path.parent.name)
        return FileRef(path)

    def clip_id(self, reference: str) -> str:
        """Of a whole clip of the archive. Raises BadInput for anything else, NotFound for a clip that is not there."""
        match self.parse(reference):
            case ClipRef(clip_id, at_s=None, span_s=None):
                return self._library.get(clip_id).clip_id
            case ClipRef(clip_id):
                raise BadInput(f"{reference!r} is a part of a clip; the whole is needed.", f"Use {clip_id}.")
            case FileRef():
                raise BadInput(f"{reference!r} is a file; a clip of the archive is needed.", "Name it by its clip_id.")

    def still(self, reference: str) -> Frame:
        """One frame: a clip's (its middle one if no time is given), or a PNG, JPEG, WebP or GIF file.

        Raises BadInput for what cannot be used, NotFound for a clip that is not there.
        """
        match self.parse(reference):
            case ClipRef(span_s=(start_s, _)) as span:
                raise BadInput(f"{reference!r} is a span; a still is one frame.", f"Use {span.clip_id}@{start_s:g}.")
            case ClipRef(clip_id, at_s):
                return self._frame(clip_id, at_s)
            case FileRef(path):
                with self._opened(path, MAX_IMAGE_BYTES) as file:
                    return read_image(file.read(MAX_IMAGE_BYTES), path.name)

    def video(self, reference: str, longest_s: float = MAX_DURATION_S) -> Footage:
        """Footage: a whole clip, its span, or an MP4, MOV, MKV, WebM, AVI or GIF file, of each at most `longest_s`.

        Raises BadInput for what cannot be used, NotFound for a clip that is not there, MediaError for what does not
        open as a video.
        """
        match self.parse(reference):
            case ClipRef(clip_id, at_s=float(at_s)):
                hint = f"Use {clip_id}, or a span such as {clip_id}@{at_s:g}-{at_s + 2:g}."
                raise BadInput(f"{reference!r} is one frame; a video is a clip or its span.", hint)
            case ClipRef(clip_id, span_s=span_s):
                return open_footage(self._spanning(clip_id, span_s).path, reference, span_s, longest_s)
            case FileRef(path):
                with self._opened(path, MAX_VIDEO_BYTES) as file:
                    return open_footage(Path(file.name), reference, longest_s=longest_s)

    def media_path(self, reference: str) -> Path:
        """Where a whole clip's video, or a media file inside a root, lies. Raises BadInput, NotFound."""
        match self.parse(reference):
            case ClipRef(clip_id, at_s=None, span_s=None):
                return self._library.get(clip_id).path
            case ClipRef(clip_id):
                raise BadInput(f"{reference!r} is a part of a clip; the whole is needed.", f"Use {clip_id}.")
            case FileRef(path):
                with self._opened(path, MAX_VIDEO_BYTES) as file:
                    return Path(file.name)

    def text(self, reference: str, max_bytes: int) -> bytes:
        """The bytes of a text file. Raises BadInput for what is not a file inside a root."""
        match self.parse(reference):
            case ClipRef():
                raise BadInput(f"{reference!r} is a clip; a text file is needed.", "Name it by its absolute path.")
            case FileRef(path):
                with self._opened(path, max_bytes) as file:
                    return file.read(max_bytes)

    def original(self, reference: str) -> Clip | None:
        """As `clip`, and for a file the clip that it is a copy of: what was made here stays what it is."""
        match self.parse(reference):
            case ClipRef(clip_id):
                return self._library.get(clip_id)
            case FileRef(path):
                with self._opened(path, MAX_VIDEO_BYTES) as file:
                    return self._library.with_content(Path(file.name))

    def clip(self, reference: str) -> Clip | None:
        """The clip of the archive that a reference names in whole or in part, None for a file. Raises as `video`."""
        parsed = self.parse(reference)
        return self._library.get(parsed.clip_id) if isinstance(parsed, ClipRef) else None

    def folder(self, text: str) -> Path:
        """An existing folder inside a root, as an absolute path or a file:// URI. Raises BadInput."""
        try:
            real = self._confined(self._path(text))
        except OSError as error:
            raise BadInput(f"{_short(Path(text))} cannot be used: {error.strerror}.", self._where()) from None
        if not real.is_dir():
            raise BadInput(f"{_short(real)} is not a folder.", self._where())
        return real

    # -- clips ----------------------------------------------------------------------------------------

    def _clip_ref(self, text: str, found: re.Match[str]) -> ClipRef:
        at_s, end_s = (float(found[part]) if found[part] else None for part in ("at", "end"))
        if at_s is None or end_s is None:
            return ClipRef(found["id"], at_s)
        if end_s <= at_s:
            raise self._unclear(text, "The span ends before it begins.")
        return ClipRef(found["id"], span_s=(at_s, end_s))

    def _frame(self, clip_id: str, at_s: float | None) -> Frame:
        clip = self._library.get(clip_id)
        if at_s is not None:
            _check_time(clip, at_s)
        [(_, frame)] = read_frames(clip.path, [clip.duration_s / 2 if at_s is None else at_s])
        return frame

    def _spanning(self, clip_id: str, span_s: tuple[float, float] | None) -> Clip:
        clip = self._library.get(clip_id)
        if span_s is None:
            return clip
        _check_time(clip, span_s[1])
        if span_s[1] - span_s[0] < 1 / clip.fps - _TOLERANCE_S:
            least = f"One frame of it takes {1 / clip.fps:.3f} s."
            raise BadInput(f"The span {span_s[0]:g}-{span_s[1]:g} of {clip_id} is shorter than a frame.", least)
        return clip

    # -- files ----------------------------------------------------------------------------------------

    def _path(self, text: str) -> Path:
        """The absolute path that the text gives, as a path or as a file:// URI."""
        if text.startswith("file://"):
            return Path(self._from_uri(text))
        if "://" in text:
            raise self._unclear(text, "URLs are not fetched.")
        if not Path(text).is_absolute():
            wrong = (
                "There is no such file." if self._roots is None else "It is not a clip id, and a path must be absolute."
            )
            raise self._unclear(text, wrong)
        return Path(text)

    def _from_uri(self, text: str) -> str:
        try:
            uri = urlsplit(text)
            path = unquote(uri.path, errors="strict")
        except ValueError as error:  # not UTF-8, or a malformed host
            raise self._unclear(text, f"It is not a valid URI: {error}.") from None
        if uri.netloc or "?" in text or "#" in text:
            raise self._unclear(text, "A file URI has no host, and spells ? as %3F and # as %23.")
        if _CONTROL.search(path) or not Path(path).is_absolute():
            raise self._unclear(text, "It must spell an absolute path without control characters.")
        return path

    @contextmanager
    def _opened(self, path: Path, max_bytes: int) -> Iterator[BinaryIO]:
        """A regular file inside a root, by its real path. Of a path outside, errors say no more than that."""
        try:
            with open(self._confined(path), "rb", opener=_open_once) as file:
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode):
                    raise BadInput(f"{_short(path)} is not a regular file.", self._where())
                if found.st_size > max_bytes:
                    raise BadInput(f"{_short(path)} is larger than {max_bytes // 10**6} MB.", "Use a smaller file.")
                yield file
        except OSError as error:
            spans = "@ names a frame or span of a clip alone: import the file with import_video first. "
            hint = f"{spans if '@' in path.name else ''}{self._where()}"
            raise BadInput(f"{_short(path)} cannot be read: {error.strerror}.", hint) from None

    def _confined(self, path: Path) -> Path:
        """Where the path leads once every link is followed. Raises BadInput outside the roots."""
        try:
            real = path.resolve()
            roots = [Path(real.anchor)] if self._roots is None else [root.resolve() for root in self._roots]
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
            raise BadInput(f"{_short(path)} cannot be followed: {error}.", self._where()) from None
        if real.is_relative_to(self._library.clips_dir.parent.resolve()):  # no reference may name what is staged
            raise BadInput(f"{_short(path)} belongs to the archive.", "Name a clip by its clip_id.")
        if not any(real.is_relative_to(root) for root in roots):
            raise BadInput(f"{_short(path)} is not inside an allowed folder.", self._where())
        return real

    # -- errors ---------------------------------------------------------------------------------------

    def _where(self) -> str:
        if self._roots is None:
            return "Check the path."
        if not self._roots:
            return "No folder is allowed yet: the user can name some in LTX_MCP_ROOTS."
        return f"Files may come from {', '.join(map(str, self._roots))}."

    def _unclear(self, text: str, reason: str) -> BadInput:
        grammar = (
            "A reference is a clip_id, clip_id@3.2 (its frame at 3.2 s), clip_id@3.2-5.0 (its span), "
            f"or the {'' if self._roots is None else 'absolute '}path or file:// URI of a file."
        )
        nearest = self._library.suggestion(text.removeprefix("clip://").partition("@")[0])
        shown = repr(text[:_MAX_CHARS_SHOWN])
        return BadInput(f"{shown} is not a valid media reference. {reason}", f"{grammar} {self._where()} {nearest}")


def _check_time(clip: Clip, time_s: float) -> None:
    if time_s > clip.duration_s + _TOLERANCE_S:
        raise BadInput(
            f"{clip.clip_id} has no frame at {time_s:g} s.", f"Its times go from 0 to {clip.duration_s:.3f}."
        )


def _short(path: Path) -> str:
    """Its end tells more than its beginning."""
    text = str(path)
    return text if len(text) <= _MAX_CHARS_SHOWN else f"...{text[-_MAX_CHARS_SHOWN:]}"


def _open_once(path: str, flags: int) -> int:
    """Without waiting, as a pipe would for its writer; not through a link, for links were followed before."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))

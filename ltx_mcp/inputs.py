"""What a tool argument may name: a clip of the archive, its frame or span, or a file inside an allowed folder.

    coastal-city-3f9k2m7q             a clip                   /allowed/folder/picture.png     a file
    coastal-city-3f9k2m7q@3.2         its frame at 3.2 s       file:///allowed/picture.png     the same
    coastal-city-3f9k2m7q@3.2-5.0     its span

Whatever the archive hands out is understood too: `clip://coastal-city-3f9k2m7q` and the path of a clip's video.
"""

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import numpy as np

from ltx_mcp.engine.base import Frame
from ltx_mcp.errors import BadInput
from ltx_mcp.library import CLIP_ID, VIDEO, Library
from ltx_mcp.probe import read_frames

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_FILE_BYTES = 50_000_000
MAX_PIXELS = 50_000_000  # a 48-megapixel phone camera; 150 MB once decoded
_PICTURES = ("PNG", "JPEG", "WEBP")
_MAX_CHARS = 4096  # of a reference: the longest path that Linux takes
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SECONDS = r"[0-9]{1,6}(?:\.[0-9]{1,6})?"
_CLIP = re.compile(rf"(?:clip://)?(?P<id>{CLIP_ID.pattern})(?:@(?P<at>{_SECONDS})(?:-(?P<end>{_SECONDS}))?)?")
_TOLERANCE_S = 0.001  # times are handed out with three decimals


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
    """Reads references. `roots` are the folders that files may come from; whoever can write there is trusted."""

    def __init__(self, library: Library, roots: Sequence[Path]) -> None:
        self._library, self._roots = library, tuple(roots)

    def parse(self, text: str) -> ClipRef | FileRef:
        """By its form alone: the clip or file need not exist. Raises BadInput with the grammar."""
        if len(text) > _MAX_CHARS or _CONTROL.search(text):
            raise self._unclear(text, "It is too long or holds control characters.")
        if found := _CLIP.fullmatch(text):
            return self._clip_ref(text, found)
        path = self._path(text)
        if path.name == VIDEO and path.parent.parent == self._library.clips_dir and CLIP_ID.fullmatch(path.parent.name):
            return ClipRef(path.parent.name)
        return FileRef(path)

    def still(self, reference: str) -> Frame:
        """One picture: a clip's frame (its middle one if no time is given), or a PNG, JPEG or WebP file.

        Raises BadInput for what cannot be used, NotFound for a clip that is not there.
        """
        match self.parse(reference):
            case ClipRef(span_s=(start_s, _)) as span:
                raise BadInput(f"{reference!r} is a span; a still is one frame.", f"Use {span.clip_id}@{start_s:g}.")
            case ClipRef(clip_id, at_s):
                return self._frame(clip_id, at_s)
            case FileRef(path):
                return _picture(self._read(path), path.name)

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
        if at_s is not None and at_s > clip.duration_s + _TOLERANCE_S:
            last = f"Its times go from 0 to {clip.duration_s:.3f}."
            raise BadInput(f"{clip_id} has no frame at {at_s:g} s.", last)
        [(_, frame)] = read_frames(clip.path, [clip.duration_s / 2 if at_s is None else at_s])
        return frame

    # -- files ----------------------------------------------------------------------------------------

    def _path(self, text: str) -> Path:
        """The absolute path that the text spells, as a path or as a file:// URI."""
        if text.startswith("file://"):
            return Path(self._from_uri(text))
        if "://" in text:
            raise self._unclear(text, "URLs are not fetched.")
        if not Path(text).is_absolute():
            raise self._unclear(text, "It is no clip id, and a path must be absolute.")
        return Path(text)

    def _from_uri(self, text: str) -> str:
        try:
            uri = urlsplit(text)
            path = unquote(uri.path, errors="strict")
        except ValueError as error:  # no UTF-8, or a malformed host
            raise self._unclear(text, f"It is no valid URI: {error}.") from None
        if uri.netloc or "?" in text or "#" in text:
            raise self._unclear(text, "A file URI has no host, and spells ? as %3F and # as %23.")
        if _CONTROL.search(path) or not Path(path).is_absolute():
            raise self._unclear(text, "It must spell an absolute path without control characters.")
        return path

    def _read(self, path: Path) -> bytes:
        """The content of a regular file inside a root. Says no more of what lies outside than that it does."""
        try:
            with open(self._confined(path), "rb", opener=_open_once) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise BadInput(f"{path} is not a regular file.", self._where())
                content = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise BadInput(f"{path} cannot be read: {error.strerror}.", self._where()) from None
        if len(content) > MAX_FILE_BYTES:
            raise BadInput(f"{path} is larger than {MAX_FILE_BYTES // 10**6} MB.", "Use a smaller picture.")
        return content

    def _confined(self, path: Path) -> Path:
        """Where the path leads once every link is followed. Raises BadInput outside the roots."""
        try:
            real = path.resolve()
            roots = [root.resolve() for root in self._roots]
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
            raise BadInput(f"{path} cannot be followed: {error}.", self._where()) from None
        if real.is_relative_to(self._library.clips_dir.parent.resolve()):  # staging is nobody's to name
            raise BadInput(f"{path} belongs to the archive.", "Name a clip by its clip_id.")
        if not any(real.is_relative_to(root) for root in roots):
            raise BadInput(f"{path} is not inside an allowed folder.", self._where())
        return real

    # -- words ----------------------------------------------------------------------------------------

    def _where(self) -> str:
        if not self._roots:
            return "No folder is allowed yet: the user can name some in LTX_MCP_ROOTS."
        return f"Files may come from {', '.join(map(str, self._roots))}."

    def _unclear(self, text: str, reason: str) -> BadInput:
        grammar = (
            "A reference is a clip_id, clip_id@3.2 (its frame at 3.2 s), clip_id@3.2-5.0 (its span), "
            "or the absolute path or file:// URI of a file."
        )
        nearest = self._library.suggestion(text.removeprefix("clip://").partition("@")[0])
        return BadInput(f"{text[:120]!r} is no media reference. {reason}", f"{grammar} {self._where()} {nearest}")


def _open_once(path: str, flags: int) -> int:
    """Not waiting, as a pipe would for its writer; not through a link, for they were followed before."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))


def _picture(content: bytes, name: str) -> Frame:
    """Decode by content, never by name: upright, on white where it is transparent, RGB."""
    from PIL import Image

    try:
        with Image.open(BytesIO(content), formats=_PICTURES) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                largest = f"The largest is {MAX_PIXELS // 10**6} megapixels."
                raise BadInput(f"{name} has {width}x{height} pixels.", largest)
            return _rgb(image)
    except BadInput:
        raise
    except Exception as error:  # a hostile file raises anything, from struct.error to MemoryError
        hint = "Use a whole PNG, JPEG or WebP file."
        raise BadInput(f"{name} cannot be read as a picture.", hint) from error


def _rgb(image: "Image") -> Frame:
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):  # 16-bit grey, which Pillow would clip to white
        return np.repeat((np.asarray(upright) >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if upright.has_transparency_data:
        above = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", above.size, "white"), above)
    return np.array(upright.convert("RGB"))

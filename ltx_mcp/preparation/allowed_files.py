"""The user's files that arguments may name: which path a text means, and how it is opened. Both may be hostile."""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from ltx_mcp.archive.uploads import Uploads
from ltx_mcp.errors import BadInput, StudioError
from ltx_mcp.media.file_kinds import HEAD_BYTES, FileKind, kind_of
from ltx_mcp.preparation.spelled_paths import CONTROL, absolute_paths

_MAX_CHARS_SHOWN = 120  # of a path, in an error

Misfit = Callable[[str, FileKind], StudioError | None]
"""What is wrong with a file of this name and kind; None for nothing."""


class NotAPath(Exception):
    """A text that names no path; its own text is the reason."""


class AllowedFiles:
    """Files inside `roots`; whoever can write there is trusted. None lifts the confinement.

    Of what is inside of `archive_dir` the caller's `uploads` alone are among them.
    """

    def __init__(self, roots: Sequence[Path] | None, archive_dir: Path, uploads: Uploads | None = None) -> None:
        self._roots, self._archive_dir = None if roots is None else tuple(roots), archive_dir
        self._uploads = uploads

    @property
    def confined(self) -> bool:
        return self._roots is not None

    @property
    def where(self) -> str:
        """Where files may come from, as a hint."""
        if self._roots is None:
            return "Check the path."
        if not self._roots:
            return "No folder is allowed yet: the user can name some in LTX_MCP_ROOTS."
        return f"Files may come from {', '.join(map(_described, self._roots))}."

    def path(self, text: str) -> Path:
        """The absolute path that the text gives, as a path or as a file:// URI. Raises NotAPath."""
        if text.startswith("file://"):
            return _from_uri(text)
        if "://" in text:
            raise NotAPath("URLs are not fetched.")
        paths = list(absolute_paths(text))
        if not paths:
            raise NotAPath("It is not a clip id, and a path must be absolute." if self.confined else _NOT_THERE)
        # Another spelling counts only where it is there, inside a root: what lies outside must not change an error.
        return next((path for path in paths if self._is_here(path)), paths[0])

    def named(self, text: str) -> str:
        """The hint that names a file inside a root by the name alone; "" where there is none."""
        for root in self._roots or ():
            if "/" not in text and self._is_here(root / text) and (root / text).is_file():
                return f"Did you mean {root / text}?"
        return ""

    def folder(self, path: Path) -> Path:
        """An existing folder inside a root. Raises BadInput."""
        try:
            real = self._real(path, uploaded=False)
        except OSError as error:
            raise BadInput(f"{short(path)} cannot be used: {error.strerror}.", self.where) from None
        if not real.is_dir():
            raise BadInput(f"{short(real)} is not a folder.", self.where)
        return real

    @contextmanager
    def opened(self, path: Path, max_bytes: int, misfit: Misfit = lambda _, __: None) -> Iterator[BinaryIO]:
        """A regular file inside a root, by its real path. Of a path outside, errors say no more than that.

        Raises BadInput, and what `misfit` gives for the kind of the file, which comes before its size.
        """
        try:
            with open(self._real(path), "rb", opener=_open_once) as file:
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode):
                    raise BadInput(f"{short(path)} is not a regular file.", self.where)
                kind = kind_of(file.read(HEAD_BYTES))
                if kind is not None and (problem := misfit(short(path), kind)) is not None:
                    raise problem
                if found.st_size > max_bytes:
                    raise BadInput(f"{short(path)} is larger than {max_bytes // 10**6} MB.", "Use a smaller file.")
                file.seek(0)
                yield file
        except OSError as error:
            spans = "@ names a frame or span of a clip alone: import the file with import_video first. "
            hint = f"{spans if '@' in path.name else ''}{self.where}"
            raise BadInput(f"{short(path)} cannot be read: {error.strerror}.", hint) from None

    def _is_here(self, path: Path) -> bool:
        try:
            return self._real(path).exists()
        except (BadInput, OSError):
            return False

    def _real(self, path: Path, uploaded: bool = True) -> Path:
        """Where the path leads once every link is followed. Raises BadInput outside the roots, and for uploads too
        where they are not `uploaded` files that are wanted.
        """
        try:
            real = path.resolve()
            roots = [Path(real.anchor)] if self._roots is None else [root.resolve() for root in self._roots]
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
            raise BadInput(f"{short(path)} cannot be followed: {error}.", self.where) from None
        if uploaded and self._uploads is not None and real.is_relative_to(self._uploads.own.resolve()):
            return real
        if real.is_relative_to(self._archive_dir.resolve()):  # no reference may name what is staged
            raise BadInput(f"{short(path)} belongs to the archive.", "Name a clip by its clip_id.")
        if not any(real.is_relative_to(root) for root in roots):
            raise BadInput(f"{short(path)} is not inside an allowed folder.", self.where)
        return real


_NOT_THERE = "There is no such file."


def short(path: Path) -> str:
    """Its end tells more than its beginning."""
    text = str(path)
    return text if len(text) <= _MAX_CHARS_SHOWN else f"...{text[-_MAX_CHARS_SHOWN:]}"


def _described(root: Path) -> str:
    return str(root) if root.is_dir() else f"{root} (not there)"


def _from_uri(text: str) -> Path:
    try:
        uri = urlsplit(text)
        path = unquote(uri.path, errors="strict")
    except ValueError as error:  # not UTF-8, or a malformed host
        raise NotAPath(f"It is not a valid URI: {error}.") from None
    if uri.netloc or "?" in text or "#" in text:
        raise NotAPath("A file URI has no host, and spells ? as %3F and # as %23.")
    if CONTROL.search(path) or not Path(path).is_absolute():
        raise NotAPath("It must spell an absolute path without control characters.")
    return Path(path)


def _open_once(path: str, flags: int) -> int:
    """Without waiting, as a pipe would for its writer; not through a link, for links were followed before."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))

"""Files that callers over HTTP sent: each owner's in a folder of its own, which that owner's arguments may name.

    <data>/uploads/<owner, @ without a name>/<random>/<name>

They are inputs as those of LTX_MCP_ROOTS are: moderated when they are used. They go after a week, but for footage that
is a clip in place.
"""

import re
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ltx_mcp.archive.sidecar import storing
from ltx_mcp.errors import TooLarge
from ltx_mcp.types.owners import caller

KEEP_DAYS = 7
_DAY_S = 86_400
_UNFINISHED = ".part"


class Uploads:
    """The uploads of a data directory, of each owner at most `max_bytes`; `now` is in seconds since 1970."""

    def __init__(self, data_dir: Path, max_bytes: int, now: Callable[[], float] = time.time) -> None:
        self._folder, self._max_bytes, self._now = data_dir.absolute() / "uploads", max_bytes, now

    @property
    def own(self) -> Path:
        """The caller's folder, which need not be there."""
        return self._folder / (caller() or "@")

    def room(self) -> int:
        """Bytes that the caller may still send."""
        return self._max_bytes - sum(map(_size, self.own.glob("*/*")))

    @contextmanager
    def new(self, name: str) -> Iterator[tuple[Path, BinaryIO]]:
        """A file to write, and where it will be once the block ends well; else nothing is left. Raises ArchiveError."""
        folder = self.own / secrets.token_hex(8)
        path, half = folder / safe_name(name), folder / _UNFINISHED
        try:
            with storing("The upload could not be stored"):
                folder.mkdir(mode=0o700, parents=True)
                with half.open("xb") as file:
                    yield path, file
                half.rename(path)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def outdated(self) -> list[Path]:
        """The folders of uploads that are older than a week, of all owners."""
        return [folder for folder in self._folder.glob("*/*") if _time(folder) < self._now() - KEEP_DAYS * _DAY_S]

    @staticmethod
    def remove(folders: Iterable[Path], but: Collection[Path]) -> None:
        """Delete these folders, but not those in which one of the files `but` lies."""
        kept = {path.parent.resolve() for path in but}
        for folder in folders:
            if folder.resolve() not in kept:
                shutil.rmtree(folder, ignore_errors=True)


def no_room(max_bytes: int) -> TooLarge:
    hint = f"They are deleted after {KEEP_DAYS} days. LTX_MCP_MAX_UPLOAD_BYTES is {max_bytes:,}."
    return TooLarge("The uploads would take more room than they may.", hint)


def safe_name(name: str) -> str:
    """The last part of a file's name in plain letters: neither a path nor a hidden file."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(name.replace("\\", "/")).name).lstrip(".-")
    return plain[-80:].lstrip(".-") or "upload"


def _size(path: Path) -> int:
    with suppress(OSError):  # removed meanwhile
        return path.stat().st_size
    return 0


def _time(folder: Path) -> float:
    with suppress(OSError):
        return folder.stat().st_mtime
    return float("inf")

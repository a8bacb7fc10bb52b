"""The files that footage was imported from: which one it was, and whether it is still what was moderated."""

import hashlib
from pathlib import Path

from ltx_mcp.errors import NotFound
from ltx_mcp.types.clips import Clip, OriginalFile


def read_original(path: Path) -> OriginalFile:
    """What a file is. Reads all of it. Raises OSError."""
    found = path.stat()
    return OriginalFile(path=path.resolve(), bytes=found.st_size, modified_ns=found.st_mtime_ns, sha256=sha256_of(path))


def is_there(original: OriginalFile) -> bool:
    """Whether the file is where it was, and has not been written since."""
    try:
        found = original.path.stat()
    except OSError:
        return False
    return (found.st_size, found.st_mtime_ns) == (original.bytes, original.modified_ns)


def playable(clip: Clip) -> Path:
    """Where the clip's video lies. Raises NotFound for footage in place whose file has moved or was changed since."""
    if clip.in_place and clip.original is not None and not is_there(clip.original):
        what = "was changed since it was imported" if clip.path.exists() else "is not there any more"
        raise NotFound(
            f"The file of {clip.clip_id}, {clip.path}, {what}.",
            "Import it from where it is now: the same file becomes this clip again, another one a new clip.",
        )
    return clip.path


def sha256_of(path: Path) -> str:
    """In hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

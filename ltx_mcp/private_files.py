"""Files that their user alone may read, each written whole: a key, a token, where the engine listens."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


def write_private(path: Path, content: bytes) -> None:
    """Write the file, in the place of one that is there. Raises OSError."""
    _draft(path, content).replace(path)


def write_private_once(path: Path, content: bytes) -> None:
    """Write the file unless it is there: of several processes that begin together, one does. Raises OSError."""
    if path.exists():
        return
    draft = _draft(path, content)
    try:
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def _draft(path: Path, content: bytes) -> Path:
    """The content on the disk, under a name that nobody else has."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return draft

"""Files that their user alone may read, each written whole: a key, a token, where the engine listens."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

KEY_BYTES = 32  # as long as the digests of HMAC-SHA-256 that are made with it


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


def kept_key(path: Path) -> bytes:
    """The 32 random bytes in the file, made where there is none. Raises OSError, and ValueError if it is damaged."""
    write_private_once(path, secrets.token_bytes(KEY_BYTES))
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path} is damaged.")
    return key


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

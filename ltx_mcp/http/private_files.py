"""Secrets of an installation, each in a file of the data directory that its user alone can read."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from ltx_mcp.errors import ArchiveError
from ltx_mcp.settings import MIN_TOKEN_CHARS


def kept_secret(path: Path) -> str:
    """What the file holds: 32 random bytes as text, made where there is no file. Raises ArchiveError."""
    hint = "Delete the file, and another one is made."
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _write(path, secrets.token_urlsafe(32))
        path.chmod(0o600)
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ArchiveError(f"{path} cannot be used: {error}.", hint) from None
    if len(secret) < MIN_TOKEN_CHARS:
        raise ArchiveError(f"What {path} holds is shorter than {MIN_TOKEN_CHARS} characters.", hint)
    return secret


def _write(path: Path, text: str) -> None:
    """Whole, and once: another process reads all of it, and what that one wrote before stays."""
    half = path.with_name(f"{path.name}.{os.getpid()}")
    with open(half, "x", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    with suppress(FileExistsError):
        os.link(half, path)
    half.unlink()

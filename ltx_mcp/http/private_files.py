"""Secrets of an installation, each in a file of the data directory that its user alone can read."""

import secrets
from pathlib import Path

from ltx_mcp.errors import ArchiveError
from ltx_mcp.private_files import write_private_once
from ltx_mcp.settings import MIN_TOKEN_CHARS


def kept_secret(path: Path) -> str:
    """What the file holds: 32 random bytes as text, made where there is no file. Raises ArchiveError."""
    hint = "Delete the file, and another one is made."
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private_once(path, secrets.token_urlsafe(32).encode())
        path.chmod(0o600)
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ArchiveError(f"{path} cannot be used: {error}.", hint) from None
    if len(secret) < MIN_TOKEN_CHARS:
        raise ArchiveError(f"What {path} holds is shorter than {MIN_TOKEN_CHARS} characters.", hint)
    return secret

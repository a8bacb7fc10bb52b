"""Bearer tokens: who may call, as the MCP SDK's authentication asks it.

A server that other machines reach has one always. What the settings do not give is made once and kept in a file that
its user alone can read; no token is ever logged.
"""

import hmac
import os
import secrets
from pathlib import Path

from mcp.server.auth.provider import AccessToken

from ltx_mcp.errors import ArchiveError
from ltx_mcp.http.address import Address
from ltx_mcp.settings import MIN_TOKEN_CHARS

FILE_NAME = "http-token"
_HINT = "Delete it, and another one is made; or set LTX_MCP_HTTP_TOKEN."


class OneToken:
    """The SDK's TokenVerifier for a single token, which stands for the machine's own user."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    async def verify_token(self, token: str) -> AccessToken | None:
        """What the token allows; None for another one. Takes the same time for each wrong one."""
        if not hmac.compare_digest(self._token, token.encode()):
            return None
        return AccessToken(token=token, client_id="owner", scopes=[])


def needed_token(address: Address, given: str | None, folder: Path) -> tuple[str | None, Path | None]:
    """The token of a server on this address and the file that has it; None for both on loopback, if none was given.

    Raises ArchiveError.
    """
    if given is not None or address.is_loopback:
        return given, None
    return kept_token(folder)


def kept_token(folder: Path) -> tuple[str, Path]:
    """The token in the data directory's file, made where there is none, and the file. Raises ArchiveError."""
    path = folder / FILE_NAME
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _write_private(path, secrets.token_urlsafe(32))
        path.chmod(0o600)
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ArchiveError(f"{path} cannot be used: {error}.", _HINT) from None
    if len(token) < MIN_TOKEN_CHARS:
        raise ArchiveError(f"The token in {path} is shorter than {MIN_TOKEN_CHARS} characters.", _HINT)
    return token, path


def _write_private(path: Path, text: str) -> None:
    """By a rename: another process never reads half of it."""
    half = path.with_name(f"{path.name}.{os.getpid()}")
    with open(half, "x", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    half.rename(path)

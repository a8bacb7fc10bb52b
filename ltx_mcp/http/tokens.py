"""Bearer tokens: who may call, as the MCP SDK's authentication asks it.

A server that other machines reach has one always. What the settings do not give is made once and kept in a file that
its user alone can read; no token is ever logged.
"""

import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.types import ASGIApp, Receive, Scope, Send

from ltx_mcp.errors import ArchiveError
from ltx_mcp.http.address import Address
from ltx_mcp.settings import MIN_TOKEN_CHARS
from ltx_mcp.types.owners import calling

FILE_NAME = "http-token"
_HINT = "Delete it, and another one is made; or set LTX_MCP_HTTP_TOKEN."


class Tokens:
    """The SDK's TokenVerifier. `tokens` are by their owners (types/owners.py)."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._tokens = {owner: token.encode() for owner, token in tokens.items()}

    async def verify_token(self, token: str) -> AccessToken | None:
        """Whose token it is, as its subject; None for one that nobody has. Takes the same time for each wrong one."""
        given, found = token.encode(), None
        for owner, known in self._tokens.items():
            if hmac.compare_digest(known, given):
                found = AccessToken(token=token, client_id=owner, subject=owner, scopes=[])
        return found


class Calling:
    """An ASGI app around another, which runs on behalf of whose token the request has."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        user = scope.get("user")
        with calling(str(user.access_token.subject) if isinstance(user, AuthenticatedUser) else ""):
            await self._app(scope, receive, send)


def needed_tokens(address: Address, given: Mapping[str, str], folder: Path) -> tuple[Mapping[str, str], Path | None]:
    """The tokens of a server on this address, and the file of one that was not given. On loopback there may be none.

    Raises ArchiveError.
    """
    if given or address.is_loopback:
        return given, None
    token, path = _kept_token(folder)
    return {"": token}, path


def _kept_token(folder: Path) -> tuple[str, Path]:
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

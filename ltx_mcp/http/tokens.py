"""Bearer tokens: who may call, as the MCP SDK's authentication asks it.

A server that other machines reach has one always. What the settings do not give is made once and kept in a file that
its user alone can read; no token is ever logged.
"""

import hmac
from collections.abc import Mapping
from pathlib import Path

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.types import ASGIApp, Receive, Scope, Send

from ltx_mcp.http.address import Address
from ltx_mcp.http.private_files import kept_secret
from ltx_mcp.types.owners import calling

FILE_NAME = "http-token"
SCOPE = "ltx-mcp"  # what a token is good for; those of an issuer (oauth.py) may lack it


class Tokens:
    """The SDK's TokenVerifier. `tokens` are by their owners (types/owners.py)."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._tokens = {owner: token.encode() for owner, token in tokens.items()}

    async def verify_token(self, token: str) -> AccessToken | None:
        """Whose token it is, as its subject; None for one that nobody has. Takes the same time for each wrong one."""
        given, found = token.encode(), None
        for owner, known in self._tokens.items():
            if hmac.compare_digest(known, given):
                found = AccessToken(token=token, client_id=owner, subject=owner, scopes=[SCOPE])
        return found


class Calling:
    """An ASGI app around another, which runs on behalf of whose token the request has."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        user = scope.get("user")
        with calling(str(user.access_token.subject) if isinstance(user, AuthenticatedUser) else ""):
            await self._app(scope, receive, send)


def needed_tokens(
    address: Address, given: Mapping[str, str], folder: Path, has_issuer: bool = False
) -> tuple[Mapping[str, str], Path | None]:
    """The tokens of a server on this address, and the file of one that was not given. On loopback, and where an issuer
    gives tokens, there may be none.

    Raises ArchiveError.
    """
    if given or has_issuer or address.is_loopback:
        return given, None
    path = folder / FILE_NAME
    return {"": kept_secret(path)}, path

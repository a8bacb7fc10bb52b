"""Signed links to files of clips: whoever has one may read that file until it expires, and nothing else.

A browser or a player is given a URL and no token. What signs them is made once for an installation.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Receive, Scope, Send

from ltx_mcp.types.links import linking

LIFE_S = 24 * 3600  # of a link, at least
_SAME_S = 3600  # links are the same for so long, so that a player's cache knows them again
_SIGNATURE_BYTES = 16


@dataclass(frozen=True)
class Links:
    """Makes and checks them. `clock` gives seconds since the epoch."""

    secret: str
    clock: Callable[[], float] = time.time

    def path(self, clip_id: str, name: str) -> str:
        """The link to a file of a clip, from the server's root on."""
        expires = str((int(self.clock()) + LIFE_S) // _SAME_S * _SAME_S + _SAME_S)
        return f"/clips/{clip_id}/{name}?expires={expires}&sig={self._signature(clip_id, name, expires)}"

    def allows(self, clip_id: str, name: str, query: QueryParams) -> bool:
        """Whether the query signs this file, and has not expired."""
        expires = query.get("expires", "")
        wanted = self._signature(clip_id, name, expires).encode()
        if not hmac.compare_digest(wanted, query.get("sig", "").encode()):
            return False
        return self.clock() < int(expires)  # a signed one is a number

    def _signature(self, *signed: str) -> str:
        digest = hmac.digest(self.secret.encode(), "\n".join(signed).encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:_SIGNATURE_BYTES]).rstrip(b"=").decode()


class Linking:
    """An ASGI app around another, whose callers get links that begin with `url`, or with how they called the server."""

    def __init__(self, app: ASGIApp, links: Links, url: str | None) -> None:
        self._app, self._links, self._url = app, links, url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = next((value.decode("latin-1") for name, value in scope.get("headers", ()) if name == b"host"), "")
        base = self._url or f"{scope.get('scheme', 'http')}://{host}"
        with linking(lambda clip_id, name: base + self._links.path(clip_id, name)):
            await self._app(scope, receive, send)

"""POST /page/session: a browser that was opened on a code is given the token, once.

The code stands in the address that the browser is started with, which other users of the machine may see; by then it
has been used. In the address it stands behind a #, so that no server and no other page is told of it.
"""

import hmac
import secrets

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

_MAX_BYTES = 200


class Invitation:
    """A code and the token that it is worth, both of 32 random bytes."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)
        self.code = secrets.token_urlsafe(32)
        self._is_open = True

    async def post(self, request: Request) -> Response:
        given = b""
        async for chunk in request.stream():
            given += chunk
            if len(given) > _MAX_BYTES:
                break
        if not self._is_open or not hmac.compare_digest(given, self.code.encode()):
            return JSONResponse({"error": "This address was used already: start ltx-mcp studio again."}, 403)
        self._is_open = False
        return JSONResponse({"token": self.token}, headers={"cache-control": "no-store"})

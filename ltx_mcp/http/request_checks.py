"""What every request passes before anything answers it: its Host, its Origin, and how long its client may take.

Tokens are checked after it, by the SDK's middleware (app.py), because signed URLs need none.
"""

import anyio
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ltx_mcp.http.address import Hosts

BODY_S = 30.0  # without a byte of a body that was begun
SEND_S = 60.0  # until a client reads on; what it has not read is held here
_ON_EVERY_ANSWER = (b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")


class RequestChecks:
    """An ASGI app around another: refuses foreign hosts and origins, and gives up on clients that stand still."""

    def __init__(self, app: ASGIApp, hosts: Hosts, body_s: float = BODY_S, send_s: float = SEND_S) -> None:
        self._app, self._hosts = app, hosts
        self._body_s, self._send_s = body_s, send_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif (refusal := self._refusal(Headers(scope=scope))) is not None:
            await refusal(scope, receive, send)
        else:
            await self._app(scope, _Body(receive, self._body_s), _Answer(send, self._send_s))

    def _refusal(self, headers: Headers) -> Response | None:
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or not self._hosts.serves(hosts[0]):
            said = "This server is not called by that Host. LTX_MCP_HTTP_URL names it as its clients know it."
            return PlainTextResponse(said, 421)
        if any(not self._hosts.trusts(origin, hosts[0]) for origin in origins):
            said = "Pages of that Origin may not call this server. LTX_MCP_HTTP_URL names the one that may."
            return PlainTextResponse(said, 403)
        return None


class _Body:
    """Receives a request. A client that stops in the middle of its body is taken for gone."""

    def __init__(self, receive: Receive, patience_s: float) -> None:
        self._receive, self._patience_s = receive, patience_s
        self._whole = False

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()
        with anyio.move_on_after(self._patience_s):
            message = await self._receive()
            self._whole = message["type"] != "http.request" or not message.get("more_body", False)
            return message
        self._whole = True
        return {"type": "http.disconnect"}


class _Answer:
    """Sends an answer. Raises OSError, as for a connection that broke, where the client does not read on."""

    def __init__(self, send: Send, patience_s: float) -> None:
        self._send, self._patience_s = send, patience_s

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *_ON_EVERY_ANSWER]}
        with anyio.move_on_after(self._patience_s) as waiting:
            await self._send(message)
        if waiting.cancelled_caught:
            raise BrokenPipeError("the client does not read on")

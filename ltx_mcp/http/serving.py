"""The HTTP server as a process: uvicorn on one socket, until SIGINT or SIGTERM.

On either whoever waits for a job is told first that the next server goes on with it; then connections close, and the
studio.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from types import FrameType

from starlette.types import ASGIApp
from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS = 256  # beyond them requests are answered 503, and beyond twice as many none is opened
HEAD_S = 10.0  # until the first request of a connection has arrived
GRACE_S = 8.0  # for answers that are under way when the server stops


class _Connection(H11Protocol):
    """One on which no request arrives is closed: uvicorn itself waits for ever."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._waiting = self.loop.call_later(HEAD_S, self._close_unused)
        if len(self.connections) > 2 * MAX_CONNECTIONS:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.cancel()
        super().connection_lost(exc)

    def _close_unused(self) -> None:
        if self.cycle is None:
            self.transport.close()


class HttpServer(Server):
    """`on_stop` is called on the event loop with the first signal; a second one does not wait for answers.

    `serve` returns after either, and leaves it to its caller to end the process, once all else is closed.
    """

    def __init__(self, app: ASGIApp, on_stop: Callable[[], None]) -> None:
        self._on_stop = on_stop
        super().__init__(
            Config(
                app,
                http=_Connection,
                ws="none",
                lifespan="on",
                limit_concurrency=MAX_CONNECTIONS,
                timeout_keep_alive=15,
                timeout_graceful_shutdown=round(GRACE_S),
                log_config=None,  # uvicorn's own writes to standard output
                access_log=False,
                server_header=False,
                proxy_headers=False,
            )
        )

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    async def stop_after(self, event: Callable[[], Awaitable[None]]) -> None:
        """Stop as with a signal, once this has happened."""
        await event()
        self._on_stop()
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            self.force_exit = True
        else:
            self._loop.call_soon_threadsafe(self._on_stop)
        self.should_exit = True

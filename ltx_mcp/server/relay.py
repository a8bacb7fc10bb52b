"""One client of this process, and whichever process serves it: the messages of both are passed on.

When the process that serves ends, another takes its place, and the client notices nothing: its session is opened there
as it was opened before, and what is still unanswered is asked again, with the time when it was asked first: so a
maker's call is answered by the job that it had started, even if that has ended meanwhile.
"""

import logging
import time
from dataclasses import dataclass, field
from typing import TypeAlias

import anyio
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCError, JSONRPCMessage, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse, RequestId

from ltx_mcp.tools._job import ASKED_AT

log = logging.getLogger(__name__)

Streams: TypeAlias = "tuple[ReadStream[SessionMessage | Exception], WriteStream[SessionMessage]]"
"""Messages that come from the other side, and those that go to it."""

_GONE = (anyio.BrokenResourceError, anyio.ClosedResourceError)


@dataclass(frozen=True)
class Session:
    """What another server needs to go on with a client: what opened its session, and what is unanswered."""

    opened: tuple[JSONRPCMessage, ...] = ()
    unanswered: tuple[JSONRPCMessage, ...] = ()


NEW_SESSION = Session()


@dataclass(frozen=True)
class _Asked:
    """A request that has not been answered; `at` is when it came, in seconds since the epoch."""

    request: JSONRPCRequest
    at: float = field(default_factory=time.time)

    def again(self) -> JSONRPCRequest:
        """The request as it is asked again; of a call of a tool with the time when it was asked first."""
        if self.request.method != "tools/call":
            return self.request
        params = self.request.params or {}
        meta = {ASKED_AT: self.at, **(params.get("_meta") or {})}
        return self.request.model_copy(update={"params": {**params, "_meta": meta}})


class Relay:
    """Reads a client for as long as it stays. `client_left` is set once it has gone.

    `session` is the one that it has already, where another process served it before.
    """

    def __init__(self, client: Streams, session: Session = NEW_SESSION) -> None:
        self._from_client, self._to_client = client
        self._to_server: WriteStream[SessionMessage] | None = None
        self._turn = anyio.Lock()  # a message is remembered and passed on, or asked again, but not both
        self._opened = [SessionMessage(message) for message in session.opened]
        self._unanswered: dict[RequestId, _Asked] = {
            message.id: _Asked(message) for message in session.unanswered if isinstance(message, JSONRPCRequest)
        }
        self._repeated: RequestId | None = None  # the opening request, whose answer the client has already
        self._reopened = anyio.Event()
        self.client_left = anyio.Event()

    @property
    def session(self) -> Session:
        """The client's session as it is now."""
        unanswered = tuple(asked.again() for asked in self._unanswered.values())
        return Session(tuple(item.message for item in self._opened), unanswered)

    async def read_client(self) -> None:
        """Until the client leaves. Runs beside `serve`, and over all of its calls."""
        try:
            async for item in self._from_client:
                if isinstance(item, SessionMessage):
                    async with self._turn:
                        self._remember(item)
                        await self._pass_on(item)
        finally:
            self.client_left.set()
            if self._to_server is not None:
                await self._to_server.aclose()

    async def serve(self, server: Streams) -> None:
        """Let this server serve the client, until either has gone."""
        from_server, to_server = server
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._open, to_server)
            try:
                async for item in from_server:
                    if isinstance(item, SessionMessage) and not self._is_known(item.message):
                        await self._to_client.send(item)
                        self._forget(item.message)  # only now: it may be cancelled, and must not be lost
            except _GONE:
                log.debug("the other side has gone", exc_info=True)
            self._to_server = None
            tasks.cancel_scope.cancel()

    async def _open(self, to_server: WriteStream[SessionMessage]) -> None:
        async with self._turn:
            self._to_server = to_server
            if self.client_left.is_set():
                await to_server.aclose()
                return
            if self._opened:
                await self._reopen()
            for asked in [
                each for each in self._unanswered.values() if SessionMessage(each.request) not in self._opened
            ]:
                await self._pass_on(SessionMessage(asked.again()))

    async def _reopen(self) -> None:
        first, *rest = self._opened
        asked = _request_id(first.message)
        if asked not in self._unanswered:  # the client has the answer, and must not get another
            self._repeated, self._reopened = asked, anyio.Event()
        await self._pass_on(first)
        if self._repeated is not None:
            await self._reopened.wait()
        for item in rest:
            await self._pass_on(item)

    async def _pass_on(self, item: SessionMessage) -> None:
        if self._to_server is not None:
            try:
                await self._to_server.send(item)
            except _GONE:  # whoever comes next is told what is unanswered
                self._to_server = None

    def _remember(self, item: SessionMessage) -> None:
        match item.message:
            case JSONRPCRequest(method="initialize"):
                self._opened = [item]
                self._unanswered[item.message.id] = _Asked(item.message)
            case JSONRPCRequest():
                self._unanswered[item.message.id] = _Asked(item.message)
            case JSONRPCNotification(method="notifications/initialized"):
                self._opened.append(item)
            case JSONRPCNotification(method="notifications/cancelled", params={"requestId": request_id}):
                self._unanswered.pop(request_id, None)
            case _:
                pass

    def _is_known(self, message: JSONRPCMessage) -> bool:
        """Whether this is an answer that the client has already: that the session is open."""
        if not isinstance(message, JSONRPCResponse | JSONRPCError) or message.id is None:
            return False
        if message.id == self._repeated:
            self._repeated = None
            self._reopened.set()
            return True
        return False

    def _forget(self, message: JSONRPCMessage) -> None:
        """The request that this answers, if it is an answer, is not asked again."""
        if isinstance(message, JSONRPCResponse | JSONRPCError) and message.id is not None:
            self._unanswered.pop(message.id, None)


def _request_id(message: JSONRPCMessage) -> RequestId | None:
    return message.id if isinstance(message, JSONRPCRequest) else None

"""Lines of the wire that are not messages: each gets an error answer, and the server goes on.

The SDK passes what it cannot parse to a log, so a client would wait for its answer until it gives up: a text that was
cut within an emoji is enough. An answer names its request where the line tells which one it was.
"""

import json
import re
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from mcp.shared.message import SessionMessage
from mcp.types import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError
from pydantic import ValidationError

if TYPE_CHECKING:
    from mcp.shared._stream_protocols import ReadStream, WriteStream

_MAX_SHOWN = 60  # characters of a line that are quoted back
_HALF = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F]")
_ID = re.compile(r'\s*\{[^{}\[\]]*?"id"\s*:\s*([0-9]{1,18}|"[^"\\]{0,200}")\s*[,}]')


class AnsweredLines:
    """A stream of messages without those lines that could not be parsed, which are answered on `outgoing`."""

    def __init__(
        self, incoming: "ReadStream[SessionMessage | Exception]", outgoing: "WriteStream[SessionMessage]"
    ) -> None:
        self._incoming, self._outgoing = incoming, outgoing

    @property
    def last_context(self) -> Any:
        """The context of the sender of the last message, as the SDK's streams give it."""
        return getattr(self._incoming, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        """The next message. Raises EndOfStream after the last one."""
        while isinstance(item := await self._incoming.receive(), ValidationError):
            if (error := answer_to(item)) is not None:
                await self._outgoing.send(SessionMessage(error))
        return item

    async def aclose(self) -> None:
        await self._incoming.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        while isinstance(item := await self._incoming.__anext__(), ValidationError):
            if (error := answer_to(item)) is not None:
                await self._outgoing.send(SessionMessage(error))
        return item

    async def __aenter__(self) -> Self:
        await self._incoming.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._incoming.__aexit__(kind, error, trace)


def answer_to(failure: ValidationError) -> JSONRPCError | None:
    """The error answer to a line, from why it is not a message; None for an empty one and for an answer of a client."""
    details = failure.errors(include_url=False)
    if details[0]["type"] != "json_invalid":
        # Each kind of message was tried in turn, and at least one of them misses a field of the whole.
        whole = next((each["input"] for each in details if isinstance(each["input"], dict)), {})
        if "method" not in whole and whole.keys() & {"result", "error"}:
            return None
        text = "This is not a JSON-RPC 2.0 message: a request has jsonrpc, id, method, and params that are an object."
        return _error(_valid_id(whole.get("id")), INVALID_REQUEST, text)
    line = str(details[0]["input"])
    if not line.strip():
        return None
    if _HALF.search(line):
        text = "This line holds half of a character (a lone surrogate such as \\ud83d): send it with whole characters."
    else:
        reason = details[0]["msg"].removeprefix("Invalid JSON: ")
        text = f"This line is not valid JSON ({reason}), and begins with {line.strip()[:_MAX_SHOWN]!r}."
    return _error(_id_in(line), PARSE_ERROR, text)


def _error(request_id: int | str | None, code: int, message: str) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=message))


def _id_in(line: str) -> int | str | None:
    """The id of the request in a line that is not valid; None where it cannot be told for certain."""
    line = line.lstrip("\ufeff")
    try:
        whole = json.loads(line)  # takes lone surrogates
    except (ValueError, RecursionError):
        found = _ID.match(line)  # before anything that is nested, which may have an id of its own
        return _valid_id(json.loads(found[1])) if found else None
    return _valid_id(whole.get("id")) if isinstance(whole, dict) else None


def _valid_id(value: object) -> int | str | None:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return value if isinstance(value, int) and not isinstance(value, bool) else None

"""MCP messages over a byte stream: JSON lines, as on stdio. Both ends are ours and have proven who they are."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager

import anyio
from anyio.abc import ByteReceiveStream, ByteStream
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCMessage
from mcp.types.jsonrpc import jsonrpc_message_adapter
from pydantic import ValidationError

from ltx_mcp.server.relay import Streams

MAX_LINE_BYTES = 256 * 1024 * 1024  # what stdio hosts can send has no limit; a video resource takes 14 MB as text


def texts(items: Iterable[JSONRPCMessage]) -> tuple[str, ...]:
    """Messages as they are written."""
    return tuple(item.model_dump_json(by_alias=True, exclude_unset=True) for item in items)


def messages(lines: Iterable[str]) -> tuple[JSONRPCMessage, ...]:
    """Messages as they were written. Raises ValidationError."""
    return tuple(jsonrpc_message_adapter.validate_json(line, by_name=False) for line in lines)


class LineReader:
    """Lines of a byte stream, without their ends. Raises EndOfStream after the last, and where one is too long."""

    def __init__(self, stream: ByteReceiveStream, rest: bytes = b"") -> None:
        self._stream = stream
        self._rest = bytearray(rest)

    @property
    def rest(self) -> bytes:
        """What has arrived of lines that were not asked for."""
        return bytes(self._rest)

    async def receive(self, limit: int = MAX_LINE_BYTES) -> bytes:
        looked = 0
        while (end := self._rest.find(b"\n", looked)) < 0:
            looked = len(self._rest)
            if looked > limit:
                raise anyio.EndOfStream
            self._rest += await self._stream.receive()
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        return line


@asynccontextmanager
async def message_streams(stream: ByteStream, lines: LineReader) -> AsyncGenerator[Streams]:
    """The messages of the other side, and where those for it are put. Both end when either side closes."""
    received, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outgoing, sent = anyio.create_memory_object_stream[SessionMessage](0)

    async def read() -> None:
        async with received:
            try:
                while True:
                    message = jsonrpc_message_adapter.validate_json(await lines.receive(), by_name=False)
                    await received.send(SessionMessage(message))
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, ValidationError):
                return

    async def write() -> None:
        async with sent:
            try:
                async for item in sent:
                    text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
                    await stream.send(text.encode() + b"\n")
                await stream.send_eof()
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                return

    async with received, incoming, outgoing, sent, anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        tasks.start_soon(write)
        try:
            yield incoming, outgoing
        finally:
            tasks.cancel_scope.cancel()

"""Attaching to the process that owns the engine."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import SocketStream

from ltx_mcp.jobs.engine_lock import Address
from ltx_mcp.server.engine_owner import Status
from ltx_mcp.server.introduction import Guest, Host, Stranger, introduce
from ltx_mcp.server.relay import Streams
from ltx_mcp.server.socket_messages import LineReader, message_streams


@asynccontextmanager
async def attached(address: Address, guest: Guest) -> AsyncGenerator[tuple[Streams, Host]]:
    """A session in the owner's process, and who that is. Raises Stranger, and OSError where nobody listens."""
    async with await _connected(address) as stream:
        lines = LineReader(stream)
        host = await introduce(stream, lines, address.key, guest)
        async with message_streams(stream, lines) as streams:
            yield streams, host


async def status_of(address: Address) -> Status:
    """What the owner says of itself. Raises Stranger, OSError."""
    async with await _connected(address) as stream:
        lines = LineReader(stream)
        await introduce(stream, lines, address.key, Guest(wants="status", pid=os.getpid()))
        try:
            return Status.model_validate_json(await lines.receive())
        except (anyio.EndOfStream, anyio.BrokenResourceError, ValueError):
            raise Stranger from None


async def _connected(address: Address) -> SocketStream:
    return await anyio.connect_tcp("127.0.0.1", address.port)

"""A client's session in this process."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from mcp.shared.message import SessionMessage

from ltx_mcp.server.relay import Streams
from ltx_mcp.server.server import make_server
from ltx_mcp.studio.lazy_studio import LazyStudio


async def run_session(lazy_studio: LazyStudio, client: Streams) -> None:
    """Serve a client until it leaves, and let its calls know that it has."""
    from_client, to_client = client
    put, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)

    async def read() -> None:
        async with put, from_client:
            async for item in from_client:
                await put.send(item)
            lazy_studio.leave_client()

    async with anyio.create_task_group() as tasks, incoming, to_client:
        tasks.start_soon(read)
        await make_server(lazy_studio).serve((incoming, to_client))
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def session_here(lazy_studio: LazyStudio) -> AsyncGenerator[Streams]:
    """A session of this process, and the streams to talk to it."""
    to_session, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outgoing, from_session = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    async with anyio.create_task_group() as tasks, to_session, incoming, outgoing, from_session:
        tasks.start_soon(run_session, lazy_studio, (incoming, outgoing))
        yield from_session, to_session
        tasks.cancel_scope.cancel()

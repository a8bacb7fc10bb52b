"""mcp 1.x: the SDK of 2025-11-25 and before."""

from contextlib import AsyncExitStack
from typing import Any

from exchange import MAKE, SEARCH, Said, run
from mcp import ClientSession, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client


async def talk(target: Any) -> Said:
    async with AsyncExitStack() as stack:
        transport = (
            streamable_http_client(target) if isinstance(target, str) else stdio_client(StdioServerParameters(**target))
        )
        streams = await stack.enter_async_context(transport)
        session = await stack.enter_async_context(ClientSession(*streams[:2]))
        await session.initialize()
        tools = [tool.name for tool in (await session.list_tools()).tools]
        made, found = await session.call_tool("generate_video", MAKE), await session.call_tool("search_clips", SEARCH)
        assert made.structuredContent
        assert made.structuredContent["clip"]["duration_s"] == 1
        return tools, made.content, found.content


run(talk)

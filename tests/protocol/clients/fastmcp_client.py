"""fastmcp's client."""

from typing import Any

from exchange import MAKE, SEARCH, Said, run
from fastmcp import Client
from fastmcp.client.transports import StdioTransport


async def talk(target: Any) -> Said:
    async with Client(target if isinstance(target, str) else StdioTransport(**target)) as client:
        tools = [tool.name for tool in await client.list_tools()]
        made, found = await client.call_tool("generate_video", MAKE), await client.call_tool("search_clips", SEARCH)
        assert made.structured_content
        assert made.structured_content["clip"]["duration_s"] == 1
        return tools, made.content, found.content


run(talk)

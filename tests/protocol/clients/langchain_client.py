"""langchain-mcp-adapters: the ToolMessage that LangChain appends to the chat."""

from typing import Any

from exchange import MAKE, SEARCH, Said, run
from langchain_mcp_adapters.client import MultiServerMCPClient


async def talk(target: Any) -> Said:
    is_http = isinstance(target, str)
    connection = {"transport": "http", "url": target} if is_http else {"transport": "stdio", **target}
    tools = {tool.name: tool for tool in await MultiServerMCPClient({"ltx": connection}).get_tools()}

    async def called(name: str, arguments: dict[str, Any]) -> Any:
        return (await tools[name].ainvoke({"type": "tool_call", "id": "1", "name": name, "args": arguments})).content

    return list(tools), await called("generate_video", MAKE), await called("search_clips", SEARCH)


run(talk)

"""mcp-use, through the adapter that gives LangChain's models their tools."""

from typing import Any

from exchange import MAKE, SEARCH, Said, run
from mcp_use import MCPClient
from mcp_use.agents.adapters.langchain_adapter import LangChainAdapter


async def talk(target: Any) -> Said:
    client = MCPClient({"mcpServers": {"ltx": {"url": target} if isinstance(target, str) else target}})
    try:
        tools = {tool.name: tool for tool in await LangChainAdapter().create_tools(client)}
        made, found = await tools["generate_video"].ainvoke(MAKE), await tools["search_clips"].ainvoke(SEARCH)
        return list(tools), _blocks(made), _blocks(found)
    finally:
        await client.close_all_sessions()


def _blocks(said: Any) -> list[Any]:
    return said if isinstance(said, list) else [str(said)]


run(talk)

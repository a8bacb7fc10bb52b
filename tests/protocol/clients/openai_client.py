"""openai-agents: the output of the function tool that it makes of each MCP tool."""

import json
from typing import Any

from agents.mcp import MCPServerStdio, MCPServerStreamableHttp, MCPUtil
from agents.tool_context import ToolContext
from exchange import LIMIT_S, MAKE, SEARCH, Said, run


async def talk(target: Any) -> Said:
    kind, params = (MCPServerStreamableHttp, {"url": target}) if isinstance(target, str) else (MCPServerStdio, target)
    async with kind(params=params, client_session_timeout_seconds=LIMIT_S) as server:
        tools = {tool.name: tool for tool in await server.list_tools()}

        async def called(name: str, arguments: dict[str, Any]) -> list[Any]:
            function = MCPUtil.to_function_tool(tools[name], server, convert_schemas_to_strict=True)
            words = json.dumps(arguments)
            context = ToolContext(context=None, tool_name=name, tool_call_id="1", tool_arguments=words)
            said = await function.on_invoke_tool(context, words)
            return said if isinstance(said, list) else [said]

        return list(tools), await called("generate_video", MAKE), await called("search_clips", SEARCH)


run(talk)

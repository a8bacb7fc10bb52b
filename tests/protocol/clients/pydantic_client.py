"""pydantic-ai: an agent whose model is a function, which sees what any model would see."""

from typing import Any

from exchange import LIMIT_S, MAKE, SEARCH, Said, run
from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel


async def talk(target: Any) -> Said:
    calls = [("generate_video", MAKE), ("search_clips", SEARCH)]
    tools: list[str] = []
    seen: list[list[Any]] = []

    def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        tools[:] = [tool.name for tool in info.function_tools]
        if len(messages) > 1:
            seen.append([block for part in messages[-1].parts for block in _blocks(part)])
        return ModelResponse(parts=[ToolCallPart(*calls.pop(0))] if calls else [TextPart("done")])

    client = target if isinstance(target, str) else StdioTransport(**target)
    toolset = MCPToolset(client, init_timeout=LIMIT_S, read_timeout=LIMIT_S)  # its own: 5 s until a server has started
    async with Agent(FunctionModel(model), toolsets=[toolset]) as agent:
        await agent.run("a red circle")
    made, found = seen
    return tools, made, found


def _blocks(part: Any) -> list[Any]:
    """Text is a text; an image comes as bytes with a media type."""
    items = part.content if isinstance(part.content, list) else [part.content]
    return [item if isinstance(item, str) else {"type": getattr(item, "media_type", ""), "text": ""} for item in items]


run(talk)

"""An MCP server that passes calls on to a session with the engine's owner, wherever that is (shared_engine.py)."""

from typing import Any

from mcp import Client
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
)

from ltx_mcp import __version__


def forwarding_server(session: Client) -> Server[Any]:
    """Tools and resources of that session; more is not asked by the page that it serves."""

    async def list_tools(_: ServerRequestContext[Any], params: PaginatedRequestParams | None) -> ListToolsResult:
        return await session.list_tools()

    async def call_tool(_: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
        return await session.call_tool(params.name, params.arguments)

    async def read_resource(_: ServerRequestContext[Any], params: ReadResourceRequestParams) -> ReadResourceResult:
        return await session.read_resource(params.uri, cache_mode="bypass")

    return Server(
        "ltx-mcp",
        version=__version__,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_read_resource=read_resource,
    )

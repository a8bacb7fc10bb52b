"""MCP Apps (io.modelcontextprotocol/ui): the player and the board of the page, inside the chat of hosts that show them.

Other hosts are told of no view with their tools: to them it is a few tokens for nothing.
"""

from mcp.server.apps import Apps
from mcp.types import ListToolsResult

from ltx_mcp.page import app_html
from ltx_mcp.server.tasks import MAKERS

VIEW = "ui://ltx-mcp/archive.html"
VIEWED = MAKERS - {"export_clip"} | {"get_job", "search_clips"}
"""The tools whose results are clips, jobs that make some, or moments."""

_META = {"ui": {"resourceUri": VIEW}, "ui/resourceUri": VIEW}  # the flat key is that of hosts before 2026-01-26


def archive_view() -> Apps:
    """The extension with the view, which asks its host for everything and needs no address of any server."""
    apps = Apps()
    apps.add_html_resource(VIEW, app_html(), title="Clips, moments and jobs to look at", prefers_border=True)
    return apps


def with_view(listed: ListToolsResult) -> ListToolsResult:
    """The list for a host that shows views."""
    tools = [tool.model_copy(update={"meta": _META}) if tool.name in VIEWED else tool for tool in listed.tools]
    return listed.model_copy(update={"tools": tools})

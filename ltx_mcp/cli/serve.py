"""`ltx-mcp serve`: MCP on stdio, by the engine of the data directory.

The studio is opened by the first call that needs it, or at once where jobs wait.
"""

import argparse
import logging
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from mcp.server.stdio import stdio_server

from ltx_mcp.jobs.database import has_unfinished
from ltx_mcp.server.shared_engine import serve_client
from ltx_mcp.server.wire import AnsweredLines
from ltx_mcp.settings import Settings
from ltx_mcp.studio.lazy_studio import LazyStudio

if TYPE_CHECKING:
    from ltx_mcp.studio.studio import Studio

log = logging.getLogger(__name__)


async def serve(settings: Settings, _arguments: argparse.Namespace) -> int:
    def studio() -> "AbstractAsyncContextManager[Studio]":
        from ltx_mcp.compose import open_studio

        return open_studio(settings, fetches=True, recovers=True)

    def has_work() -> bool:
        return has_unfinished(settings.data_dir / "jobs.sqlite")

    for root in settings.roots:
        if not root.is_dir():  # it may come later, with a drive that is plugged in
            log.warning("LTX_MCP_ROOTS: %s does not exist or is not a folder", root)
    lazy_studio = LazyStudio(studio, settings.max_wait_s, has_work)
    async with stdio_server() as (incoming, outgoing):
        await serve_client(settings, lazy_studio, (AnsweredLines(incoming, outgoing), outgoing))
    return 0

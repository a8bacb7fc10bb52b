"""`ltx-mcp serve`: MCP on stdio, by the engine of the data directory, or over HTTP.

The studio is opened by the first call that needs it, or at once where jobs wait.
"""

import argparse
import logging
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from mcp.server.stdio import stdio_server

from ltx_mcp.cli.options import read_options
from ltx_mcp.cli.output import err
from ltx_mcp.cli.serve_options import ServeOptions
from ltx_mcp.jobs.database import has_unfinished
from ltx_mcp.server.shared_engine import owned_engine, serve_client
from ltx_mcp.server.wire import AnsweredLines
from ltx_mcp.settings import Settings
from ltx_mcp.studio.lazy_studio import LazyStudio

if TYPE_CHECKING:
    from ltx_mcp.studio.studio import Studio

log = logging.getLogger(__name__)


def serving_studio(settings: Settings) -> LazyStudio:
    """The studio of a process that stays: it goes on with the jobs of dead ones, and fetches a search model."""

    def studio() -> "AbstractAsyncContextManager[Studio]":
        from ltx_mcp.compose import open_studio

        return open_studio(settings, fetches=True, recovers=True)

    def has_work() -> bool:
        return has_unfinished(settings.data_dir / "jobs.sqlite")

    return LazyStudio(studio, settings.max_wait_s, has_work)


async def serve(settings: Settings, arguments: argparse.Namespace) -> int:
    for root in settings.roots:
        if not root.is_dir():  # it may come later, with a drive that is plugged in
            log.warning("LTX_MCP_ROOTS: %s does not exist or is not a folder", root)
    options = read_options(ServeOptions, arguments)
    lazy_studio = serving_studio(settings)
    if options.http is not None:
        await _serve_http(settings, lazy_studio, options.http)
        return 0
    async with stdio_server() as (incoming, outgoing):
        await serve_client(settings, lazy_studio, (AnsweredLines(incoming, outgoing), outgoing))
    return 0


async def _serve_http(settings: Settings, lazy_studio: LazyStudio, where: str) -> None:
    from ltx_mcp.http.address import Address, listen, read_address
    from ltx_mcp.http.app import MCP_PATH, Access, make_app
    from ltx_mcp.http.serving import HttpServer
    from ltx_mcp.http.tokens import needed_tokens

    with listen(read_address(where)) as socket:
        address = Address(*socket.getsockname()[:2])
        issuer = settings.http_issuer
        tokens, path = needed_tokens(address, settings.http_token, settings.data_dir, has_issuer=issuer is not None)
        if path is not None:
            err.print(f"Clients need the token in {path}.", markup=False)
        access = Access.of(address, settings.http_url, tokens, issuer, settings.http_audience)
        app = make_app(lazy_studio, settings, access)
        err.print(f"MCP over HTTP at {settings.http_url or f'http://{address}'}{MCP_PATH}", markup=False)
        async with owned_engine(settings, lazy_studio):
            await HttpServer(app, lazy_studio.stop_jobs).serve([socket])

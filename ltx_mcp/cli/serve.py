"""`ltx-mcp serve`: MCP on stdio, by the engine of the data directory, or over HTTP.

The studio is opened by the first call that needs it, or at once where jobs wait.
"""

import argparse
import gc
import logging
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
from mcp.server.stdio import stdio_server

from ltx_mcp.cli.options import read_options
from ltx_mcp.cli.output import err
from ltx_mcp.cli.serve_options import ServeOptions
from ltx_mcp.errors import DeviceLost
from ltx_mcp.jobs.database import has_unfinished
from ltx_mcp.server.fresh_process import CAN_REPLACE, Left, left_by_the_one_before, replace_this_process
from ltx_mcp.server.relay import Session
from ltx_mcp.server.shared_engine import START_AGAIN, owned_engine, serve_client
from ltx_mcp.server.socket_messages import messages, texts
from ltx_mcp.server.standard_input import standard_input
from ltx_mcp.server.wire import AnsweredLines
from ltx_mcp.settings import Settings
from ltx_mcp.studio.lazy_studio import LazyStudio

if TYPE_CHECKING:
    from ltx_mcp.studio.studio import Studio

log = logging.getLogger(__name__)


SWITCH_S = 0.0005
"""How long a thread that renders may keep the interpreter from the one that answers clients. Python's own 5 ms are paid
several times in each answer."""

ALLOCATIONS = 20_000
"""Until the garbage collector looks at the youngest objects; Python's own are 700. A pass over all of them, which it
makes again and again while imports add more, keeps everybody waiting for 0.1 to 0.2 s."""


def serving_studio(settings: Settings) -> LazyStudio:
    """The studio of a process that stays: it goes on with the jobs of dead ones, and fetches a search model."""

    @asynccontextmanager
    async def studio() -> "AsyncGenerator[Studio]":
        from ltx_mcp.compose import open_studio

        async with open_studio(settings, fetches=True, recovers=True) as opened:
            gc.freeze()  # what was imported stays: it is never gone through again
            yield opened

    def has_work() -> bool:
        return has_unfinished(settings.data_dir / "jobs.sqlite")

    return LazyStudio(studio, settings.max_wait_s, has_work)


async def serve(settings: Settings, arguments: argparse.Namespace) -> int:
    sys.setswitchinterval(SWITCH_S)
    gc.set_threshold(ALLOCATIONS)
    for root in settings.roots:
        if not root.is_dir():  # it may come later, with a drive that is plugged in
            log.warning("LTX_MCP_ROOTS: %s does not exist or is not a folder", root)
    options = read_options(ServeOptions, arguments)
    lazy_studio = serving_studio(settings)
    left = left_by_the_one_before()
    if options.http is not None:
        await _serve_http(settings, lazy_studio, options.http, left)
    elif CAN_REPLACE:
        await _serve_replaceable(settings, lazy_studio, left)
    else:
        async with stdio_server() as (incoming, outgoing):
            await serve_client(settings, lazy_studio, (AnsweredLines(incoming, outgoing), outgoing))
    return 0


async def _serve_replaceable(settings: Settings, lazy_studio: LazyStudio, left: Left) -> None:
    """Serve the client on stdio; once the device is lost, a fresh process goes on with it in the place of this one."""
    session = Session(messages(left.opened), messages(left.unanswered))
    with standard_input(left.unread) as lines:
        async with stdio_server(stdin=lines) as (incoming, outgoing):  # type: ignore[arg-type]  # it is iterated, no more
            unfinished = await serve_client(
                settings,
                lazy_studio,
                (AnsweredLines(incoming, outgoing), outgoing),
                session=session,
                inherited_lock=left.lock,
                stop_reading=lines.stop,
            )
    if unfinished is not None:
        opened, unanswered = texts(unfinished.session.opened), texts(unfinished.session.unanswered)
        lock = unfinished.lock.file if unfinished.lock else None
        replace_this_process(Left(lock=lock, opened=opened, unanswered=unanswered, unread=lines.unread))


async def _serve_http(settings: Settings, lazy_studio: LazyStudio, where: str, left: Left) -> None:
    from ltx_mcp.http.address import Address, listen, read_address
    from ltx_mcp.http.app import MCP_PATH, Access, make_app
    from ltx_mcp.http.serving import HttpServer
    from ltx_mcp.http.tokens import needed_tokens

    with listen(read_address(where), left.listening) as socket:
        address = Address(*socket.getsockname()[:2])
        issuer = settings.http_issuer
        tokens, path = needed_tokens(address, settings.http_token, settings.data_dir, has_issuer=issuer is not None)
        if path is not None:
            err.print(f"Clients need the token in {path}.", markup=False)
        access = Access.of(address, settings.http_url, tokens, issuer, settings.http_audience)
        app = make_app(lazy_studio, settings, access)
        err.print(f"MCP over HTTP at {settings.http_url or f'http://{address}'}{MCP_PATH}", markup=False)
        async with owned_engine(settings, lazy_studio, left.lock) as lock, anyio.create_task_group() as tasks:
            server = HttpServer(app, lazy_studio.stop_jobs)
            tasks.start_soon(server.stop_after, lazy_studio.device_lost)
            await server.serve([socket.dup()])  # it closes what it is given
            tasks.cancel_scope.cancel()
        if lazy_studio.has_lost_device:
            if not CAN_REPLACE:
                raise DeviceLost("The device broke, and this process cannot use it any more.", START_AGAIN)
            replace_this_process(Left(lock=lock.file, listening=socket.fileno()))

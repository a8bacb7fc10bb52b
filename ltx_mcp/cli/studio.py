"""`ltx-mcp studio`: the page of the archive in the browser, on this machine alone, until Ctrl-C.

As every other process it asks whoever owns the engine of the data directory; that one goes on when this one ends.
"""

import argparse
from contextlib import suppress

import anyio
from mcp import Client
from starlette.routing import Route

from ltx_mcp.cli.opener import open_with_system
from ltx_mcp.cli.output import err
from ltx_mcp.cli.rendering import engine_session
from ltx_mcp.cli.serve import serving_studio
from ltx_mcp.errors import StudioError
from ltx_mcp.http.address import Address, listen
from ltx_mcp.http.app import Access, make_app_of
from ltx_mcp.http.invitation import Invitation
from ltx_mcp.http.serving import HttpServer
from ltx_mcp.server.forwarding import forwarding_server
from ltx_mcp.settings import Settings


async def studio(settings: Settings, arguments: argparse.Namespace) -> int:
    invitation, lazy_studio = Invitation(), serving_studio(settings)
    with listen(Address(port=0)) as socket, anyio.CancelScope() as scope:
        address = Address(*socket.getsockname()[:2])
        access = Access.of(address, None, {"": invitation.token})
        async with Client(engine_session(settings, lazy_studio)) as session:
            invite = Route("/page/session", invitation.post, methods=["POST"])
            app = make_app_of(forwarding_server(session), settings, access, [invite])
            url = f"http://{address}/#{invitation.code}"
            err.print(f"The archive is at {url} for one browser. Ctrl-C ends it.", markup=False, soft_wrap=True)
            if not arguments.print:
                with suppress(StudioError):  # the address was said
                    open_with_system(url)
            await HttpServer(app, lazy_studio.stop_jobs).serve([socket])
            scope.cancel()  # unfinished jobs are the next process's
    return 0

"""The HTTP server as an ASGI app: the MCP endpoint, and what else is served behind the same checks."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend, RequireAuthMiddleware
from mcp.server.auth.provider import TokenVerifier
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, request_response
from starlette.types import ASGIApp

from ltx_mcp.archive.published import PublishedClips
from ltx_mcp.archive.uploads import Uploads
from ltx_mcp.http.address import Address, Hosts
from ltx_mcp.http.clip_files import ClipFiles
from ltx_mcp.http.events import Sessions
from ltx_mcp.http.links import Linking, Links
from ltx_mcp.http.oauth import Issued, ProtectedResource
from ltx_mcp.http.page import ClipFacts, page_routes
from ltx_mcp.http.private_files import kept_secret
from ltx_mcp.http.request_checks import RequestChecks
from ltx_mcp.http.status import Metrics, healthz
from ltx_mcp.http.tokens import SCOPE, Calling, Tokens
from ltx_mcp.http.uploads import UploadRoute
from ltx_mcp.server.server import StudioServer, make_server
from ltx_mcp.settings import Settings
from ltx_mcp.studio.lazy_studio import LazyStudio

MCP_PATH = "/mcp"
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
MAX_SESSIONS = 256  # of 2025-11-25; idle ones end after 30 minutes, the SDK's default
RETRY_MS = 1000  # until a client whose stream broke comes back


@dataclass(frozen=True)
class Access:
    """Who may call: by which names, and with which tokens; None: whoever reaches it.

    `published` is what tells clients whose tokens are wanted, where an issuer gives them.
    """

    hosts: Hosts
    tokens: TokenVerifier | None = None
    published: ProtectedResource | None = None

    @classmethod
    def of(
        cls, address: Address, url: str | None, tokens: Mapping[str, str], issuer: str | None = None, audience: str = ""
    ) -> "Access":
        """That of a server on this address, which a proxy or the network knows by `url`. Tokens of an issuer are for
        this `audience`, or else for the endpoint.
        """
        own = Tokens(tokens) if tokens else None
        if issuer is None:
            return cls(Hosts.of(address, url), own)
        published = ProtectedResource(f"{url or f'http://{address}'}{MCP_PATH}", issuer)
        return cls(Hosts.of(address, url), Issued(issuer, audience or published.url, own), published)

    def guarded(self, app: ASGIApp) -> ASGIApp:
        """The app for those with a token."""
        if self.tokens is None:
            return app
        return RequireAuthMiddleware(app, [SCOPE], None if self.published is None else self.published.metadata_url)

    def route(self, method: str, path: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
        """A route for those with a token."""
        endpoint = answer if self.tokens is None else self.guarded(request_response(answer))
        return Route(path, endpoint, methods=[method])

    @property
    def middleware(self) -> Sequence[Middleware]:
        known = []
        if self.tokens is not None:
            backend = BearerAuthBackend(self.tokens)
            known = [Middleware(AuthenticationMiddleware, backend=backend), Middleware(Calling)]
        return [Middleware(RequestChecks, hosts=self.hosts), *known]


def make_app(
    lazy_studio: LazyStudio, settings: Settings, access: Access, server: StudioServer | None = None
) -> Starlette:
    """The app over a studio, which all sessions share, and which is closed with the app. Raises ArchiveError.

    `server` is what is served of MCP; left out, all that the studio offers.
    """
    uploads = UploadRoute(lazy_studio, Uploads(settings.data_dir, settings.max_upload_bytes), settings.max_upload_bytes)
    more = [
        access.route("GET", "/metrics", Metrics(lazy_studio).get),
        access.route("POST", "/uploads", uploads.post),
    ]
    return make_app_of((server or make_server(lazy_studio)).protocol_server, settings, access, more)


def make_app_of(server: Server[Any], settings: Settings, access: Access, more: Sequence[BaseRoute]) -> Starlette:
    """The app over an MCP server: that, the page of the archive, and what `more` there is. Raises ArchiveError."""
    sessions = Sessions(
        server, max_request_body_size=MAX_MESSAGE_BYTES, max_sessions=MAX_SESSIONS, retry_interval=RETRY_MS
    )
    links = Links(kept_secret(settings.data_dir / "link-secret"))
    clips = PublishedClips(settings.data_dir)
    return Starlette(
        routes=[
            Route(MCP_PATH, access.guarded(Linking(StreamableHTTPASGIApp(sessions), links, settings.http_url))),
            Route("/clips/{clip_id}/{name}", ClipFiles(clips, links).get),
            Route("/healthz", healthz),
            *page_routes(),
            access.route("GET", "/page/clips/{clip_id}", ClipFacts(clips, links).get),
            *more,
            *(access.published.routes if access.published else ()),
        ],
        middleware=access.middleware,
        lifespan=lambda _: sessions.run(),
    )

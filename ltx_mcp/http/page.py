"""The page of the archive at the server's root: its files, and for each clip that it shows its facts and links.

All else the page asks as any client does, by MCP. The files say nothing of the archive, so they need no token; what the
page asks carries one in a header, which no other page can make a browser send.
"""

from collections.abc import Sequence

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ltx_mcp.archive.published import PublishedClips
from ltx_mcp.errors import ArchiveError, NotFound
from ltx_mcp.http.links import Links
from ltx_mcp.page import FILES, page_file
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.texts import harmless, harmless_data

_LOADS = "'self'"
_HEADERS = {
    "cache-control": "no-cache",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": f"default-src 'none'; script-src {_LOADS}; style-src {_LOADS}; img-src {_LOADS}; "
    f"media-src {_LOADS}; connect-src {_LOADS}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
"""No script but the page's own runs, nothing is loaded from elsewhere, and no other page may frame it."""


def page_routes() -> Sequence[BaseRoute]:
    """The page at / and its other files beside it."""
    return [
        Route("/" if name == "index.html" else f"/page/{name}", _Given(page_file(name), media_type).get)
        for name, media_type in FILES.items()
    ]


class _Given:
    def __init__(self, content: bytes, media_type: str) -> None:
        self._content, self._media_type = content, media_type

    async def get(self, _: Request) -> Response:
        return Response(self._content, headers=_HEADERS, media_type=self._media_type)


class ClipFacts:
    """GET /page/clips/{clip_id}: what is known of a clip of the caller, and signed links to its files."""

    def __init__(self, clips: PublishedClips, links: Links) -> None:
        self._clips, self._links = clips, links

    async def get(self, request: Request) -> Response:
        try:
            clip = await to_thread.run_sync(self._clips.own, request.path_params["clip_id"])
        except (NotFound, ArchiveError) as error:
            return JSONResponse({"error": harmless(str(error))}, 404, headers=_HEADERS)
        return JSONResponse({"clip": harmless_data(clip.model_dump(mode="json")), **self._of(clip)}, headers=_HEADERS)

    def _of(self, clip: Clip) -> dict[str, str]:
        """Links from the page on, which may lie in a folder of a proxy."""
        file = "photo.jpg" if clip.kind == "photo" else "video.mp4"
        return {
            what: self._links.path(clip.clip_id, name).lstrip("/")
            for what, name in (("file", file), ("sheet", "sheet.jpg"))
        }

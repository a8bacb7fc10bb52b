"""GET /clips/{clip_id}/{name}: the file of a clip to whoever has a signed link; players can seek in it.

Only what is published can be named, and so has been moderated; footage in place while it is the file that was.
"""

import mimetypes
from pathlib import Path

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from ltx_mcp.archive.originals import playable
from ltx_mcp.archive.published import PublishedClips
from ltx_mcp.errors import ArchiveError, NotFound
from ltx_mcp.http.links import Links
from ltx_mcp.types.clips import Clip

_SHOWN_ALONE = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'"
"""A file that a browser shows can load nothing but itself."""


class ClipFiles:
    """Answers with files. Ranges, HEAD and conditions are Starlette's."""

    def __init__(self, clips: PublishedClips, links: Links) -> None:
        self._clips, self._links = clips, links

    async def get(self, request: Request) -> Response:
        clip_id, name = request.path_params["clip_id"], request.path_params["name"]
        if not self._links.allows(clip_id, name, request.query_params):
            return PlainTextResponse("This link was changed or has expired: call get_job or search_clips again.", 403)
        try:
            clip = await to_thread.run_sync(self._clips.get, clip_id)
            path = _file(clip, name)
        except (NotFound, ArchiveError) as error:
            return PlainTextResponse(str(error), 404)
        etag = f'"{clip.sha256[:32]}-{name}"'
        headers = {"etag": etag, "cache-control": "private, max-age=3600", "content-security-policy": _SHOWN_ALONE}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return FileResponse(path, headers=headers, media_type=_media_type(path))


def _file(clip: Clip, name: str) -> Path:
    """Raises NotFound."""
    if name == ("photo.jpg" if clip.kind == "photo" else "video.mp4"):
        return playable(clip)
    if name == "sheet.jpg":
        return clip.sheet_path
    raise NotFound(f"Clip {clip.clip_id} has no {name[:40]!r}.")


def _media_type(path: Path) -> str:
    """Footage in place may be of any kind; nothing is given out as what a browser would run."""
    guessed = mimetypes.guess_type(path.name)[0] or ""
    return guessed if guessed.startswith(("video/", "image/jpeg")) else "application/octet-stream"

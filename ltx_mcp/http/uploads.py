"""POST /uploads: a media file of a caller's machine, to be named in calls by the reference that is answered.

    curl --data-binary @boat.mp4 -H 'Content-Type: video/mp4' -H 'Authorization: Bearer …' URL/uploads?name=boat.mp4

The body is the file. What it is, its first bytes say; it is written as it comes, and never held in memory.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ltx_mcp.archive.uploads import Uploads, no_room
from ltx_mcp.errors import BadInput, StudioError, TooLarge
from ltx_mcp.media.file_kinds import HEAD_BYTES, FileKind, kind_of
from ltx_mcp.studio.lazy_studio import LazyStudio

_MEDIA = ("video", "image", "audio")
_TEXTS = (".srt", ".vtt")
_HINT = "Send a video, an image, audio, or subtitles as .srt or .vtt, as the whole body of the request."


class UploadRoute:
    """`max_bytes` bounds the uploads that are kept of each owner."""

    def __init__(self, lazy_studio: LazyStudio, uploads: Uploads, max_bytes: int) -> None:
        self._lazy_studio, self._uploads, self._max_bytes = lazy_studio, uploads, max_bytes

    async def post(self, request: Request) -> Response:
        try:
            await self._prune()
            path, size, kind = await self._stored(request)
        except ClientDisconnect:
            return Response(status_code=400)  # to nobody; nothing is left of it
        except StudioError as error:
            return JSONResponse({"error": str(error)}, 413 if isinstance(error, TooLarge) else 415)
        return JSONResponse({"reference": str(path), "bytes": size, "kind": kind}, 201)

    async def _prune(self) -> None:
        if outdated := await to_thread.run_sync(self._uploads.outdated):
            in_use = await (await self._lazy_studio.studio()).archive.files_in_place()
            await to_thread.run_sync(self._uploads.remove, outdated, in_use)

    async def _stored(self, request: Request) -> tuple[Path, int, str]:
        """Where the body lies now, its bytes, and what it is. Raises StudioError, and ClientDisconnect."""
        name, declared = request.query_params.get("name", ""), request.headers.get("content-type", "")
        room = await to_thread.run_sync(self._uploads.room)
        if int(request.headers.get("content-length", "0")) > room:  # h11 lets nothing but a number pass
            raise no_room(self._max_bytes)
        with self._uploads.new(name) as (path, file):
            size, head = await _write(request.stream(), file, room, self._max_bytes)
            kind = _kind(head, path.name, declared)
            file.flush()
            if await to_thread.run_sync(self._uploads.room) < 0:  # another one came at the same time
                raise no_room(self._max_bytes)
        return path, size, kind


async def _write(body: AsyncIterator[bytes], file: BinaryIO, room: int, max_bytes: int) -> tuple[int, bytes]:
    size, head = 0, b""
    async for chunk in body:
        size += len(chunk)
        if size > room:
            raise no_room(max_bytes)
        head += chunk[: HEAD_BYTES - len(head)]
        await to_thread.run_sync(file.write, chunk)
    return size, head


def _kind(head: bytes, name: str, declared: str) -> str:
    """What the file is, in words. Raises BadInput for what is not media, or not what it is said to be."""
    kind = kind_of(head)
    if kind is None and name.lower().endswith(_TEXTS) and head and b"\0" not in head:
        kind = FileKind("subtitles", "other")
    elif kind is None or kind.family not in _MEDIA:
        raise BadInput(f"This is {kind.name if kind else 'not a media file'}.", _HINT)
    said = declared.partition("/")[0].strip().lower()
    if said in _MEDIA and ("image" in (said, kind.family)) and said != kind.family:  # audio and video share containers
        raise BadInput(f"It is {kind.name}, and was sent as {declared[:60]!r}.", _HINT)
    return kind.name

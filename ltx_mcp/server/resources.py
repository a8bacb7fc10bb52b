"""What a client reads by its address: clips, what this machine makes, licences, where a file comes from."""

import json
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.server.mcpserver.resources import ResourceSecurity

from ltx_mcp.archive.originals import playable
from ltx_mcp.errors import NotFound, StudioError
from ltx_mcp.licences import FFMPEG, OF_WEIGHTS, PASSES_ON
from ltx_mcp.studio.lazy_studio import LazyStudio
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.sizes import RESOLUTIONS
from ltx_mcp.types.texts import harmless, harmless_data

MAX_VIDEO_RESOURCE_BYTES = 10 * 1024 * 1024  # stdio hosts choke on more (reference client: 10 MB takes 3 s, 20 MB 14 s)
PART_BYTES = 3 * 1024 * 1024  # divisible by 3, so that the parts' base64 can be joined as it is


def _shown(value: Any) -> str:
    """A resource's JSON: nothing that came from people, files and models moves a cursor or hides in it."""
    return json.dumps(harmless_data(value), indent=2, ensure_ascii=False)


def _read_part(path: Path, first: int) -> bytes:
    with path.open("rb") as file:
        file.seek(first)
        return file.read(PART_BYTES)


def register_resources(server: MCPServer[LazyStudio], lazy_studio: LazyStudio) -> None:
    async def found(clip_id: str) -> Clip:
        try:
            return await (await lazy_studio.studio()).archive.clip(clip_id)
        except NotFound as error:
            raise ResourceNotFoundError(str(error)) from None

    async def found_video(clip_id: str) -> Clip:
        clip = await found(clip_id)
        if clip.kind == "photo":
            raise ResourceError(harmless(f"{clip_id} is a photo: {clip.path}"))
        return clip

    @server.resource("clip://{clip_id}", title="A clip's facts", mime_type="application/json")
    async def clip(clip_id: str) -> str:
        return _shown((await found(clip_id)).model_dump(mode="json"))

    @server.resource("clip://{clip_id}/video", title="A clip's video, up to 10 MB", mime_type="video/mp4")
    async def video(clip_id: str) -> bytes:
        clip = await found_video(clip_id)
        if clip.bytes > MAX_VIDEO_RESOURCE_BYTES:
            many = f"read {clip_id}'s parts (clip://{clip_id}/video/0 and on), or open the file itself: {clip.path}"
            raise ResourceError(harmless(f"The video has {clip.bytes:,} bytes; {many}"))
        return await anyio.Path(playable(clip)).read_bytes()

    @server.resource(
        "clip://{clip_id}/video/{part}",
        title="A part of a clip's video: 3 MiB from `part` times 3 MiB on; the last one is shorter",
        mime_type="application/octet-stream",
    )
    async def video_part(clip_id: str, part: int) -> bytes:
        clip = await found_video(clip_id)
        if not 0 <= part <= clip.bytes // PART_BYTES:
            raise ResourceNotFoundError(f"{clip_id} has {clip.bytes // PART_BYTES + 1} parts, from 0 on.")
        return await to_thread.run_sync(_read_part, playable(clip), part * PART_BYTES)

    @server.resource("clip://{clip_id}/sheet", title="A clip's contact sheet", mime_type="image/jpeg")
    async def sheet(clip_id: str) -> bytes:
        return await anyio.Path((await found(clip_id)).sheet_path).read_bytes()

    @server.resource(
        "clip://{clip_id}/timeline", title="A film's timeline (OpenTimelineIO)", mime_type="application/json"
    )
    async def timeline(clip_id: str) -> str:
        try:
            return _shown(json.loads(await (await lazy_studio.studio()).archive.timeline(clip_id)))
        except NotFound as error:
            raise ResourceNotFoundError(str(error)) from None

    @server.resource(
        "ltx://verify/{+file}",
        title="Where a file comes from: its manifest, and the clip that it is a copy of",
        mime_type="application/json",
        security=ResourceSecurity(exempt_params={"file"}),  # it is read as every media reference is, inside the roots
    )
    async def verify(file: str) -> str:
        try:
            return _shown((await (await lazy_studio.studio()).verify(file)).model_dump(mode="json"))
        except StudioError as error:
            raise ResourceError(harmless(str(error))) from None

    @server.resource("ltx://capabilities", title="What this machine makes", mime_type="application/json")
    async def capabilities() -> str:
        return _shown((await (await lazy_studio.studio()).capabilities()).model_dump(mode="json"))

    @server.resource(
        "ltx://capabilities/{resolution}",
        title="What this machine makes at a resolution",
        mime_type="application/json",
    )
    async def offers(resolution: str) -> str:
        if resolution not in RESOLUTIONS:
            raise ResourceNotFoundError(f"There is no resolution {resolution[:20]!r}: {', '.join(RESOLUTIONS)}.")
        studio = await lazy_studio.studio()
        found = await studio.equipment.offers(resolution, studio.jobs.estimates.expected_shot_s)
        return _shown([offer.model_dump(mode="json") for offer in found])

    @server.resource("ltx://loras", title="The LoRAs that may be named", mime_type="application/json")
    async def loras() -> str:
        return _shown((await (await lazy_studio.studio()).equipment.lora_list()).model_dump(mode="json"))

    @server.resource("ltx://licence", title="The licences of code and weights", mime_type="application/json")
    async def licence() -> str:
        card = await (await lazy_studio.studio()).equipment.card()
        known = [{"name": each.name, "version": each.version, "url": each.url} for each in OF_WEIGHTS]
        of_weights = {"licences": known, "they pass on": list(PASSES_ON)}
        return _shown(
            {"code": "Apache-2.0", "model": card.name, "weights": card.licence, "LTX": of_weights, "ffmpeg": FFMPEG}
        )

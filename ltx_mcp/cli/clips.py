"""Commands for clips that are finished: list, view, open, export, update, delete, and the trash."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from threading import Thread
from typing import Any

from pydantic import ValidationError

from ltx_mcp.cli.options import read_options
from ltx_mcp.cli.output import out, print_value, show_rows
from ltx_mcp.cli.waiting import finished, from_here
from ltx_mcp.compose import open_studio
from ltx_mcp.errors import BadInput, StudioError
from ltx_mcp.settings import Settings
from ltx_mcp.types.clips import Clip, ClipChange
from ltx_mcp.types.exports import ExportRequest
from ltx_mcp.types.references import map_references

_OPENERS = {"darwin": "open"}  # of the system's own viewer; elsewhere xdg-open, and Windows has a call for it


async def _clips(settings: Settings, arguments: argparse.Namespace) -> int:
    async with open_studio(settings) as studio:
        clips = [clip for clip in await studio.archive.clips() if _is_wanted(clip, arguments)]
    fields = ("clip_id", "title", "duration_s", "width", "height", "path")
    rows = [{name: getattr(clip, name) for name in fields} for clip in clips]
    filtered = arguments.kind or arguments.since or arguments.tags
    note = "No clip is like that." if filtered else 'No clips yet. ltx-mcp generate "a red circle" makes one.'
    value = [clip.model_dump(mode="json") for clip in clips]
    return print_value(arguments, value, lambda: show_rows(rows, "" if rows else note))


def _is_wanted(clip: Clip, arguments: argparse.Namespace) -> bool:
    return (
        (arguments.kind is None or clip.kind == arguments.kind)
        and (arguments.since is None or clip.created_at >= arguments.since)
        and {tag.strip().lower() for tag in arguments.tags or ()} <= set(clip.tags)
    )


async def _view(settings: Settings, arguments: argparse.Namespace) -> int:
    async with open_studio(settings) as studio:
        view, jpeg = await studio.clips.view(arguments.clips, arguments.frames, arguments.at_s or [], arguments.size)
    with tempfile.NamedTemporaryFile(prefix="ltx-mcp-view-", suffix=".jpg", delete=False) as file:
        file.write(jpeg)
    path = Path(file.name)
    if not (arguments.print or arguments.json):
        _open(path)
    return print_value(
        arguments, {"path": str(path), **view.model_dump(mode="json")}, lambda: out.print(str(path), markup=False)
    )


async def _open_clip(settings: Settings, arguments: argparse.Namespace) -> int:
    async with open_studio(settings) as studio:
        path = (await studio.archive.clip(arguments.clip)).path
    if not (arguments.print or arguments.json):
        _open(path)
    return print_value(arguments, {"path": str(path)}, lambda: out.print(str(path), markup=False))


async def _export(settings: Settings, arguments: argparse.Namespace) -> int:
    asked = map_references(read_options(ExportRequest, arguments), from_here)
    folder = Path(asked.folder).expanduser().absolute()
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder.", "Make it first, or name one that exists.")
    async with open_studio(settings, any_file=True) as studio:
        done = await finished(studio, asked.model_copy(update={"folder": str(folder)}))
    path = Path(done.file or "")
    value = {"path": str(path), "bytes": path.stat().st_size}
    return print_value(arguments, value, lambda: out.print(str(path), markup=False))


async def _update(settings: Settings, arguments: argparse.Namespace) -> int:
    given = {"title": arguments.title, "pinned": arguments.pinned, "tags": arguments.tags}
    try:
        change = ClipChange.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        problems = [f"{problem['loc'][0]} cannot be used: {problem['msg']}." for problem in error.errors()]
        raise BadInput("\n".join(problems), "ltx-mcp update --help lists what is allowed.") from None
    if change == ClipChange():
        raise BadInput("Nothing is to be changed.", "Give --title, --tag, --no-tags, --pin or --unpin.")
    async with open_studio(settings) as studio:
        clip = await studio.clips.update(arguments.clip, change)
    text = f"{clip.clip_id}: {clip.title}{' (pinned)' if clip.pinned else ''} {' '.join(clip.tags)}".rstrip()
    return print_value(arguments, clip.model_dump(mode="json"), lambda: out.print(text, markup=False))


async def _delete(settings: Settings, arguments: argparse.Namespace) -> int:
    async with open_studio(settings) as studio:
        clip_ids = [await studio.clips.delete(clip) for clip in arguments.clips]
    text = "\n".join(f"{clip_id} is in the trash; ltx-mcp trash --restore {clip_id}" for clip_id in clip_ids)
    return print_value(arguments, clip_ids, lambda: out.print(text, markup=False))


async def _trash(settings: Settings, arguments: argparse.Namespace) -> int:
    async with open_studio(settings) as studio:
        if arguments.restore:
            clip = await studio.clips.restore(arguments.restore)
            return print_value(arguments, clip.model_dump(mode="json"), lambda: out.print(str(clip.path), markup=False))
        if arguments.empty:
            count = await studio.archive.empty_trash()
            return print_value(arguments, count, lambda: out.print(f"{count} clips deleted for good."))
        deleted = await studio.archive.deleted()
    rows: list[dict[str, Any]] = [
        {
            "clip_id": found.clip.clip_id,
            "title": found.clip.title,
            "deleted": f"{found.deleted_at:%Y-%m-%d}",
            "restorable until": f"{found.restorable_until:%Y-%m-%d}",
        }
        for found in deleted
    ]
    return print_value(arguments, rows, lambda: show_rows(rows, "" if rows else "The trash is empty."))


CLIP_COMMANDS: dict[str, Callable[[Settings, argparse.Namespace], Awaitable[int]]] = {
    "clips": _clips,
    "view": _view,
    "open": _open_clip,
    "export": _export,
    "update": _update,
    "delete": _delete,
    "trash": _trash,
}


def _open(path: Path) -> None:
    """With whatever the system opens such a file with. Raises StudioError, with the path, where there is nothing."""
    if sys.platform == "win32":
        os.startfile(path)
        return
    opener = shutil.which(_OPENERS.get(sys.platform, "xdg-open"))
    if opener is None:
        raise StudioError(f"Nothing here opens files by itself: {path}", "--print only says where the file is.")
    viewer = subprocess.Popen(
        [opener, str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    Thread(target=viewer.wait, daemon=True).start()  # a viewer may stay open longer than this command

"""Commands for clips that are finished: list, view, open, export, update, delete, and the trash."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from ltx_mcp.cli.clip_options import DeleteOptions, ListOptions, OpenOptions, TrashOptions, VerifyOptions
from ltx_mcp.cli.opener import open_with_system
from ltx_mcp.cli.options import read_options
from ltx_mcp.cli.output import out, print_value, show_rows
from ltx_mcp.cli.waiting import finished, from_here
from ltx_mcp.compose import open_studio
from ltx_mcp.errors import BadInput
from ltx_mcp.settings import Settings
from ltx_mcp.studio.verifying import Verification
from ltx_mcp.types.clip_requests import UpdateRequest, ViewRequest
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.exports import ExportRequest
from ltx_mcp.types.references import map_references


async def list_clips(settings: Settings, arguments: argparse.Namespace) -> int:
    wanted = read_options(ListOptions, arguments)
    async with open_studio(settings) as studio:
        clips = [clip for clip in await studio.archive.clips() if _is_wanted(clip, wanted)]
    fields = ("clip_id", "title", "duration_s", "width", "height", "path")
    rows = [
        {name: getattr(clip, name) for name in fields} | {"duration_s": round(clip.duration_s, 3)} for clip in clips
    ]
    none = 'No clips yet. ltx-mcp generate "a red circle" makes one.'
    note = "No clip is like that." if wanted.model_fields_set else none
    value = [clip.model_dump(mode="json") for clip in clips]
    return print_value(arguments, value, lambda: show_rows(rows, "" if rows else note))


def _is_wanted(clip: Clip, wanted: ListOptions) -> bool:
    return (
        (wanted.kind is None or clip.kind == wanted.kind)
        and (wanted.since is None or clip.created_at >= wanted.since)
        and set(wanted.tags) <= set(clip.tags)
    )


async def view(settings: Settings, arguments: argparse.Namespace) -> int:
    asked = read_options(ViewRequest, arguments)
    async with open_studio(settings) as studio:
        found, jpeg = await studio.clips.view(asked)
    with tempfile.NamedTemporaryFile(prefix="ltx-mcp-view-", suffix=".jpg", delete=False) as file:
        file.write(jpeg)
    path = Path(file.name)
    if not (arguments.print or arguments.json):
        open_with_system(str(path))
    value = {"path": str(path), **found.model_dump(mode="json")}
    return print_value(arguments, value, lambda: out.print(str(path), markup=False))


async def open_clip(settings: Settings, arguments: argparse.Namespace) -> int:
    asked = read_options(OpenOptions, arguments)
    async with open_studio(settings) as studio:
        path = (await studio.archive.clip(asked.clip)).path
    if not (arguments.print or arguments.json):
        open_with_system(str(path))
    return print_value(arguments, {"path": str(path)}, lambda: out.print(str(path), markup=False))


async def export(settings: Settings, arguments: argparse.Namespace) -> int:
    asked = map_references(read_options(ExportRequest, arguments), from_here)
    folder = Path(asked.folder).expanduser().absolute()
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder.", "Make it first, or name one that exists.")
    async with open_studio(settings, any_file=True) as studio:
        done = await finished(studio, asked.model_copy(update={"folder": str(folder)}))
    path = Path(done.file or "")
    value = {"path": str(path), "bytes": path.stat().st_size}
    return print_value(arguments, value, lambda: out.print(str(path), markup=False))


async def verify(settings: Settings, arguments: argparse.Namespace) -> int:
    asked = map_references(read_options(VerifyOptions, arguments), from_here)
    async with open_studio(settings, any_file=True) as studio:
        found = await studio.verify(asked.file)
    return print_value(arguments, found.model_dump(mode="json"), lambda: _show_verification(found))


def _show_verification(found: Verification) -> None:
    out.print(found.answer, markup=False)
    for clip in found.clips:
        alike = "" if clip.likeness is None else f", frames {clip.likeness:.3f} alike"
        sources = f", from {', '.join(clip.made_from)}" if clip.made_from else ""
        out.print(f"  {clip.how}{alike}: {clip.clip_id}, {clip.kind} by {clip.model}{sources}", markup=False)
    for mark in found.watermarks:
        known = mark.clip_id or "not a clip of this archive"
        span = f"{mark.start_s:g}-{mark.end_s:g} s, {mark.agreement:.0%} of its symbols"
        out.print(f"  watermark in the {mark.medium}: {mark.text} at {span}: {known}", markup=False)
    for action in found.manifest.actions:
        of = f" ({action.digital_source_type.rpartition('/')[2]})" if action.digital_source_type else ""
        out.print(f"  signed: {action.action}{of}{f' by {action.model}' if action.model else ''}", markup=False)
    for ingredient in found.manifest.ingredients:
        out.print(f"  signed: {ingredient.role} {ingredient.title}", markup=False)


async def update(settings: Settings, arguments: argparse.Namespace) -> int:
    asked = read_options(UpdateRequest, arguments)
    async with open_studio(settings) as studio:
        clip = await studio.clips.update(asked)
    text = f"{clip.clip_id}: {clip.title}{' (pinned)' if clip.pinned else ''} {' '.join(clip.tags)}".rstrip()
    return print_value(arguments, clip.model_dump(mode="json"), lambda: out.print(text, markup=False))


async def delete(settings: Settings, arguments: argparse.Namespace) -> int:
    asked = read_options(DeleteOptions, arguments)
    async with open_studio(settings) as studio:
        clip_ids = [await studio.clips.delete(clip) for clip in asked.clips]
    text = "\n".join(f"{clip_id} is in the trash; ltx-mcp trash --restore {clip_id}" for clip_id in clip_ids)
    return print_value(arguments, clip_ids, lambda: out.print(text, markup=False))


async def trash(settings: Settings, arguments: argparse.Namespace) -> int:
    asked = read_options(TrashOptions, arguments)
    async with open_studio(settings) as studio:
        if asked.restore:
            clip = await studio.clips.restore(asked.restore)
            return print_value(arguments, clip.model_dump(mode="json"), lambda: out.print(str(clip.path), markup=False))
        if asked.empty:
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

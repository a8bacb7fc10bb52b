"""One clip's folder: the names of its files, and the sidecar that says what the clip is."""

import errno
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ltx_mcp.errors import ArchiveError
from ltx_mcp.types.clips import Clip

VIDEO, PHOTO, SIDECAR, SHEET, TIMELINE = "video.mp4", "photo.jpg", "clip.json", "sheet.jpg", "timeline.otio"
SCHEMA = 1  # of the sidecar; what is newer is left alone

# Crockford's base32 in small letters: no i, l, o, u, which are misread or spell words.
BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"
CLIP_ID = re.compile(rf"[a-z0-9]+(?:-[a-z0-9]+)*-[{BASE32}]{{8}}")


def clip_in(folder: Path, fields: dict[str, Any], clip_id: str | None = None) -> Clip:
    """The clip in this folder. Its id and paths come from the folder alone, whatever the sidecar says; but the video of
    footage that was left in place is its original.
    """
    clip_id = clip_id or folder.name
    video = Path(fields["original"]["path"]) if fields.get("in_place") else folder / _stored(fields)
    place = {"clip_id": clip_id, "path": video, "sheet_path": folder / SHEET}
    return Clip.model_validate({**fields, **place, "resource_uri": f"clip://{clip_id}"})


def _stored(fields: dict[str, Any]) -> str:
    return PHOTO if fields["kind"] == "photo" else VIDEO


def owner_in(folder: Path) -> str | None:
    """Whose clip lies in the folder; None if there is none. A damaged one belongs to the machine's own user."""
    try:
        fields = json.loads((folder / SIDECAR).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "" if folder.is_dir() else None
    return str(fields.get("owner", "")) if isinstance(fields, dict) else ""


def sidecar_of(clip: Clip) -> str:
    """The clip as JSON; its paths are relative, so that a data directory can be moved."""
    fields = clip.model_dump(mode="json", exclude={"searchable"})  # which the index knows
    paths = {"path": clip.path.name, "sheet_path": SHEET}
    return json.dumps({"schema": SCHEMA, **fields, **paths}, indent=2, ensure_ascii=False)


def read_clip(folder: Path, clip_id: str | None = None) -> Clip:
    """The clip in this folder, whose name is its id unless another is given. Raises ArchiveError if it is damaged."""
    try:
        fields = json.loads((folder / SIDECAR).read_text(encoding="utf-8"))
        schema = fields.pop("schema")
        if schema != SCHEMA:
            raise ValueError(f"its sidecar has schema {schema}, this ltx-mcp reads {SCHEMA}")
        if not fields.get("in_place"):
            (folder / _stored(fields)).stat()
        return clip_in(folder, fields, clip_id)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArchiveError(
            f"Clip {folder.name} cannot be read: {error}.", "Restore its folder or delete it."
        ) from error


@contextmanager
def storing(failure: str) -> Iterator[None]:
    """An error of the disk as ArchiveError, with the remedy."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "Free some disk space and try again." if full else "Check the data directory's disk and permissions."
        raise ArchiveError(f"{failure}: {error}.", hint) from error


def sync(path: Path) -> None:
    """Flush to the disk, not only to its cache. Windows cannot sync a folder; its renames are journalled."""
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

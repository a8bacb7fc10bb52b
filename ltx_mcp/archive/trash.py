"""Deleted clips, which their owner can restore for 30 days. A clip goes in and comes out whole, by one rename.

    <data>/trash/<second of deletion>.<clip_id>/{video.mp4, clip.json, sheet.jpg}

Nothing else is touched: neither a film that was made from the clip, nor a file of the user that it was made from.
"""

import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ltx_mcp.archive.sidecar import CLIP_ID, owner_in, read_clip, storing, sync
from ltx_mcp.errors import ArchiveError, BadInput, NotFound
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.owners import caller

KEEP_DAYS = 30
_DAY_S = 86_400


@dataclass(frozen=True)
class DeletedClip:
    """A clip in the trash, and until when it can be restored."""

    clip: Clip
    deleted_at: datetime
    restorable_until: datetime


class Trash:
    """The trash of one data directory. `now` gives seconds since 1970. Its methods block on the disk."""

    def __init__(self, data_dir: Path, clips_dir: Path, now: Callable[[], float] = time.time) -> None:
        self._folder, self._clips_dir, self._now = data_dir.absolute() / "trash", clips_dir, now

    def put(self, clip_id: str) -> None:
        """Take a published clip out of the archive. Raises NotFound, ArchiveError."""
        with storing(f"Clip {clip_id} could not be deleted"):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            try:
                (self._clips_dir / clip_id).rename(self._folder / f"{int(self._now())}.{clip_id}")
            except FileNotFoundError:
                there = " It is in the trash already." if self.holds(clip_id) else ""
                raise NotFound(f"There is no clip {clip_id!r}.{there}") from None
            sync(self._clips_dir)

    def holds(self, clip_id: str) -> bool:
        """Whether it can be restored."""
        return any(_clip_id(folder) == clip_id for folder in self._own())

    def restore(self, clip_id: str) -> Clip:
        """Put a deleted clip back as it was. Raises NotFound with what can be restored, ArchiveError."""
        folder = next((folder for folder in reversed(self._own()) if _clip_id(folder) == clip_id), None)
        if folder is None:
            there = ", ".join(map(_clip_id, self._own()[-5:]))
            raise NotFound(
                f"There is no clip {clip_id[:80]!r} in the trash.",
                f"It holds {there}." if there else f"It is empty: clips stay in it for {KEEP_DAYS} days.",
            )
        place = self._clips_dir / clip_id
        if place.exists():
            raise BadInput(f"Clip {clip_id} is in the archive already.", "Nothing needs to be restored.")
        with storing(f"Clip {clip_id} could not be restored"):
            folder.rename(place)
            sync(self._clips_dir)
        return read_clip(place)

    def deleted(self) -> list[DeletedClip]:
        """What can be restored, the newest first. A clip that cannot be read is left out."""
        found = []
        for folder in reversed(self._own()):
            with suppress(ArchiveError):
                second = _second(folder)
                found.append(DeletedClip(read_clip(folder, _clip_id(folder)), _time(second), _time(_end(second))))
        return found

    def purge(self) -> None:
        """Delete for good what was deleted more than 30 days ago."""
        for folder in self._folders():
            if _end(_second(folder)) <= self._now():
                shutil.rmtree(folder, ignore_errors=True)

    def empty(self) -> int:
        """Delete for good all of the caller's that is in the trash; how many clips that were."""
        folders = self._own()
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        return len(folders)

    def _own(self) -> list[Path]:
        """The caller's, the oldest first."""
        return [folder for folder in self._folders() if owner_in(folder) == caller()]

    def _folders(self) -> list[Path]:
        """The oldest first."""
        if not self._folder.is_dir():
            return []
        found = [path for path in self._folder.iterdir() if path.name.partition(".")[0].isdecimal()]
        return sorted((path for path in found if CLIP_ID.fullmatch(_clip_id(path))), key=_second)


def _clip_id(folder: Path) -> str:
    return folder.name.partition(".")[2]


def _second(folder: Path) -> int:
    return int(folder.name.partition(".")[0])


def _end(second: int) -> int:
    return second + KEEP_DAYS * _DAY_S


def _time(second: int) -> datetime:
    return datetime.fromtimestamp(second, tz=UTC)

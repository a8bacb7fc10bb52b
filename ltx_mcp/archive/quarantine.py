"""Clips that moderation was not sure of: whole, and where nothing that an agent can ask looks.

    <data>/quarantine/clips/<clip_id>/    as the folder of a published clip (library.py)

A clip comes in by the rename that would have published it, and goes out by another, to where it would have been. Only
the person at the machine has one released or deleted: `ltx-mcp review`.
"""

import logging
from pathlib import Path

from ltx_mcp.archive.sidecar import CLIP_ID, read_clip, storing, sync
from ltx_mcp.errors import ArchiveError, NotFound
from ltx_mcp.types.clips import Clip

log = logging.getLogger(__name__)


class Quarantine:
    """The held clips of one data directory, whoever's they are. Its methods block on the disk."""

    def __init__(self, data_dir: Path, clips_dir: Path) -> None:
        self.folder, self._clips_dir = data_dir.absolute() / "quarantine" / "clips", clips_dir

    def has(self, clip_id: str) -> bool:
        """Whether a clip of this id is held, though it may be damaged."""
        return CLIP_ID.fullmatch(clip_id) is not None and (self.folder / clip_id).is_dir()

    def clip_ids(self) -> list[str]:
        """Every held id, sorted."""
        found = self.folder.iterdir() if self.folder.is_dir() else ()
        return sorted(path.name for path in found if CLIP_ID.fullmatch(path.name))

    def get(self, clip_id: str) -> Clip:
        """Raises NotFound, and ArchiveError for one whose sidecar is damaged."""
        if not self.has(clip_id):
            raise NotFound(f"No clip {clip_id[:80]!r} is held.", "ltx-mcp review lists what is.")
        return read_clip(self.folder / clip_id)

    def all(self) -> list[Clip]:
        """The oldest first. One that cannot be read is named in the log and left out."""
        clips = []
        for clip_id in self.clip_ids():
            try:
                clips.append(self.get(clip_id))
            except ArchiveError as error:
                log.warning("%s", error)
        return sorted(clips, key=lambda clip: clip.created_at.timestamp())

    def release(self, clip_id: str) -> Clip:
        """Publish a held clip as it is; the next search finds it. Raises NotFound, ArchiveError."""
        self.get(clip_id)
        with storing(f"Clip {clip_id} could not be released"):
            (self.folder / clip_id).rename(self._clips_dir / clip_id)
            sync(self._clips_dir)
        return read_clip(self._clips_dir / clip_id)

"""Published clips as they lie on the disk, for who serves their files: no studio is opened and nothing locked for it.

What is unmoderated, refused or deleted lies elsewhere, and so cannot be named here.
"""

from dataclasses import dataclass
from pathlib import Path

from ltx_mcp.archive.sidecar import CLIP_ID, read_clip
from ltx_mcp.errors import NotFound
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.owners import caller


@dataclass(frozen=True)
class PublishedClips:
    """Those of one data directory. Its methods block on the disk."""

    data_dir: Path

    def get(self, clip_id: str) -> Clip:
        """Whoever's it is. Raises NotFound, and ArchiveError if the clip's sidecar is damaged."""
        folder = self.data_dir.absolute() / "clips" / clip_id
        if CLIP_ID.fullmatch(clip_id) is None or not folder.is_dir():
            raise NotFound(f"There is no clip {clip_id[:80]!r}.")
        return read_clip(folder)

    def own(self, clip_id: str) -> Clip:
        """The caller's. Raises as `get`; NotFound for what is another's too."""
        if (clip := self.get(clip_id)).owner != caller():
            raise NotFound(f"There is no clip {clip_id[:80]!r}.")
        return clip

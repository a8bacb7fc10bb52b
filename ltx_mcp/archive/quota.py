"""How many bytes clips may take, published and held ones together (LTX_MCP_MAX_BYTES)."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ltx_mcp.errors import ArchiveError


@dataclass(frozen=True)
class Quota:
    """`clips` and `held` are the folders of clips; `max_bytes` None means no bound. Its methods block on the disk."""

    clips: Path
    held: Path
    max_bytes: int | None

    def used_bytes(self) -> int:
        """Bytes that all files of the published clips take on the disk."""
        return _bytes_in(self.clips)

    def held_bytes(self) -> int:
        """The same of the clips in the quarantine."""
        return _bytes_in(self.held)

    def check(self, more_bytes: int) -> None:
        """Raises ArchiveError where there is no room for so many more."""
        if self.max_bytes is None or (used := self.used_bytes() + self.held_bytes()) + more_bytes <= self.max_bytes:
            return
        raise ArchiveError(
            f"The archive is full: its clips take {_mb(used)}, this one needs {_mb(more_bytes)}, "
            f"and the limit is {_mb(self.max_bytes)}.",
            "Delete clips that are no longer needed (ltx-mcp delete, or delete_clip), or raise LTX_MCP_MAX_BYTES.",
        )


def _bytes_in(folder: Path) -> int:
    return sum(size_of(path) for path in folder.glob("*/*"))


def size_of(path: Path) -> int:
    """In bytes; 0 of what is gone."""
    with suppress(FileNotFoundError):  # removed meanwhile
        return path.stat().st_size
    return 0


def _mb(count: int) -> str:
    return f"{count / 1e6:.1f} MB"

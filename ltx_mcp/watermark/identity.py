"""By which numbers an installation marks its clips: its own, drawn at random once, and one for each clip.

A clip's number is a keyed digest of what it was planned from. So the same request and seed give the same frames, mark
included, and nobody without the key can tell a prompt by it.
"""

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path

from ltx_mcp.errors import ArchiveError
from ltx_mcp.private_files import kept_key
from ltx_mcp.watermark.base import CLIP_BITS, INSTALLATION_BITS, Mark

NAME = "watermark.key"


@dataclass(frozen=True)
class Identity:
    """`key` never leaves the data directory; the installation's number is a digest of it."""

    key: bytes

    def mark(self, planned_from: str) -> Mark:
        """That of a clip."""
        return Mark(self._number("installation", INSTALLATION_BITS), self._number(f"clip {planned_from}", CLIP_BITS))

    def _number(self, of: str, bits: int) -> int:
        return int.from_bytes(hmac.digest(self.key, of.encode(), hashlib.sha256)[: bits // 8])


def own_identity(folder: Path) -> Identity:
    """That of a data directory; the first call makes it. Raises ArchiveError."""
    path = folder / NAME
    try:
        return Identity(kept_key(path))
    except OSError as error:
        raise ArchiveError(f"{path} cannot be used: {error}.", "Check the data directory.") from error
    except ValueError as error:
        raise ArchiveError(str(error), "Restore it, or delete it: later clips get another mark.") from None

"""A secret of the installation, by which the frame gate moves its samples: nobody can aim a frame between them."""

import hashlib
import hmac
from pathlib import Path

from ltx_mcp.errors import ModerationUnavailable
from ltx_mcp.private_files import kept_key

NAME = "moderation.key"


class SampleShift:
    """Called with the rate and the length of a clip, gives a part (0..1) of the time between two samples."""

    def __init__(self, folder: Path) -> None:
        """Reads the secret of this data directory, or makes it. Raises ModerationUnavailable."""
        self._key = _key(folder / NAME)

    def __call__(self, fps: float, frames: int) -> float:
        digest = hmac.digest(self._key, f"{fps}:{frames}".encode(), hashlib.sha256)
        return int.from_bytes(digest[:4]) / 2**32


def _key(path: Path) -> bytes:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return kept_key(path)
    except OSError as error:
        raise ModerationUnavailable(f"{path} cannot be used: {error}.", "Check the data directory.") from error
    except ValueError as error:
        raise ModerationUnavailable(str(error), "Delete it; another is made.") from None

"""A secret of the installation, by which the frame gate moves its samples: nobody can aim a frame between them."""

import hashlib
import hmac
import secrets
from pathlib import Path

from ltx_mcp.errors import ModerationUnavailable
from ltx_mcp.private_files import write_private_once

NAME = "moderation.key"
_BYTES = 32


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
        write_private_once(path, secrets.token_bytes(_BYTES))
        key = path.read_bytes()
    except OSError as error:
        raise ModerationUnavailable(f"{path} cannot be used: {error}.", "Check the data directory.") from error
    if len(key) != _BYTES:
        raise ModerationUnavailable(f"{path} is damaged.", "Delete it; another is made.")
    return key

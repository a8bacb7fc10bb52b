"""The number by which an installation marks its clips: drawn at random once, and kept in the data directory."""

import os
import secrets
from pathlib import Path

from ltx_mcp.errors import ArchiveError
from ltx_mcp.watermark.base import INSTALLATION_BITS

NAME = "watermark.id"
_DIGITS = INSTALLATION_BITS // 4


def installation_number(folder: Path) -> int:
    """That of a data directory; the first call makes it. Raises ArchiveError."""
    path = folder / NAME
    try:
        if not path.exists():
            _make(path)
        return _parsed(path.read_text(encoding="ascii"))
    except OSError as error:
        raise ArchiveError(f"{path} cannot be used: {error}.", "Check the data directory.") from error
    except ValueError as error:
        raise ArchiveError(f"{path} is damaged.", "Restore it, or delete it: later clips get another mark.") from error


def _make(path: Path) -> None:
    """Of two processes that start together the one that links first has made it."""
    draft = path.with_name(f"{NAME}.{secrets.token_hex(8)}")
    try:
        draft.write_text(f"{secrets.randbits(INSTALLATION_BITS):0{_DIGITS}x}\n", encoding="ascii")
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


def _parsed(text: str) -> int:
    if len(digits := text.strip()) != _DIGITS:
        raise ValueError(digits)
    return int(digits, 16)

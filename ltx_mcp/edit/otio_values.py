"""What both the video and the audio of an OpenTimelineIO file need: media by their URL, metadata, times compared."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

KEY = "ltx_mcp"
"""Of our metadata."""

_SAME_S = 1e-4  # times that went through frames and back


def same(now: object, then: object) -> bool:
    """Whether a value is as it was written; times in seconds within rounding."""
    if isinstance(now, float) and isinstance(then, int | float):
        return abs(now - then) < _SAME_S
    return now == then


def reference(url: str, folder: Path) -> str:
    """A media reference as edit_video takes it: a path becomes absolute, anything else stays."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return unquote(parts.path)
    path = folder / unquote(url)
    return str(path.absolute()) if not parts.scheme and path.exists() else url


def plain(value: Any) -> Any:
    """OTIO's own containers as dicts and lists."""
    if hasattr(value, "items"):
        return {key: plain(item) for key, item in value.items()}
    if hasattr(value, "__iter__") and not isinstance(value, str):
        return [plain(item) for item in value]
    return value

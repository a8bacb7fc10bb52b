"""What both the video and the audio of an OpenTimelineIO file need: media by their URL, metadata, times compared."""

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from ltx_mcp.media.still_formats import SUFFIXES

if TYPE_CHECKING:
    import opentimelineio as otio

KEY = "ltx_mcp"
"""Of our metadata."""

_SAME_S = 1e-4  # times that went through frames and back


def same(now: object, then: object) -> bool:
    """Whether a value is as it was written; times in seconds within rounding."""
    if isinstance(now, float) and isinstance(then, int | float):
        return abs(now - then) < _SAME_S
    return now == then


def source_start_s(item: "otio.core.Item") -> float:
    """Seconds into its file at which a clip begins: its time less that of the file, which cameras count from the clock.

    0 for a still, whose time means nothing, and for a gap.
    """
    media = getattr(item, "media_reference", None)
    url = str(getattr(media, "target_url", "") or "")
    if item.source_range is None or media is None or url.lower().endswith(SUFFIXES):
        return 0.0
    begins = media.available_range.start_time.to_seconds() if media.available_range else 0.0
    return max(0.0, float(item.source_range.start_time.to_seconds() - begins))


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

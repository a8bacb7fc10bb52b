"""Paths as chats show them: with ~, with %20 or a backslash before a space."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def absolute_paths(text: str) -> Iterator[Path]:
    """Every absolute path that the text may mean, first what stands there. None where it is not a path."""
    for spelled in dict.fromkeys((text, re.sub(r"\\([^A-Za-z0-9])", r"\1", text), _decoded(text))):
        path = _at_home(spelled)
        if path is not None and path.is_absolute() and not CONTROL.search(str(path)):
            yield path


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text


def _at_home(text: str) -> Path | None:
    """Only the user's own home: ~name tells who else has one here."""
    if text != "~" and not text.startswith("~/"):
        return Path(text)
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return None

"""A film as a file: edit_video's arguments as JSON, or a timeline as OpenTimelineIO."""

import json
from pathlib import Path
from typing import Any

from ltx_mcp.edit.otio import read_timeline
from ltx_mcp.errors import BadInput
from ltx_mcp.types.film_request import film_request
from ltx_mcp.types.timeline import EditRequest

MAX_BYTES = 20_000_000
_HINT = "A film is a .json of edit_video's arguments, or an .otio timeline."


def read_film_file(path: Path) -> EditRequest:
    """Told apart by content. Paths in it that are not absolute start at its folder. Raises BadInput."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadInput(f"{path.name} is larger than {MAX_BYTES // 10**6} MB.", _HINT)
        text = path.read_text(encoding="utf-8")
        fields = json.loads(text)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.", _HINT) from error
    except ValueError as error:
        raise BadInput(f"{path.name} is not valid JSON: {error}.", _HINT) from error
    if not isinstance(fields, dict):
        raise BadInput(f"{path.name} holds a {type(fields).__name__}, not an object.", _HINT)
    if "OTIO_SCHEMA" in fields:
        return film_request(read_timeline(text, path.parent))
    return film_request(_with_paths(fields, path.parent))


def _with_paths(value: Any, folder: Path) -> Any:
    """Names of files beside the film's own become absolute."""
    match value:
        case dict():
            names = ("source", "file", "audio")
            return {
                key: _absolute(item, folder) if key in names and isinstance(item, str) else _with_paths(item, folder)
                for key, item in value.items()
            }
        case list():
            return [_with_paths(item, folder) for item in value]
        case _:
            return value


def _absolute(reference: str, folder: Path) -> str:
    path = folder / reference
    return str(path.absolute()) if "://" not in reference and path.is_file() else reference

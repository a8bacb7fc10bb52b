"""Annotations in QVHighlights' format: JSON Lines, each a query about a video and the spans that answer it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

KINDS = ("mp4", "mkv", "webm")


@dataclass(frozen=True)
class Annotation:
    """`windows_s`: (start, end) of each span that answers the query, in seconds."""

    vid: str
    query: str
    windows_s: tuple[tuple[float, float], ...]


def annotations(path: Path) -> list[Annotation]:
    """Those with windows: a test split has none. Raises SystemExit with the number of a line of another format."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            said = json.loads(line)
            windows_s = tuple((float(start), float(end)) for start, end in said.get("relevant_windows") or ())
            annotation = Annotation(str(said["vid"]), str(said["query"]), windows_s)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise SystemExit(f"{path}, line {number} is not in QVHighlights' format: {error!r}") from error
        found += [annotation] if windows_s else []
    return found


def local_videos(folder: Path, asked: Sequence[Annotation]) -> dict[str, Path]:
    """FOLDER/{vid}.mp4, .mkv or .webm by the id, of those that are there."""
    paths = {each.vid: [folder / f"{each.vid}.{kind}" for kind in KINDS] for each in asked}
    return {vid: path for vid, each in paths.items() if (path := next(filter(Path.exists, each), None))}

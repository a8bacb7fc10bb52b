"""Which files were written from which clips: an export that comes back is known. Names and folders are not kept.

<data>/exports.jsonl    one line for each: clip_id, bytes, sha256, and the job that wrote it
"""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ltx_mcp.archive.originals import sha256_of

log = logging.getLogger(__name__)


class Exports:
    """Lines are only ever appended, so that several processes may. What cannot be read is passed over."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "exports.jsonl"

    def add(self, clip_id: str, file: Path, job_id: str) -> None:
        """Reads all of the file. Raises OSError."""
        line = {"clip_id": clip_id, "bytes": file.stat().st_size, "sha256": sha256_of(file), "job_id": job_id}
        with self._path.open("a", encoding="utf-8") as lines:
            lines.write(f"{json.dumps(line)}\n")

    def clip_id_of(self, file: Path) -> str | None:
        """The clip that this very file was written from. Raises OSError."""
        size = file.stat().st_size
        alike = [line for line in self._lines() if line.get("bytes") == size]
        digest = sha256_of(file) if alike else ""
        return next((str(line["clip_id"]) for line in alike if line.get("sha256") == digest), None)

    def written_by(self, job_id: str, folder: Path) -> Path | None:
        """The file in this folder that a job has written, whichever name it got there. Raises OSError."""
        for line in [line for line in self._lines() if line.get("job_id") == job_id]:
            for file in sorted(folder.glob("[!.]*")):
                is_alike = file.is_file() and file.stat().st_size == line.get("bytes")
                if is_alike and sha256_of(file) == line.get("sha256"):
                    return file
        return None

    def _lines(self) -> Iterator[dict[str, Any]]:
        if not self._path.exists():
            return
        with self._path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    yield dict(json.loads(line))
                except (ValueError, TypeError):
                    log.warning("a line of %s cannot be read", self._path)

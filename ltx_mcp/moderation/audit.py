"""What moderation refused or held, and what a person then decided, a line of JSON each.

There are ids, rules, scores and a digest in it, never the words or the frames. Lines are only ever added. A file that
has grown large is set aside under a number, the newest under 1.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from ltx_mcp.moderation.prompts import Finding
from ltx_mcp.types.clips import Verdict

log = logging.getLogger(__name__)

MAX_BYTES = 4 * 1024 * 1024  # of one file: about 15,000 refusals
KEPT = 9  # older files beside the one in use; what is older is deleted
_LOCK_S = 10.0


def audit_line(job_id: str, outcome: Finding | Verdict, prompt: str) -> dict[str, Any]:
    """The line for one refusal (or pass) of a prompt or of a clip's frames; JSON-ready.

    `prompt_sha256` is a plain digest of the UTF-8 words: it recognises a prompt that is known, and hides one only
    from those who cannot guess it.
    """
    digest = hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()
    head = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "job_id": job_id, "prompt_sha256": digest}
    if isinstance(outcome, Verdict):
        return head | {"gate": "frames"} | outcome.model_dump()
    verdict = "review" if outcome.action == "review" else "refused"
    return head | {"gate": "prompt", "verdict": verdict} | asdict(outcome)


class Audit:
    """Appends to one file, readable by its owner alone. A line is one write, so processes may share the file."""

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        self._path = path
        self._max_bytes = max_bytes

    def prompt_refused(self, job_id: str, prompt: str, finding: Finding) -> None:
        self._append(audit_line(job_id, finding, prompt))

    def frames_refused(self, job_id: str, prompt: str, verdict: Verdict) -> None:
        self._append(audit_line(job_id, verdict, prompt))

    def reviewed(self, held_id: str, decision: str) -> None:
        """What the person at the machine decided of what was held."""
        head = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "gate": "review"}
        self._append({**head, "held_id": held_id, "decision": decision, "by": "local user"})

    def lines(self) -> Iterator[dict[str, Any]]:
        """Every line that is kept, the oldest first; one that a crash cut short is left out."""
        for path in (*(self._older(number) for number in range(KEPT, 0, -1)), self._path):
            if not path.exists():
                continue
            for line in path.read_text("utf-8", errors="replace").splitlines():
                with suppress(ValueError):
                    yield json.loads(line)

    def _older(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.stem}.{number}{self._path.suffix}")

    def _rotate(self) -> None:
        """Set the file aside once it is large. Raises OSError, also where another process holds the lock for long."""
        if not self._path.exists() or self._path.stat().st_size < self._max_bytes:
            return
        with FileLock(self._path.with_suffix(".lock"), timeout=_LOCK_S):
            if self._path.stat().st_size < self._max_bytes:  # another process has just done it
                return
            for number in range(KEPT - 1, 0, -1):
                if self._older(number).exists():
                    self._older(number).replace(self._older(number + 1))
            self._path.replace(self._older(1))

    def _append(self, line: dict[str, Any]) -> None:
        """A line that cannot be written is logged: the refusal it tells of must stand all the same."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._rotate()
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            log.error("no audit line could be written (%s): %s", error, line)
            return
        try:
            os.write(file, (json.dumps(line, allow_nan=False) + "\n").encode())
        finally:
            os.close(file)

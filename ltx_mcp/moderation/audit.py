"""What moderation refused, one JSON line each: ids, rules, scores and a digest; never the words or the frames."""

import hashlib
import json
import logging
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ltx_mcp.moderation.prompts import Finding
from ltx_mcp.types.clips import Verdict

log = logging.getLogger(__name__)


def audit_line(job_id: str, outcome: Finding | Verdict, prompt: str) -> dict[str, Any]:
    """The line for one refusal (or pass) of a prompt or of a clip's frames; JSON-ready.

    `prompt_sha256` is a plain digest of the UTF-8 words: it recognises a prompt that is known, and hides one only
    from those who cannot guess it.
    """
    digest = hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()
    head = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "job_id": job_id, "prompt_sha256": digest}
    if isinstance(outcome, Verdict):
        return head | {"gate": "frames"} | outcome.model_dump()
    return head | {"gate": "prompt", "verdict": "refused"} | asdict(outcome)


class Audit:
    """Appends to one file, readable by its owner alone. A line is one write, so processes may share the file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def prompt_refused(self, job_id: str, prompt: str, finding: Finding) -> None:
        self._append(audit_line(job_id, finding, prompt))

    def frames_refused(self, job_id: str, prompt: str, verdict: Verdict) -> None:
        self._append(audit_line(job_id, verdict, prompt))

    def _append(self, line: dict[str, Any]) -> None:
        """A line that cannot be written is logged: the refusal it tells of must stand all the same."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            log.error("no audit line could be written (%s): %s", error, line)
            return
        try:
            os.write(file, (json.dumps(line, allow_nan=False) + "\n").encode())
        finally:
            os.close(file)

"""Requests that moderation was not sure of: a person looks at each and may allow exactly that one, once.

    <data>/quarantine/requests/<id>/{request.json, frames.jpg}    what was asked; the frames, where it is about inputs
    <data>/quarantine/allowed/<id>                                 allowed, and not used yet
    <data>/quarantine/allowed/<id>.<job_id>                        allowed to this job, which may be admitted again

The id is a digest of the words or frames, so what is asked twice is held once. Every step is one rename: a process that
dies leaves a request held or allowed, never in between. What no person looks at goes when there are too many.
"""

import json
import logging
import re
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ltx_mcp.errors import NotFound, StudioError

log = logging.getLogger(__name__)

MOST = 200  # requests that are held at once: the oldest goes
REQUEST_ID = re.compile(r"(?:text|input)-[0-9a-f]{24}")
_FACTS, _FRAMES = "request.json", "frames.jpg"


@dataclass(frozen=True)
class HeldRequest:
    """One request that waits. `about` is its words, or the names of its inputs; `sheet` shows their frames."""

    request_id: str
    at: str
    category: str
    about: str
    sheet: Path | None


class HeldRequests:
    """The held requests of one data directory. Its methods block on the disk; processes may share it."""

    def __init__(self, data_dir: Path) -> None:
        folder = data_dir.absolute() / "quarantine"
        self._held, self._allowed = folder / "requests", folder / "allowed"

    def hold(self, request_id: str, category: str, about: str, frames: bytes | None = None) -> None:
        """Keep what was asked for a person to look at; `frames` is a JPEG. Raises OSError."""
        place = self._held / request_id
        if place.exists():
            return
        draft = self._held / f".{request_id}.{secrets.token_hex(4)}"
        draft.mkdir(mode=0o700, parents=True)
        facts = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "category": category, "about": about}
        (draft / _FACTS).write_text(json.dumps(facts), encoding="utf-8")
        if frames is not None:
            (draft / _FRAMES).write_bytes(frames)
        try:
            draft.rename(place)
        except OSError:  # another process was quicker
            shutil.rmtree(draft, ignore_errors=True)
        for oldest in self.all()[:-MOST]:
            shutil.rmtree(self._held / oldest.request_id, ignore_errors=True)

    def use(self, request_id: str, job_id: str) -> bool:
        """Whether it was allowed, to this job or to the first that asks; from now on to this job alone."""
        mine = self._allowed / f"{request_id}.{job_id}"
        if mine.exists():
            return True
        with suppress(OSError):
            (self._allowed / request_id).rename(mine)
            return True
        return False

    def give_back(self, job_id: str) -> None:
        """The job did not begin: what was allowed to it is allowed to the next that asks."""
        for mine in self._allowed.glob(f"*.{job_id}"):
            with suppress(OSError):
                mine.rename(mine.with_suffix(""))

    def all(self) -> list[HeldRequest]:
        """The oldest first."""
        found = self._held.iterdir() if self._held.is_dir() else ()
        return sorted(filter(None, map(_read, found)), key=lambda each: (each.at, each.request_id))

    def allow(self, request_id: str) -> None:
        """It may pass once. Raises NotFound, StudioError."""
        self._check(request_id)
        try:
            self._allowed.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._allowed / request_id).touch(mode=0o600)
        except OSError as error:
            raise StudioError(f"{request_id} could not be allowed: {error}.", "Check the data directory.") from error
        shutil.rmtree(self._held / request_id, ignore_errors=True)

    def delete(self, request_id: str) -> None:
        """It stays refused, and nothing of it is kept. Raises NotFound."""
        self._check(request_id)
        shutil.rmtree(self._held / request_id, ignore_errors=True)

    def _check(self, request_id: str) -> None:
        if REQUEST_ID.fullmatch(request_id) is None or not (self._held / request_id).is_dir():
            raise NotFound(f"No request {request_id[:80]!r} is held.", "ltx-mcp review lists what is.")


def _read(place: Path) -> HeldRequest | None:
    """None for what is not whole."""
    if REQUEST_ID.fullmatch(place.name) is None:
        return None
    try:
        facts: Mapping[str, Any] = json.loads((place / _FACTS).read_text(encoding="utf-8"))
        sheet = place / _FRAMES
        return HeldRequest(
            place.name, facts["at"], facts["category"], facts["about"], sheet if sheet.exists() else None
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("a held request is left out: %s: %s", place.name, error)
        return None

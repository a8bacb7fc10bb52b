"""The licences of the weights: what they ask, and what the user said to them, kept in the data directory.

Acceptance is of one version: a licence that changes is asked about again. It can be taken back; what was said stays.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RECORD = "licences.json"

PASSES_ON = (
    "Free of charge below US$10M of yearly revenue of the whole group; above that a paid licence is needed.",
    "Watermarks, provenance marks and latent disclosures must not be removed or switched off.",
    "Its use restrictions (Attachment A) bind everybody whom you let use the model.",
    "No other model may be trained commercially on what it makes.",
    "No product that competes with Lightricks may be made with it without a licence of theirs.",
    "Who publishes what it makes must say that an AI made it where the law asks for that.",
)
FFMPEG = (
    "The ffmpeg binary that imageio-ffmpeg installs is a build under the GPL, version 3 or later (with x264 and x265). "
    "ltx-mcp runs it as a program of its own and is not linked with it; whoever passes the binary on owes its source."
)


@dataclass(frozen=True)
class Licence:
    """A licence in one version, the day that it bears."""

    name: str
    version: str
    url: str
    passes_on: tuple[str, ...] = PASSES_ON


LTX_2 = Licence("LTX-2 Community License", "2026-01-05", "https://github.com/Lightricks/LTX-2/blob/main/LICENSE")
LTX_2_X = Licence("LTX-2.x Community License", "2026-08-11", "https://huggingface.co/Lightricks/LTX-2.5")
OF_WEIGHTS = (LTX_2, LTX_2_X)


def terms() -> list[str]:
    """The licences with their versions, and what they ask: a line each."""
    named = [f"{each.name} of {each.version}: {each.url}" for each in OF_WEIGHTS]
    return [*named, *(f"- {line}" for line in PASSES_ON)]


def is_accepted(folder: Path) -> bool:
    """Whether the last word on each licence, in the version of today, was that it is accepted."""
    said = {(event.get("licence"), event.get("version")): event.get("said") for event in events(folder)}
    return all(said.get((licence.name, licence.version)) == "accepted" for licence in OF_WEIGHTS)


def record(folder: Path, said: str) -> None:
    """Add what was said, `accepted` or `revoked`, to each licence. Raises OSError."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    added = [{"licence": each.name, "version": each.version, "said": said, "at": now} for each in OF_WEIGHTS]
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{RECORD}.part"
    draft.write_text(json.dumps([*events(folder), *added], indent=2), encoding="utf-8")
    draft.replace(folder / RECORD)


def events(folder: Path) -> list[Mapping[str, Any]]:
    """All that was ever said, the oldest first; nothing of a file that cannot be read."""
    with suppress(OSError, ValueError):
        read = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return [each for each in read if isinstance(each, dict)]
    return []

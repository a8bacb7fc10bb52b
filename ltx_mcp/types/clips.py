"""Finished clips, what moderation said of them, and the moments that a search finds in them. All frozen.

Field names are the tool contract: what stands here is what an agent reads, and what a sidecar keeps.
"""

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from ltx_mcp.types.requests import Codec
from ltx_mcp.types.timeline import SourceUse
from ltx_mcp.types.value import Value

Kind = Literal["generated", "animated", "restyled", "imported", "edited"]


class Verdict(Value):
    """What moderation said. `max_score` is the highest classifier probability, 0..1; `category` what scored it."""

    verdict: Literal["passed", "refused"]
    model: str
    max_score: float
    category: str | None = None
    threshold: float | None = None
    frames_seen: int = 0
    worst_at_s: float | None = None


_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
MODEL_MADE = f"{_IPTC}trainedAlgorithmicMedia"
COMPOSITE = f"{_IPTC}compositeWithTrainedAlgorithmicMedia"


class Provenance(Value):
    """Where the pixels come from, as IPTC's code: made by a trained model, or in part. None: not known."""

    signed: bool = False
    digital_source_type: str | None = MODEL_MADE


class ClipFacts(Value):
    """What the maker of a clip knows of it. Sizes in pixels."""

    kind: Kind
    prompt: str
    title: str
    width: int
    height: int
    fps: float
    frames: int
    duration_s: float
    has_audio: bool
    codec: Codec
    seed: int | None
    model: str
    recipe: str
    loras: tuple[dict[str, Any], ...] = ()
    source: str | None = None
    sources: tuple[SourceUse, ...] = ()
    created_at: datetime
    moderation: Verdict
    provenance: Provenance
    requested: dict[str, Any] = Field(default_factory=dict)
    effective: dict[str, Any] = Field(default_factory=dict)

    @property
    def shot_frames(self) -> tuple[int, ...]:
        """The frames that stand for a film's shots, as `Plan.shot_frames` of its plan."""
        return tuple(shot["middle_frame"] for shot in self.effective.get("shots", ()))


class Stored(Value):
    """What the archive adds. `path` and `sheet_path` are absolute; `bytes` and `sha256` of the video file."""

    clip_id: str
    path: Path
    resource_uri: str
    sheet_path: Path
    bytes: int
    sha256: str
    searchable: bool = False


class Clip(ClipFacts, Stored):  # the last base's fields come first in JSON: where it is, then what it is
    """One finished clip of the archive."""


class Moment(Value):
    """A span of a clip that answers a query; `ref` is ready to be passed on as an input. Times in seconds."""

    rank: int
    clip_id: str
    ref: str
    start_s: float
    end_s: float
    peak_s: float
    score: float
    matched: Literal["vision", "text", "both", "newest"]
    prompt: str
    title: str
    kind: Kind
    path: Path
    duration_s: float


class SearchResult(Value):
    """Moments, best first; `note` says so when nothing matches well. Never padded with noise."""

    moments: tuple[Moment, ...]
    total_clips: int
    note: str = ""

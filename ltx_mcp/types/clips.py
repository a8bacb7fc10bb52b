"""Finished clips, their moderation verdicts, and the moments that a search finds in them. All frozen.

Field names are the tool contract: what stands here is what an agent reads, and what a sidecar keeps.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from ltx_mcp.types.film import SourceUse
from ltx_mcp.types.options import Flag
from ltx_mcp.types.references import Name
from ltx_mcp.types.requests import Title
from ltx_mcp.types.value import Value

Kind = Literal["generated", "animated", "restyled", "imported", "edited", "photo"]

DRAFT_EDIT = "draft edit"
"""The recipe of a film's proof."""


class Verdict(Value):
    """A verdict of moderation; `review` leaves it to a person. `max_score` is the classifier's highest probability,
    0..1, and `category` its class.
    """

    verdict: Literal["passed", "review", "refused"]
    model: str
    max_score: float
    category: str | None = None
    threshold: float | None = None
    frames_seen: int = 0
    worst_at_s: float | None = None


_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
MODEL_MADE = f"{_IPTC}trainedAlgorithmicMedia"
COMPOSITE = f"{_IPTC}compositeWithTrainedAlgorithmicMedia"
JOINED = f"{_IPTC}composite"
"""Of elements that may or may not be a model's."""


class Provenance(Value):
    """Where the frames come from, as a code of IPTC: made by a trained model, or in part. None: not known.

    `signed`: the file carries a manifest of ours, which is called `manifest`. `watermark` is what the mark in its
    frames says, as `Mark.text` of watermark/base.py.
    """

    signed: bool = False
    digital_source_type: str | None = MODEL_MADE
    manifest: str | None = None
    watermark: str | None = None


class OriginalFile(Value):
    """The file that footage was imported from, as it was then. `path` is absolute, `modified_ns` since 1970."""

    path: Path
    bytes: int
    modified_ns: int
    sha256: str


class ClipFacts(Value):
    """What is known of a clip before it is stored. Sizes in pixels; `seed` is None where no model rendered it.

    `cuts_s` is when each shot after the first begins, as its frames tell; None where nobody looked. `in_place`: the
    video is the `original` itself, which stays where it is. `codec` is that of the video as ffmpeg names it. A photo
    has one frame and no duration. `job_id` is that of the job that made it, `owner` whose clip
    it is, as types/owners.py tells them apart.
    """

    kind: Kind
    prompt: str
    title: str
    width: int
    height: int
    fps: float
    frames: int
    duration_s: float
    has_audio: bool
    codec: str
    cuts_s: tuple[float, ...] | None = None
    seed: int | None
    model: str
    recipe: str
    loras: tuple[dict[str, Any], ...] = ()
    original: OriginalFile | None = None
    in_place: bool = False
    source: str | None = None
    sources: tuple[SourceUse, ...] = ()
    created_at: datetime
    job_id: str | None = None
    moderation: Verdict
    provenance: Provenance
    requested: dict[str, Any] = Field(default_factory=dict)
    effective: dict[str, Any] = Field(default_factory=dict)
    owner: str = ""

    @property
    def shot_frames(self) -> tuple[int, ...]:
        """The frames that stand for a film's shots, as `Plan.shot_frames` of its plan."""
        return tuple(shot["middle_frame"] for shot in self.effective.get("shots", ()))

    @property
    def film_facts(self) -> tuple[str, ...]:
        """What a film's result says in words: where its shots begin, and how loud it is. Nothing of other clips."""
        shots, loudness = self.effective.get("shots", ()), self.effective.get("loudness")
        starts = ", ".join(f"{shot['shot']}: {shot['start_s']:g} s" for shot in shots)
        return (
            *([f"Shots begin at {starts}."] if shots else []),
            *([f"Loudness {loudness['integrated_lufs']:.1f} LUFS, true peak {loudness['true_peak_dbtp']:.1f} dBTP."]
              if loudness else []),
        )  # fmt: skip


class Stored(Value):
    """What the archive adds. `path` and `sheet_path` are absolute; `bytes` and `sha256` of the video file."""

    clip_id: str
    path: Path
    resource_uri: str
    sheet_path: Path
    bytes: int
    sha256: str
    searchable: bool = False
    pinned: bool = False
    tags: tuple[str, ...] = ()


class Clip(ClipFacts, Stored):  # the last base's fields come first in JSON: where it is, then what it is
    """One finished clip of the archive."""


MAX_TAGS = 20
Tag = Annotated[Name, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=40)]
Tags = Annotated[tuple[Tag, ...], Field(max_length=MAX_TAGS), AfterValidator(lambda tags: tuple(dict.fromkeys(tags)))]


class ClipChange(Value):
    """What a user may change of a clip; None leaves it as it is, and `tags` replace those that it had."""

    title: Annotated[Title | None, Field(description="Words by which search_clips finds it.")] = None
    pinned: Annotated[bool | None, Field(description="A pinned clip cannot be deleted.")] = None
    tags: Annotated[
        Tags | None,
        Field(description="All its tags; [] takes them away. search_clips filters by them."),
        Flag("--tag", "TAG", "One of all its tags."),
    ] = None


class Moment(Value):
    """A span of a clip that matches a query; `ref` can be passed on as a media reference. Times in seconds.

    `alike` names clips of the same words that look the same, at most five of `alike_count`; `said` is what is said in
    it, where that was found.
    """

    rank: int
    clip_id: str
    ref: str
    start_s: float
    end_s: float
    peak_s: float
    score: float
    matched: Literal["vision", "text", "both", "speech", "newest"]
    prompt: str
    title: str
    kind: Kind
    path: Path
    duration_s: float
    alike: tuple[str, ...] = ()
    alike_count: int = 0
    said: str = ""


class SearchResult(Value):
    """Moments, best first. Those that do not match are left out; where nothing matches well, `note` says so."""

    moments: tuple[Moment, ...]
    total_clips: int
    note: str = ""

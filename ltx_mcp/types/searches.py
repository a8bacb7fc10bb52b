"""Searches: the options of search_clips, declared as those of requests are."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints, field_validator

from ltx_mcp.types.clips import Kind, Tags
from ltx_mcp.types.options import Flag
from ltx_mcp.types.references import ClipId, Reference
from ltx_mcp.types.value import Value

Query = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20_000)]

_AGE = re.compile(r"([0-9]{1,5}) ?([hdw]|hours?|days?|weeks?)(?: ago)?")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24}


def read_moment(text: str) -> datetime:
    """A date as ISO 8601, in the local zone where it names none, or an age such as 7d or 12h. Raises ValueError."""
    if (age := _age(text)) is not None:
        return datetime.now(UTC) - age
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.astimezone()


def _age(text: str) -> timedelta | None:
    found = _AGE.fullmatch(text.strip().casefold())
    return timedelta(hours=int(found[1]) * _HOURS[found[2][0]]) if found else None


def _without_age(moment: object) -> object:
    age = _age(moment) if isinstance(moment, str) else None
    return moment if age is None else datetime.now(UTC) - age


Since = Annotated[
    datetime | None,
    BeforeValidator(_without_age),
    Field(description="ISO 8601; UTC where no zone is given."),
    Flag("--since", "DATE|AGE", "Clips made since a date such as 2026-11-20, or within 7d or 12h.", read_moment),
]
Until = Annotated[
    datetime | None,
    BeforeValidator(_without_age),
    Field(description="As created_after."),
    Flag("--until", "DATE|AGE", "Clips made before a date, or more than 7d or 12h ago.", read_moment),
]
Duration = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
WithTags = Annotated[
    Tags,
    Field(description="Clips with all of these tags."),
    Flag("--tag", metavar="TAG", help="Only clips with this tag."),
]


class SearchFilters(Value):
    """The words of a search, the clips that it covers, and how many moments it gives. A blank query is left out."""

    query: Annotated[
        Query | None,
        Field(description="What is seen or heard."),
        Flag("query", help="What is seen or heard, in plain words. Left out: the newest clips."),
    ] = None
    kind: Annotated[Kind | None, Field(description="Clips of this kind only.")] = None
    created_after: Since = None
    created_before: Until = None
    min_duration_s: Annotated[Duration | None, Field(description="Of the clip.")] = None
    max_duration_s: Annotated[Duration | None, Field(description="Of the clip.")] = None
    limit: Annotated[int, Field(ge=1, le=20, strict=True, description="Moments in all.")] = 5
    moments_per_clip: Annotated[int, Field(ge=1, le=10, strict=True, description="Moments of one clip.")] = 3

    @field_validator("query")
    @classmethod
    def _blank_is_none(cls, query: str | None) -> str | None:
        return query or None

    @field_validator("created_after", "created_before")
    @classmethod
    def _in_utc(cls, moment: datetime | None) -> datetime | None:
        return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


class SearchRequest(SearchFilters):
    """A search as it is asked for, with image and clip as references."""

    image: Annotated[
        Reference | None,
        Field(description="Find what looks like clip_id@seconds, or an image file."),
        Flag(help="Find what looks like this: clip_id@seconds, or an image file."),
    ] = None
    clip: Annotated[ClipId | None, Field(description="A clip_id: search inside it only.")] = None
    tags: WithTags = ()


class SearchModel(Value):
    """What looks at frames in searches. `unseen_clips` it has not seen yet; `note` says where a better one is.

    `transcriber` tells what is said in clips that came without their words, "" where none does; `unheard_clips` wait
    for it, and `speech_note` says where a better one is.
    """

    embedder: str
    unseen_clips: int
    note: str
    transcriber: str = ""
    unheard_clips: int = 0
    speech_note: str = ""

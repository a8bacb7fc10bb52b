"""What can be asked of the archive."""

import re
from typing import Annotated

from pydantic import ConfigDict, StringConstraints

from ltx_mcp.index.schema import among, microseconds, quoted
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.searches import SearchFilters

MAX_WORDS = 64  # different ones, of a query's full-text leg


class SearchQuery(SearchFilters):
    """One search, with its references resolved. With neither `query` nor `image` the newest clips are meant."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    image: Frame | None = None
    clip_id: Annotated[str, StringConstraints(min_length=1)] | None = None
    clip_ids: frozenset[str] | None = None
    respells: bool = True
    """Whether a mistyped word may be told by the words of all clips, also of those that are not meant."""

    @property
    def words(self) -> list[str]:
        """The query's different words in order. No punctuation, so no character has a meaning in full-text syntax."""
        return list(dict.fromkeys(re.findall(r"\w+", (self.query or "").casefold())))[:MAX_WORDS]

    @property
    def has_letters(self) -> bool:
        """Whether the query says anything: signs and emoji alone would find anything, so they find nothing."""
        return any(character.isalnum() for character in self.query or "")

    @property
    def where(self) -> str | None:
        """The filters as SQL that holds for both tables; None when there are none."""
        terms = [
            self.clip_id is not None and f"clip_id = {quoted(self.clip_id)}",
            self.clip_ids is not None and (among("clip_id", sorted(self.clip_ids)) if self.clip_ids else "false"),
            self.kind is not None and f"kind = {quoted(self.kind)}",
            self.created_after is not None and f"created_us > {microseconds(self.created_after)}",
            self.created_before is not None and f"created_us < {microseconds(self.created_before)}",
            self.min_duration_s is not None and f"duration_s >= {self.min_duration_s!r}",
            self.max_duration_s is not None and f"duration_s <= {self.max_duration_s!r}",
        ]
        return " AND ".join(term for term in terms if term) or None

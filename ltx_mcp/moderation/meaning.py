"""The second reader's seam: a text in, what it means out. Rules see words; this sees what they say together.

A reader knows nothing of policies and requests. Whatever keeps it from an answer is an error, and an error is a review.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

Level = Literal["safe", "controversial", "unsafe"]


@dataclass(frozen=True)
class Reading:
    """What a text means: `categories` are the reader's own words for what is wrong with it."""

    level: Level
    categories: tuple[str, ...] = ()


class MeaningReader(Protocol):
    """Reads texts. Called on one thread at a time."""

    @property
    def name(self) -> str:
        """The model; known without loading."""

    def load(self) -> None:
        """Get ready to read; a second call is free. Raises ModerationUnavailable."""

    def read(self, text: str) -> Reading:
        """Raises ModerationUnavailable for an answer that is not understood, and before `load`."""

"""What becomes of a request by what the second reader says of it: a finding as of a rule, or none.

Its errors, its delays and its "controversial" are reviews, never passes. It blocks sexual content alone by itself: how
often it is wrong with a prompt for a film was not measured here, and a review can be answered.
"""

import logging
from collections.abc import Sequence
from types import MappingProxyType

from ltx_mcp.moderation.meaning import MeaningReader, Reading
from ltx_mcp.moderation.policy import Action, Policy
from ltx_mcp.moderation.prompts import Finding
from ltx_mcp.moderation.time_limit import TimeLimit

log = logging.getLogger(__name__)

LOAD_LIMIT_S, READ_LIMIT_S = 300.0, 60.0
UNSURE = "meaning"
OF_THE_POLICY = MappingProxyType(
    {
        "Sexual Content or Sexual Acts": "sexual",
        "Violent": "graphic_violence",
        "Suicide & Self-Harm": "self_harm",
        "Unethical Acts": "hate",
        "Politically Sensitive Topics": "likeness_political",
        "Non-violent Illegal Acts": "weapons",
    }
)
"""The policy's category for each of the reader's: its action `allow` switches this off too."""


class SecondReader:
    """Any thread may call it."""

    def __init__(
        self,
        reader: MeaningReader,
        policy: Policy,
        load_limit_s: float = LOAD_LIMIT_S,
        read_limit_s: float = READ_LIMIT_S,
    ) -> None:
        self._reader, self._policy = reader, policy
        self._limits = load_limit_s, read_limit_s
        self._limit = TimeLimit()

    def check(self, texts: Sequence[tuple[str, str]]) -> Finding | None:
        """All (part, text) of a request, read as one. Blocks; never raises."""
        try:
            self._limit.within(self._limits[0], self._reader.load, self._reader.name)
            whole = "\n".join(f"{part}: {text}" for part, text in texts)
            reading = self._limit.within(self._limits[1], lambda: self._reader.read(whole), self._reader.name)
            return self._found(reading)
        except Exception as error:  # whatever it is, nobody has read the request
            log.warning("the second reader gave no answer, so the request is held: %s", error)
            return Finding(UNSURE, f"{self._reader.name}: no answer", False, "review")

    def _found(self, reading: Reading) -> Finding | None:
        if reading.level == "safe":
            return None
        wanted = {self._action(reading, each): each for each in reading.categories or (UNSURE,)}
        for action in ("block", "review"):
            if action in wanted:
                category = OF_THE_POLICY.get(wanted[action], UNSURE)
                return Finding(category, f"{self._reader.name}: {wanted[action]}", False, action)
        return None

    def _action(self, reading: Reading, category: str) -> Action:
        ours = OF_THE_POLICY.get(category)
        if ours is not None and self._policy.action(ours) == "allow":
            return "allow"
        blocks = reading.level == "unsafe" and ours == "sexual" and self._policy.action(ours) == "block"
        return "block" if blocks else "review"

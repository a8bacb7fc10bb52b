"""Trigger words: which of those that the LoRAs of a clip need are missing from its prompt."""

import re
from collections.abc import Sequence

from ltx_mcp.engine.lora.card import LoraCard


def with_triggers(prompt: str, cards: Sequence[LoraCard]) -> str:
    """The prompt with the trigger words that it lacks put before it, `first_token` ones foremost.

    Doing it again changes nothing. Spelling counts, upper and lower case too: the text encoder tells them apart.
    """
    triggers = [trigger for card in cards for trigger in card.triggers]
    first = [trigger.word for trigger in triggers if trigger.position == "first_token"]
    anywhere = [trigger.word for trigger in triggers if trigger.position == "anywhere"]
    there = _heads(prompt, first) + [word for word in anywhere if re.search(_alone(word), prompt)]
    missing = dict.fromkeys(word for word in [*first, *anywhere] if word not in there)
    return " ".join([*missing, prompt]).strip()


def _heads(prompt: str, words: Sequence[str]) -> list[str]:
    """Those of the words that the prompt begins with, one after the other."""
    for word in words:
        if found := re.match(rf"{_alone(word)}[\s,]*", prompt):
            return [word, *_heads(prompt[found.end() :], [other for other in words if other != word])]
    return []


def _alone(word: str) -> str:
    """A pattern for the word by itself: `f4nt4sy` is not part of `f4nt4sy4n1m6`."""
    before, after = (r"(?<!\w)" if word[0].isalnum() else ""), (r"(?!\w)" if word[-1].isalnum() else "")
    return f"{before}{re.escape(word)}{after}"

"""The prompt gate: the first finding of a policy in a text, or none.

It reads words, not meaning: it stops plain requests and their usual disguises, and costs no model. What
slips through meets the frame gate.
"""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

from ltx_mcp.moderation.lattice import read
from ltx_mcp.moderation.phrases import Phrases, Span
from ltx_mcp.moderation.policy import Policy, Rule

# Two lists beside the policy's own; no list of a policy can be called so.
_ALLOW, _COMPOUNDS = "<allow>", "<compounds>"


@dataclass(frozen=True)
class Finding:
    """Why a prompt is refused. `hard`: no setting can change it."""

    category: str
    rule_id: str
    hard: bool


class PromptGate:
    """Checks texts against one policy. Immutable, so any thread may call it."""

    def __init__(self, policy: Policy) -> None:
        self._rules = policy.rules
        self._phrases = Phrases({**policy.lists, _ALLOW: policy.allow, _COMPOUNDS: policy.compounds})

    def check(self, text: str) -> Finding | None:
        """The first rule that fires, hard ones first. Time grows linearly with the text."""
        lattice = read(text)
        hits = self._phrases.find(lattice)
        # "naked. Eye contact" is not "naked eye": a comma or a full stop ends an expression.
        compounds, allowed = (
            {span for span in hits.pop(name, set()) if lattice.is_unbroken(*span)} for name in (_COMPOUNDS, _ALLOW)
        )
        hard_hits = {name: _outside(spans, compounds) for name, spans in hits.items()}
        plain_hits = {name: _outside(spans, compounds | allowed) for name, spans in hits.items()}
        for rule in self._rules:
            if _fires(rule, hard_hits if rule.hard else plain_hits):
                return Finding(rule.category, rule.id, rule.hard)
        return None


def _fires(rule: Rule, hits: dict[str, set[Span]]) -> bool:
    return all(any(hits.get(name) for name in group) for group in rule.needs)


def _outside(spans: set[Span], phrases: set[Span]) -> set[Span]:
    """The hits that do not lie wholly inside one phrase."""
    ordered = sorted(phrases)
    starts = [start for start, _ in ordered]
    # How far the phrases reach that start no later: a span ending within that reach lies inside one of them.
    reach = list(accumulate((end for _, end in ordered), max, initial=0))
    return {(start, end) for start, end in spans if end > reach[bisect_right(starts, start)]}

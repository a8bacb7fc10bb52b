"""The prompt gate: the first finding of a policy in a text, or in the texts of one request together, or none.

It reads words, not meaning: it stops plain requests and their usual disguises, and costs no model. What
slips through meets the frame gate.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ltx_mcp.moderation.cells import Row
from ltx_mcp.moderation.phrases import Phrases, Span
from ltx_mcp.moderation.policy import Action, Policy, Rule

# Lists beside the policy's own; no list of a policy can be called so.
_ALLOW, _COMPOUNDS, _NEGATORS = "<allow>", "<compounds>", "<negators>"
_WITHOUT = {"negative_prompt": "without "}  # beside the prompt, what it names is what shall not be seen: clothes
_END = 200  # characters of a text in which an expression may begin or end that goes on in another
CONTEXT_WORDS = 14  # how near what disarms a rule must stand: a sentence of a prompt, or two short ones


@dataclass(frozen=True)
class Finding:
    """Why a prompt is refused, or held where its action is `review`. `hard`: no setting can change it."""

    category: str
    rule_id: str
    hard: bool
    action: Action = "block"


class PromptGate:
    """Checks texts against one policy. Immutable, so any thread may call it."""

    def __init__(self, policy: Policy) -> None:
        actions = {rule.id: "block" if rule.hard else policy.action(rule.category) for rule in policy.rules}
        # What blocks comes before what is held: a person who allows the one must not have allowed the other.
        kept = [rule for rule in policy.rules if actions[rule.id] != "allow"]
        self._rules = sorted(kept, key=lambda rule: actions[rule.id] == "review")
        self._actions: dict[str, Action] = actions
        ours = {_ALLOW: policy.allow, _COMPOUNDS: policy.compounds, _NEGATORS: policy.negators}
        self._phrases = Phrases({**policy.lists, **ours})

    def check(self, text: str) -> Finding | None:
        """The first rule that fires, hard ones first, those that only hold last. Time grows linearly with the text."""
        found = self._first(Row(text))
        return found and found[0]

    def check_together(self, texts: Sequence[tuple[str, str]]) -> tuple[str, Finding] | None:
        """(the part that offends, why) of (part, text) pairs, each alone and then all as one.

        Halves that are harmless alone are one meaning. An expression may begin in either half, so the ends of the texts
        are read in the other order too. What blocks comes before what is held.
        """
        held = None
        for found in self._found_together(texts):
            if found[1].action != "review":
                return found
            held = held or found
        return held

    def _found_together(self, texts: Sequence[tuple[str, str]]) -> Iterator[tuple[str, Finding]]:
        for part, text in texts:
            if (finding := self.check(text)) is not None:
                yield part, finding
        turned = [
            (part, f"{text[:_END]}. {text[-_END:]}" if len(text) > 2 * _END else text) for part, text in texts[::-1]
        ]
        for joined in (texts, turned) if len(texts) > 1 else ():
            row = Row(*(_WITHOUT.get(part, "") + text for part, text in joined))
            if (found := self._first(row)) is not None:
                finding, spans = found
                places = {place for start, end in spans for place in (start, end - 1)}
                numbers = sorted({bisect_right(row.text_starts, place) - 1 for place in places})
                yield " and ".join(joined[number][0] for number in numbers), finding

    def _first(self, row: Row) -> tuple[Finding, list[Span]] | None:
        """The finding, and where its words stand."""
        hits = _Hits(row, self._phrases.find(row))
        for rule in self._rules:
            if (spans := hits.firing(rule)) is not None:
                return Finding(rule.category, rule.id, rule.hard, self._actions[rule.id]), spans
        return None


class _Hits:
    """Where the words of each list stand in one row, less those that an expression or a negation disarms."""

    def __init__(self, row: Row, hits: dict[str, set[Span]]) -> None:
        self._row = row
        # "naked. Eye contact" is not "naked eye": a comma or a full stop ends an expression.
        compounds, allowed, negators = (
            {span for span in hits.pop(name, set()) if row.is_unbroken(*span)}
            for name in (_COMPOUNDS, _ALLOW, _NEGATORS)
        )
        negated = {after for _, end in negators for after in row.next_words(end) if row.is_unbroken(end, after)}
        self._all = hits
        self._hard = {name: _outside(spans, compounds) for name, spans in hits.items()}
        self._plain = {
            name: {span for span in _outside(spans, compounds | allowed) if span[0] not in negated}
            for name, spans in hits.items()
        }

    def firing(self, rule: Rule) -> list[Span] | None:
        """One hit a group, near enough to each other; None unless there are such."""
        hits = self._hard if rule.hard else self._plain
        groups = [sorted({span for name in group for span in hits.get(name, ())}) for group in rule.needs]
        if rule.unless:
            harmless = sorted({start for name in rule.unless for start, _ in self._all.get(name, ())})
            groups = [[span for span in group if not self._is_near(span[0], harmless)] for group in groups]
        return self._nearest(groups, rule.within) if all(groups) else None

    def _is_near(self, place: int, others: list[int]) -> bool:
        at = bisect_left(others, place)
        return any(self._words_between(place, other) <= CONTEXT_WORDS for other in others[max(0, at - 1) : at + 1])

    def _nearest(self, groups: list[list[Span]], within: int) -> list[Span] | None:
        """A hit of each group, all within so many words. One pass: it moves on from whichever comes first."""
        heads = [0] * len(groups)
        while True:
            spans = [group[head] for group, head in zip(groups, heads, strict=True)]
            if self._words_between(min(spans)[0], max(spans)[0]) <= within:
                return spans
            first = spans.index(min(spans))
            heads[first] += 1
            if heads[first] == len(groups[first]):
                return None

    def _words_between(self, one: int, other: int) -> int:
        return abs(self._row.word_numbers[one] - self._row.word_numbers[other])


def _outside(spans: set[Span], phrases: set[Span]) -> set[Span]:
    """The hits that do not lie wholly inside one phrase."""
    ordered = sorted(phrases)
    starts = [start for start, _ in ordered]
    # How far the phrases reach that start no later: a span ending within that reach lies inside one of them.
    reach = list(accumulate((end for _, end in ordered), max, initial=0))
    return {(start, end) for start, end in spans if end > reach[bisect_right(starts, start)]}

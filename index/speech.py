"""The speech retriever: what is said in clips, to the line. It needs no embedder.

A clip's lines stand in one text of its row, so that full-text search finds the clip; which of its lines was meant is
told by their words afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ltx_mcp.index.columns import SPEECH
from ltx_mcp.index.moments import Span
from ltx_mcp.index.query import SearchQuery
from ltx_mcp.index.tables import Tables
from ltx_mcp.index.words import ROW, Row

CLIPS = 20  # whose lines are read, the best first
LEAST_SHARE = 0.5  # of the words that are asked for: one common word in a line says little
_BETWEEN = "zqlinezq"  # a word that no one says, to tell the lines apart once they are stems


@dataclass(frozen=True)
class SaidSpan:
    """When it is said, and what."""

    span: Span
    text: str


@dataclass(frozen=True)
class Heard:
    """Lines by clip, the clip with the best line first, and the clips' rows."""

    hits: dict[str, list[SaidSpan]]
    rows: dict[str, Row]


class Speech:
    """Reads the clips' table; writes nothing. LanceDB's own errors pass through to `Tables.read`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def search(self, query: SearchQuery) -> Heard:
        from lancedb.query import MatchQuery

        if not query.words:
            return Heard({}, {})
        clips = await self._tables.clips()
        search = clips.query().nearest_to_text(MatchQuery(" ".join(query.words), SPEECH))
        search = search.where(query.where) if query.where else search
        rows = await search.select([*ROW, SPEECH, "speech_times", "_score"]).limit(CLIPS).to_list()
        [asked] = await self._stems([" ".join(query.words)])
        found = {}
        for row in rows:
            lines = row[SPEECH].split("\n")
            if best := _best(asked, await self._stems(lines), lines, row["speech_times"])[: query.moments_per_clip]:
                found[row["clip_id"]] = best
        ordered = dict(sorted(found.items(), key=lambda item: -item[1][0].span.score))
        return Heard(ordered, {row["clip_id"]: row for row in rows})

    async def _stems(self, lines: Sequence[str]) -> list[set[str]]:
        """The stems of each line's words, without those that every text has."""
        tokens = await (await self._tables.clips()).tokenize(f" {_BETWEEN} ".join(lines), column=SPEECH)
        stems: list[set[str]] = [set()]
        for token in tokens:
            if token.text == _BETWEEN:
                stems.append(set())
            else:
                stems[-1].add(token.text)
        return stems


def _best(asked: set[str], stems: Sequence[set[str]], lines: Sequence[str], times_s: Sequence[float]) -> list[SaidSpan]:
    """Lines with at least half of the words that are asked for, the best first; two where only both have more."""
    found: list[SaidSpan] = []
    taken = -1
    for place, mine in enumerate(stems):
        after = stems[place + 1] if place + 1 < len(stems) else set()
        alone, both = (len(asked & words) / max(1, len(asked)) for words in (mine, mine | after))
        last = place + 1 if both > alone > 0 else place
        share = both if last > place else alone
        if share < LEAST_SHARE or place <= taken:
            continue
        taken = last
        start_s, end_s = times_s[2 * place], times_s[2 * last + 1]
        found.append(SaidSpan(Span(start_s, end_s, start_s, share), " ".join(lines[place : last + 1])))
    return sorted(found, key=lambda each: (-each.span.score, each.span.start_s))

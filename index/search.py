"""One search: hits of words, sight and speech, fused by their ranks into moments.

A clip found by its text alone is returned whole. Words need no embedder: whatever is wrong with one, or with its
frames, is a note beside what the words find.
"""

from collections.abc import Callable
from typing import Any

from ltx_mcp.index import notes
from ltx_mcp.index.fusion import fuse, moment_of, whole_clip
from ltx_mcp.index.query import SearchQuery
from ltx_mcp.index.schema import among
from ltx_mcp.index.sight import Sight
from ltx_mcp.index.speech import Speech
from ltx_mcp.index.switch import Switch
from ltx_mcp.index.tables import Tables
from ltx_mcp.index.together import both
from ltx_mcp.index.words import ROW, Row, Worded, Words
from ltx_mcp.types.clips import Moment, SearchResult


class Searcher:
    """Reads the tables; writes nothing. LanceDB's own errors pass through to `Tables.read`.

    `better` says where a better embedder is, for queries that the one in use does not understand.
    """

    def __init__(self, tables: Tables, switch: Switch, better: Callable[[], str]) -> None:
        self._tables = tables
        self._switch = switch
        self._better = better
        self.sight = Sight(tables, switch)
        self._words = Words(tables)
        self._speech = Speech(tables)

    async def search(self, query: SearchQuery) -> SearchResult:
        clips = await self._tables.clips()
        total = await clips.count_rows()
        passing = await clips.count_rows(query.where) if query.where else total
        if not passing:
            note = notes.nothing_there(total, self._tables.was_damaged)
            return SearchResult(moments=(), total_clips=total, note=note)
        if query.query is None and query.image is None:
            return SearchResult(moments=await self._newest(query), total_clips=total)
        (worded, heard), seen = await both(
            lambda: both(lambda: self._words.search(query), lambda: self._speech.search(query)),
            lambda: self.sight.look(query, passing),
        )
        unanswered = worded.is_weak and not seen.hits and not heard.hits
        if unanswered and query.respells and (respelled := await self._words.respelled(query)).rows:
            worded = respelled
        text_hits = worded.rows
        rows = heard.rows | await self._rows(seen.hits.keys() - {row["clip_id"] for row in text_hits})
        moments = fuse(query, text_hits, seen.hits, rows, seen.looks, heard.hits)
        note = seen.note or _note(query, worded, moments, seen.understood)
        better = ""
        if seen.narrow and not (query.has_letters and seen.understood):
            switching = notes.switching(self._switch.wanted.weights) if self._switch.is_switching else ""
            better = notes.joined(self._better(), switching)
        if better and moments:
            better = f"{notes.SMALL_WORLD} {better}"
        unseen = notes.unseen(self._switch.unseen) if self._switch.unseen else ""
        return SearchResult(moments=moments, total_clips=total, note=notes.joined(note, better, unseen))

    async def _newest(self, query: SearchQuery) -> tuple[Moment, ...]:
        from lancedb.query import ColumnOrdering

        clips = await self._tables.clips()
        order = [ColumnOrdering(column_name="created_us", ascending=False), ColumnOrdering(column_name="clip_id")]
        rows = await _filtered(clips.query(), query).order_by(order).limit(query.limit).select(ROW).to_list()
        return tuple(moment_of(rank, row, whole_clip(row, 0.0), "newest", 0.0) for rank, row in enumerate(rows, 1))

    async def _rows(self, clip_ids: set[str]) -> dict[str, Row]:
        """The clips' rows by id. Frames without a clip row belong to a write that was cut short, or to none."""
        if not clip_ids:
            return {}
        clips = await self._tables.clips()
        rows = await clips.query().where(among("clip_id", clip_ids)).select(ROW).to_list()
        return {row["clip_id"]: row for row in rows}


def _note(query: SearchQuery, worded: Worded, moments: tuple[Moment, ...], understood: bool) -> str:
    """What to say of a thin answer."""
    if not moments:
        return notes.nothing_matches(understood) if query.has_letters or query.image is not None else notes.WORDLESS
    few = notes.FEW_WORDS if moments[0].matched == "text" and worded.is_weak else ""
    return notes.joined(worded.note, few)


def _filtered(search: Any, query: SearchQuery) -> Any:
    return search.where(query.where) if query.where else search

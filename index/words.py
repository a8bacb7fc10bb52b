"""The text retriever: clips whose prompts and titles share words with the query. It needs no embedder.

English words are found in any form by their stems; of scripts without spaces any part is found. A word that no clip
has may be a slip, and is replaced by the nearest that one has where nothing else answers the query; a note says so.
"""

from dataclasses import dataclass
from typing import Any

from anyio import to_thread

from ltx_mcp.index import notes
from ltx_mcp.index.columns import PARTS, TEXT_COLUMNS
from ltx_mcp.index.letters import parts_asked, parts_of
from ltx_mcp.index.query import SearchQuery
from ltx_mcp.index.spelling import Vocabulary
from ltx_mcp.index.tables import Tables

TEXT_HITS = 50
MIN_TEXT_SHARE = 0.25  # of the best hit's BM25 score; below it only a common word is shared
LEAST_PARTS = 0.5  # of a query's parts of words: a pair of letters alone is chance
ROW = ["clip_id", "title", "prompt", "kind", "path", "duration_s", "created_us"]

Row = dict[str, Any]


@dataclass(frozen=True)
class Worded:
    """Clips, the best first; ties go to the newer. `share` is how many of the query's words the best of them has."""

    rows: list[Row]
    share: float = 0.0
    note: str = ""

    @property
    def is_weak(self) -> bool:
        return self.share < 0.5


class Words:
    """Reads the clips' table; writes nothing. LanceDB's own errors pass through to `Tables.read`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._vocabulary: tuple[int, Vocabulary] | None = None  # and the version of the table that it is of

    async def search(self, query: SearchQuery) -> Worded:
        return await self._search(query, query.words)

    async def respelled(self, query: SearchQuery) -> Worded:
        """The same with words that no clip has replaced by the nearest; no rows where there are none."""
        vocabulary = await self._current_vocabulary()
        meant = {word: near for word in query.words if (near := await to_thread.run_sync(vocabulary.nearest, word))}
        if not meant:
            return Worded([])
        found = await self._search(query, [meant.get(word, word) for word in query.words])
        return Worded(found.rows, found.share, notes.respelled(meant) if found.rows else "")

    async def _search(self, query: SearchQuery, words: list[str]) -> Worded:
        from lancedb.query import BooleanQuery, MatchQuery, MultiMatchQuery, Occur

        if not words:
            return Worded([])
        parts = parts_asked(query.query or "")
        match: Any = MultiMatchQuery(" ".join(words), list(TEXT_COLUMNS))
        if parts:
            either = [(Occur.SHOULD, match), (Occur.SHOULD, MatchQuery(" ".join(parts), PARTS))]
            match = BooleanQuery(either)
        clips = await self._tables.clips()
        search = clips.query().nearest_to_text(match)
        search = search.where(query.where) if query.where else search
        rows = await search.select([*ROW, "_score"]).limit(TEXT_HITS).to_list()
        rows.sort(key=lambda row: (-row["_score"], -row["created_us"], row["clip_id"]))
        asked = (await self._stems(" ".join(words))).union(parts_of(query.query or ""))
        if parts:
            rows = [row for row in rows if await self._shared(asked, row) >= LEAST_PARTS]
        rows = [row for row in rows if row["_score"] >= MIN_TEXT_SHARE * rows[0]["_score"]]
        return Worded(rows, await self._shared(asked, rows[0]) if rows else 0.0)

    async def _stems(self, text: str) -> set[str]:
        """The stems of a text's words, without those that every text has, and none of scripts without spaces."""
        tokens = await (await self._tables.clips()).tokenize(text, column=TEXT_COLUMNS[0])
        return {token.text for token in tokens if not parts_asked(token.text)}

    async def _shared(self, asked: set[str], row: Row) -> float:
        """How many of the stems and parts that are asked for a clip has, as a share of them."""
        text = f"{row['title']} {row['prompt']}"
        return len(asked & (await self._stems(text)).union(parts_of(text))) / max(1, len(asked))

    async def _current_vocabulary(self) -> Vocabulary:
        clips = await self._tables.clips()
        version = await clips.version()
        if self._vocabulary is None or self._vocabulary[0] != version:
            table = await clips.query().select(list(TEXT_COLUMNS)).to_arrow()
            texts = [text for column in TEXT_COLUMNS for text in table[column].to_pylist()]
            self._vocabulary = (version, await to_thread.run_sync(Vocabulary, texts))
        return self._vocabulary[1]

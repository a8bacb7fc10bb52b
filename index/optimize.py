"""Keeping a table fast as it grows: compaction, and the indexes that its size calls for.

Measured on 512 numbers a frame: below 10,000 rows a scan takes less than 15 ms. From there on 5-bit RaBitQ, whose
candidates are scored again by their own vectors (`nearest.py`), answers as well as a scan. LanceDB's own defaults
found only 14 to 42 of 100 right frames (IVF_PQ, 1-bit RQ), or scanned everything (IvfFlat). Figures: docs/retrieval.md.
"""

import re
from datetime import timedelta
from typing import Any

INDEXED_FROM = 10_000  # rows
GROWN = 2  # times the rows that the vector index was trained on: its partitions have become too large
SMALL_PIECES = 10  # of a table, one a commit: 36 of them cost a search among a million frames 20 ms
KEEP_VERSIONS = timedelta(hours=1)  # another process may still read an old version; zero would break it
_VECTORS = "vectors_of_"  # the name of the vector index, with the rows that it was trained on


async def optimize(table: Any) -> None:
    """Compact the table, fold new rows into its indexes, drop old versions, and build the indexes that are due.

    Readers and writers of other processes go on meanwhile. Blocks nobody, and takes minutes for a million rows.
    """
    await table.optimize(cleanup_older_than=KEEP_VERSIONS)
    rows = await table.count_rows()
    if rows < INDEXED_FROM:
        return
    await _index_columns(table)
    if "vector" in (await table.schema()).names:
        await _index_vectors(table, rows)


async def is_due(table: Any) -> bool:
    """Whether the table is worth optimizing, by whichever process wrote to it. Cheap."""
    if (await table.stats())["fragment_stats"]["num_small_fragments"] > SMALL_PIECES:
        return True
    if "vector" not in (await table.schema()).names:
        return False
    indexed = [each.num_indexed_rows for each in await table.list_indices() if each.columns == ["vector"]]
    unindexed: int = await table.count_rows() - max(indexed, default=0)
    return unindexed >= INDEXED_FROM  # one film of hours is as much


async def _index_columns(table: Any) -> None:
    """The keys, so that a clip is written and read in a time that does not grow, and what searches filter by."""
    from lancedb.index import Bitmap, BTree

    wanted = {"frame_id": BTree, "clip_id": BTree, "created_us": BTree, "kind": Bitmap}
    present = {column for index in await table.list_indices() for column in index.columns}
    for column in (await table.schema()).names:
        if column in wanted and column not in present:
            await table.create_index(column, config=wanted[column]())


async def _index_vectors(table: Any, rows: int) -> None:
    from lancedb.index import IvfRq

    old = {index.name for index in await table.list_indices() if index.columns == ["vector"]}
    if max(map(_trained_on, old), default=0) * GROWN > rows:
        return
    new = f"{_VECTORS}{rows}"
    await table.create_index("vector", config=IvfRq(distance_type="cosine", num_bits=5), name=new)
    for name in old - {new}:  # only now: until here searches used it
        await table.drop_index(name)


def _trained_on(name: str) -> int:
    """The rows that a vector index was trained on; 0 for one of an older ltx-mcp, which is then replaced."""
    return int(name.removeprefix(_VECTORS)) if re.fullmatch(rf"{_VECTORS}[0-9]+", name) else 0

"""Which vector index a table gets, and that it finds what a scan finds."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from index_kit import make_clip

from ltx_mcp.index.background import Vectors
from ltx_mcp.index.embed import unit
from ltx_mcp.index.optimize import index_for, optimize
from ltx_mcp.index.sample import Samples
from ltx_mcp.index.schema import frame_rows
from ltx_mcp.index.tables import Tables

pytestmark = pytest.mark.anyio
ROWS, DIM = 10_500, 16


@pytest.fixture
async def frames(tmp_path: Path) -> AsyncIterator[tuple[Any, Vectors]]:
    """A table of frames just above the size that calls for an index, and its vectors."""
    tables, model_id = Tables(tmp_path / "index"), "test/random@00000000"
    vectors = unit(np.random.default_rng(0).normal(size=(ROWS, DIM)).astype(np.float32))
    with anyio.fail_after(60):
        table = await tables.make_frames(model_id, DIM)
        samples = Samples(np.arange(ROWS, dtype=np.float64), [])
        await table.add(frame_rows(make_clip("big"), samples, vectors, model_id))
        yield table, vectors
    tables.close()


async def nearest(table: Any, vector: Vectors) -> str:
    rows = await table.query().nearest_to(vector).distance_type("cosine").limit(1).select(["frame_id"]).to_list()
    return str(rows[0]["frame_id"])


def test_small_tables_are_scanned_middling_ones_indexed_exactly_and_large_ones_in_five_bits() -> None:
    small, middling, large = (index_for(rows) for rows in (9_999, 10_000, 300_000))
    assert small is None
    assert str(middling).startswith("IvfFlat(distance_type='cosine'")
    assert str(large).startswith("IvfRq(distance_type='cosine'")
    assert "num_bits=5" in str(large)


async def test_a_table_that_grew_gets_its_index_once_and_finds_every_row(frames: tuple[Any, Vectors]) -> None:
    table, vectors = frames
    await optimize(table)
    columns = sorted(index.columns[0] for index in await table.list_indices())
    assert columns == ["clip_id", "vector"]
    built = {index.name: index.index_uuid for index in await table.list_indices()}
    await optimize(table)
    assert {index.name: index.index_uuid for index in await table.list_indices()} == built
    for number in range(0, ROWS, 1500):
        assert await nearest(table, vectors[number]) == f"big/{number:04d}"

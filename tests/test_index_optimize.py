"""Which vector index a table gets, and that it finds what a scan finds."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from index_kit import make_clip
from lancedb.index import IvfFlat

from ltx_mcp.archive.upkeep import Upkeep
from ltx_mcp.index.background import Vectors
from ltx_mcp.index.embed import unit
from ltx_mcp.index.nearest import near_frames
from ltx_mcp.index.optimize import is_due, optimize
from ltx_mcp.index.sample import Samples
from ltx_mcp.index.schema import frame_rows
from ltx_mcp.index.stand_in import ColourEmbedder
from ltx_mcp.index.store import ClipIndex
from ltx_mcp.index.tables import Tables
from ltx_mcp.types.clips import Clip

pytestmark = pytest.mark.anyio
ROWS, DIM = 10_500, 16
MODEL_ID = "test/random@00000000"


@pytest.fixture
async def frames(tmp_path: Path) -> AsyncIterator[tuple[Any, Vectors]]:
    """A table of frames just above the size that calls for an index, and its vectors."""
    tables = Tables(tmp_path / "index")
    vectors = unit(np.random.default_rng(0).normal(size=(ROWS, DIM)).astype(np.float32))
    with anyio.fail_after(60):
        table = await tables.make_frames(MODEL_ID, DIM)
        samples = Samples(np.arange(ROWS, dtype=np.float64), [])
        await table.add(frame_rows(make_clip("big"), samples, vectors, MODEL_ID))
        yield table, vectors
    tables.close()


def vector_index(indexes: list[Any]) -> Any:
    (found,) = [index for index in indexes if index.columns == ["vector"]]
    return found


async def test_a_table_that_grew_gets_its_indexes_once_and_finds_every_row(frames: tuple[Any, Vectors]) -> None:
    table, vectors = frames
    await optimize(table)
    built = await table.list_indices()
    columns = sorted(index.columns[0] for index in built)
    assert columns == ["clip_id", "created_us", "frame_id", "kind", "vector"]
    assert vector_index(built).index_details["compression"]["num_bits"] == 5
    await optimize(table)
    assert {index.index_uuid for index in await table.list_indices()} == {index.index_uuid for index in built}
    for number in range(0, ROWS, 1500):
        near = await near_frames(table, vectors[number], "kind = 'generated'", 1, 5)
        assert near is not None
        assert number in near.table["time_s"].to_pylist()


async def test_an_index_is_trained_again_once_the_table_is_twice_as_large(frames: tuple[Any, Vectors]) -> None:
    table, vectors = frames
    await table.create_index("vector", config=IvfFlat(distance_type="cosine"))  # an older ltx-mcp's
    await optimize(table)
    assert [index.name for index in await table.list_indices() if index.columns == ["vector"]] == ["vectors_of_10500"]
    samples = Samples(np.arange(ROWS, dtype=np.float64), [])
    await table.add(frame_rows(make_clip("more"), samples, vectors, MODEL_ID))
    await optimize(table)
    assert vector_index(await table.list_indices()).name == "vectors_of_21000"


async def test_tables_of_many_pieces_are_due_and_then_not(frames: tuple[Any, Vectors]) -> None:
    table, vectors = frames
    assert await is_due(table), "it has enough rows for an index"
    await optimize(table)
    assert not await is_due(table)
    for number in range(11):
        await table.add(frame_rows(make_clip(f"clip-{number}"), Samples(np.zeros(1), []), vectors[:1], MODEL_ID))
    assert await is_due(table)
    await optimize(table)
    assert not await is_due(table)
    assert await table.count_rows() == ROWS + 11


async def test_upkeep_optimizes_in_the_background_once_enough_was_written(tmp_path: Path) -> None:
    index = ClipIndex(tmp_path / "index", ColourEmbedder())
    for number in range(11):
        await index.put([make_clip(f"clip-{number}")])
    assert await index.is_due()

    async def clips() -> list[Clip]:
        return []

    async with anyio.create_task_group() as tasks:
        upkeep = Upkeep(index, clips, lambda clip: Samples(np.zeros(0), []), tasks)
        upkeep.written()
        upkeep.written()
        upkeep.stop()
        tasks.cancel_scope.cancel()  # as at the end of a command: what was begun is finished
    assert not await index.is_due()
    await index.close()

"""What unrelated pairs score, kept beside the frames of an embedder: it is measured once, and not in every process.

That of a narrow embedder is not kept: it belongs to what the embedder was trained on, and takes no time.
"""

import logging
from typing import Any

import numpy as np
from anyio import CapacityLimiter, to_thread

from ltx_mcp.errors import StudioError
from ltx_mcp.index.background import CALIBRATION, Background
from ltx_mcp.index.embed import Embedder
from ltx_mcp.index.schema import quoted
from ltx_mcp.index.tables import Tables

log = logging.getLogger(__name__)

TABLE = "backgrounds_v1"


class Calibrations:
    """Of every embedder that looks. A table that cannot be read or written costs a measurement, and nothing else."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._known: dict[str, Background] = {}

    async def of(self, embedder: Embedder, model_id: str, slot: CapacityLimiter) -> Background:
        """Raises ModelUnavailable where it has to be measured and cannot be."""
        if model_id not in self._known:
            found = await self._kept(model_id)
            if found is None:
                found = await to_thread.run_sync(embedder.background, limiter=slot)
                await self._keep(model_id, found)
            self._known[model_id] = found
        return self._known[model_id]

    async def _kept(self, model_id: str) -> Background | None:
        try:
            table = await self._tables.side_table(TABLE, _schema())
            rows = await table.query().where(f"model_id = {quoted(model_id)} AND method = {CALIBRATION}").to_list()
        except Exception as error:
            log.info("the background of %s is measured again: %s", model_id, error)
            return None
        if not rows:
            return None
        row = rows[-1]
        neutral = np.array(row["neutral"], dtype=np.float32)
        return Background(neutral, row["mean"], row["std"], row["frame_mean"], row["vote_z"])

    async def _keep(self, model_id: str, measured: Background) -> None:
        if measured.domain is not None:
            return
        import pyarrow as pa

        row = {"model_id": model_id, "method": CALIBRATION, "neutral": measured.neutral.tolist()}
        row |= {name: getattr(measured, name) for name in ("mean", "std", "frame_mean", "vote_z")}
        try:
            table = await self._tables.side_table(TABLE, _schema())
            await table.add(pa.Table.from_pylist([row], schema=_schema()))
        except StudioError:
            raise
        except Exception as error:
            log.info("the background of %s is not kept: %s", model_id, error)


def _schema() -> Any:
    import pyarrow as pa

    numbers = [pa.field(name, pa.float64()) for name in ("mean", "std", "frame_mean", "vote_z")]
    key = [pa.field("model_id", pa.string()), pa.field("method", pa.int32())]
    return pa.schema([*key, *numbers, pa.field("neutral", pa.list_(pa.float32()))])

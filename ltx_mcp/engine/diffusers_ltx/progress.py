"""Tells a job's watch how far the denoising is, step by step and tile by tile, over all passes."""

from typing import Any

from ltx_mcp.engine.base import Watch


class Steps:
    """Tells the watch of a pass's steps, and of the tiles within one. `done` of `total` units were done before it."""

    def __init__(self, watch: Watch, done: int, total: int, tiles: int) -> None:
        self._watch, self._done, self._total, self._tiles = watch, done, total, tiles
        self._steps = 0
        self._told = 0

    def after_step(self, _pipeline: Any, index: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        self._steps = index + 1
        self._tell(self._steps * self._tiles)
        return tensors  # the pipeline reads it; None would break it

    def after_tile(self, tile: int) -> None:
        self._tell(self._steps * self._tiles + tile)

    def _tell(self, units: int) -> None:
        self._watch.check()
        if units > self._told:  # a step with guidance goes over the tiles more than once
            self._told = units
            self._watch.step(self._done + units, self._total)

"""What tests of the engine over the micro model share: a small plan, a watch that listens, a model made ready."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ltx_mcp.engine.diffusers_ltx.engine import LtxEngine
from ltx_mcp.engine.weights.source import Components, MicroSource, ModelInfo
from ltx_mcp.errors import Cancelled
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.stages import Stage

PLAN = Plan(
    prompt="a red ball rolls over the grass",
    width=100,
    height=50,
    frames=40,
    fps=24,
    duration_s=40 / 24,
    resolution="240p",
    quality="final",
    audio=True,
    seed=11,
    model="micro",
    made_width=128,
    made_height=64,
    made_frames=41,
)


class Listener:
    """Writes down what it hears, and cancels at the n-th check of a stage if told to.

    `longest_gap_s` is the work between two checks, in seconds of the processor: those of a clock grow with its load.
    """

    def __init__(self, cancel_in: Stage | None = None, nth: int = 1) -> None:
        self._cancel_in, self._nth = cancel_in, nth
        self.stages: list[Stage] = []
        self.steps: list[tuple[int, int]] = []
        self.checks = 0
        self.longest_gap_s = 0.0
        self._last = time.thread_time()

    def check(self) -> None:
        now = time.thread_time()
        self.longest_gap_s, self._last = max(self.longest_gap_s, now - self._last), now
        self.checks += 1
        if self.stages and self.stages[-1] is self._cancel_in and self.checks >= self._nth:
            raise Cancelled

    def stage(self, stage: Stage) -> None:
        self.stages.append(stage)
        self.checks = 0

    def step(self, done: int, total: int) -> None:
        self.steps.append((done, total))
        self.check()


@dataclass(frozen=True)
class Prepared:
    """The micro model after something was done to its components."""

    prepare: Callable[[Components], None]
    info: ModelInfo = MicroSource().info

    def components(self) -> Components:
        components = MicroSource().components()
        self.prepare(components)
        return components


def frames_of(engine: LtxEngine, made: Plan, watch: Listener | None = None) -> list[Frame]:
    return list(engine.render(made, watch or Listener()).frames)


def same(one: list[Frame], other: list[Frame]) -> bool:
    return len(one) == len(other) and all(map(np.array_equal, one, other))


@contextmanager
def watched(engine: LtxEngine) -> Iterator[list[dict[str, Any]]]:
    """Collects what the transformer is called with."""
    calls: list[dict[str, Any]] = []
    assert engine._loaded is not None
    hook = engine._loaded.pipeline.transformer.register_forward_pre_hook(
        lambda _module, _args, kwargs: calls.append(dict(kwargs)), with_kwargs=True
    )
    try:
        yield calls
    finally:
        hook.remove()

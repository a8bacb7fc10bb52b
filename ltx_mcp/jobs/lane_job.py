"""A job in a lane: how it is rendered and written, what is told of it meanwhile, and how it ends."""

import threading
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import anyio
from anyio import from_thread
from anyio.lowlevel import EventLoopToken

from ltx_mcp.engine.base import NO_MATERIALS, Engine, Materials, Rendering, Watch
from ltx_mcp.engine.lost_device import loses_device
from ltx_mcp.errors import Cancelled, DeviceLost, OutOfMemory, RenderFailed, StudioError
from ltx_mcp.types.owners import caller
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.stages import Stage

T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """`done` of `total` steps of a stage are finished; 0 of 1 when the stage has just begun.

    Of the job's `parts` renders, `part` is the current one, counted from 0.
    """

    stage: Stage
    done: int = 0
    total: int = 1
    part: int = 0
    parts: int = 1


class PartsWatch(Watch, Protocol):
    """A watch of a job that renders more than once."""

    def part(self, part: int, parts: int) -> None:
        """Steps that follow belong to render number `part` of `parts`, counted from 0."""


Render = Callable[[Engine, PartsWatch], Rendering]
"""Makes the job's clip with the lane's engine, on its thread."""

Write = Callable[[Rendering, Watch], T]
"""Pulls the frames of a rendering, on the lane's thread, and returns the job's result."""

OnProgress = Callable[[Step], None]
"""Called on the event loop with each step."""

Gather = Callable[[Plan, Watch], Materials]
"""Reads what the clip is made from, on the lane's thread, so that a job that waits holds no video."""


def nothing(plan: Plan, watch: Watch) -> Materials:
    """A clip from words alone."""
    return NO_MATERIALS


def one_shot(plan: Plan, gather: Gather = nothing) -> Render:
    """The whole clip in one render of the lane's engine."""
    return lambda engine, watch: engine.render(plan, watch, gather(plan, watch))


class LaneJob(Generic[T]):
    """A job in a lane; also the watch that the engine reports to. Made by `Lane.submit`.

    `owner` is who asked for it. A short one may pass others that wait; `passes` counts how often this one was passed.
    """

    def __init__(
        self, render: Render, write: Write[T], on_progress: OnProgress, loop: EventLoopToken, *, is_short: bool = False
    ) -> None:
        self.owner, self.is_short, self.passes = caller(), is_short, 0
        self._render = render
        self._write = write
        self._on_progress = on_progress
        self._loop = loop
        self._context = copy_context()  # of who asked for it: whatever is read for it is read on their behalf
        self._stage = Stage.QUEUED
        self._part, self._parts = 0, 1
        self._cancelled = threading.Event()
        self._ended = anyio.Event()
        self._left = anyio.Event()
        self._outcome: T | StudioError | Cancelled | None = None

    async def result(self) -> T:
        """What `write` returned. Raises Cancelled as soon as the job is cancelled, else what the render raised."""
        await self._ended.wait()
        if isinstance(self._outcome, StudioError | Cancelled):
            raise self._outcome
        assert self._outcome is not None
        return self._outcome

    async def left(self) -> None:
        """Wait until the lane's thread no longer touches anything of this job."""
        await self._left.wait()

    # -- the watch, called on the lane's thread ---------------------------------------------------------

    def check(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled

    def part(self, part: int, parts: int) -> None:
        self._part, self._parts = part, parts

    def stage(self, stage: Stage) -> None:
        self._stage = stage
        self._post(Step(stage, part=self._part, parts=self._parts))

    def step(self, done: int, total: int) -> None:
        self._post(Step(self._stage, done, total, self._part, self._parts))

    # -- called by the lane -----------------------------------------------------------------------------

    def cancel(self) -> None:
        """Called on the event loop."""
        self._cancelled.set()
        self._end(Cancelled())

    def leave(self) -> None:
        """Called on the event loop, once the job has left queue and thread."""
        self._left.set()

    def run(self, engine: Engine, on_lost: Callable[[], None]) -> bool:
        """Called on the lane's thread; never raises. Whether the engine can make the next job; where it cannot,
        `on_lost` is called on the event loop.
        """
        return self._context.run(self._run, engine, on_lost)

    def _run(self, engine: Engine, on_lost: Callable[[], None]) -> bool:
        try:
            outcome: T | StudioError | Cancelled = self._made(engine)
        except BaseException as error:  # a panic in a library's Rust is not an Exception, and must not end the lane
            outcome = _outcome_of(error)
        self._call(lambda: self._end(outcome))
        self._call(self.leave)
        if isinstance(outcome, DeviceLost):
            self._call(on_lost)
        return not isinstance(outcome, DeviceLost)

    def _made(self, engine: Engine) -> T:
        """The job's result; made once more where memory did not suffice and the engine can do with less."""
        try:
            return self._make(engine)
        except OutOfMemory:
            if not engine.lean():
                raise
        return self._make(engine)

    def _make(self, engine: Engine) -> T:
        self.stage(Stage.LOADING)
        engine.load(self)
        return self._write(self._render(engine, self), self)

    def _post(self, step: Step) -> None:
        self.check()
        self._call(lambda: self._on_progress(step))
        self.check()

    def _call(self, function: Callable[[], None]) -> None:
        try:
            from_thread.run_sync(function, token=self._loop)
        except RuntimeError:  # the event loop has closed: nobody waits any more
            self._cancelled.set()

    def _end(self, outcome: T | StudioError | Cancelled) -> None:
        if not self._ended.is_set():
            self._outcome = outcome
            self._ended.set()


def _outcome_of(error: BaseException) -> StudioError | Cancelled:
    if loses_device(error):
        said = str(error).partition("\n")[0]
        hint = "Ask for a smaller or shorter clip, or once more. If it stays so, `dmesg` says what the driver found."
        failure: RenderFailed = DeviceLost(f"The device broke: {said}", hint)
    elif isinstance(error, StudioError | Cancelled):
        return error
    else:
        hint = "Try again, or ask for a smaller or shorter clip."
        failure = RenderFailed(f"The render broke: {error or type(error).__name__}.", hint)
    failure.__cause__ = error
    return failure

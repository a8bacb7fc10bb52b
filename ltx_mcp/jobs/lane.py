"""A lane: a bounded queue and the one thread that runs its jobs, one at a time, with one engine.

A lane renders; it knows nothing of moderation, files or the index. A job's `write` consumes the frames, on the lane's
thread, while they are decoded. Progress arrives on the event loop. A cancelled job ends at once for whoever waits for
it; the lane takes the next one only when its thread has left the engine.
"""

import threading
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Literal, Protocol, TypeVar

import anyio
import anyio.to_thread
from anyio import from_thread
from anyio.lowlevel import EventLoopToken, current_token

from ltx_mcp.engine.base import NO_MATERIALS, Engine, Materials, Rendering, Watch
from ltx_mcp.errors import Cancelled, OutOfMemory, QueueFull, RenderFailed, StudioError
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


LaneName = Literal["device", "imports", "edits"]
"""Which lane a job runs on. Only that of renders has the device; what needs none has a lane of its own and never waits
for one that does."""

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
    """A job in a lane; also the watch that the engine reports to. Made by `Lane.submit`."""

    def __init__(self, render: Render, write: Write[T], on_progress: OnProgress, loop: EventLoopToken) -> None:
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

    def run(self, engine: Engine) -> None:
        """Called on the lane's thread; never raises."""
        self._context.run(self._run, engine)

    def _run(self, engine: Engine) -> None:
        try:
            outcome: T | StudioError | Cancelled = self._made(engine)
        except (StudioError, Cancelled) as error:
            outcome = error
        except BaseException as error:  # a panic in a library's Rust is not an Exception, and must not end the lane
            hint = "Try again, or ask for a smaller or shorter clip."
            outcome = RenderFailed(f"The render broke: {error or type(error).__name__}.", hint)
            outcome.__cause__ = error
        self._call(lambda: self._end(outcome))
        self._call(self.leave)

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


class Lane:
    """Renders in this process: `async with Lane(engine) as lane: await lane.submit(...).result()`.

    At most `capacity` jobs wait. After `keep_loaded_s` seconds without one the engine frees the device, and loads again
    for the next. On exit the thread has `join_s` seconds to leave the engine.
    """

    def __init__(
        self, engine: Engine, capacity: int = 8, keep_loaded_s: float | None = None, join_s: float = 5.0
    ) -> None:
        self._engine = engine
        self._capacity = capacity
        self._keep_loaded_s = keep_loaded_s
        self._join_s = join_s
        self._changed = threading.Condition()
        self._waiting: deque[LaneJob[object]] = deque()
        self._running: LaneJob[object] | None = None
        self._open = False
        self._thread = threading.Thread(target=self._serve, name="lane", daemon=True)

    def submit(self, render: Render, write: Write[T], on_progress: OnProgress, *, accepted: bool = False) -> LaneJob[T]:
        """Queue a render; `on_progress` is called on the event loop. Raises QueueFull, but for one that was accepted
        before this process began.
        """
        job = LaneJob(render, write, on_progress, current_token())
        with self._changed:
            if not self._open or (len(self._waiting) >= self._capacity and not accepted):
                hint = "Wait for one with get_job, then ask again."
                raise QueueFull(f"{len(self._waiting)} jobs wait already.", hint)
            self._waiting.append(job)  # type: ignore[arg-type]  # the lane never looks at what a job returns
            self._changed.notify_all()
        return job

    def cancel(self, job: LaneJob[T]) -> None:
        """End a job: it leaves the queue, or its render stops at the next check."""
        with self._changed:
            waited = job in self._waiting
            if waited:
                self._waiting.remove(job)  # type: ignore[arg-type]
        job.cancel()
        if waited:
            job.leave()

    def position(self, job: LaneJob[T]) -> int | None:
        """0 for the next to run, None when it no longer waits."""
        with self._changed:
            return list(self._waiting).index(job) if job in self._waiting else None  # type: ignore[arg-type]

    @property
    def running(self) -> LaneJob[object] | None:
        """The job that has the thread."""
        return self._running

    def ahead(self, job: LaneJob[T]) -> list[LaneJob[object]]:
        """What runs before a job that waits: the one that has the thread, and those in front of it."""
        with self._changed:
            if job not in self._waiting:
                return []
            running = [] if self._running is None else [self._running]
            return running + list(self._waiting)[: self._waiting.index(job)]  # type: ignore[arg-type]

    def _serve(self) -> None:
        while (job := self._next()) is not None:
            job.run(self._engine)
            del job  # and the frames it holds, before the next one loads its own
            with self._changed:
                self._running = None
                self._changed.notify_all()
        self._engine.close()

    def _next(self) -> LaneJob[object] | None:
        with self._changed:
            is_idle = not self._changed.wait_for(self._has_work, self._keep_loaded_s)
        if is_idle:
            self._engine.close()  # not under the lock: that takes a moment, and jobs may come
        with self._changed:
            self._changed.wait_for(self._has_work)
            self._running = self._waiting.popleft() if self._open else None
            return self._running

    def _has_work(self) -> bool:
        return bool(self._waiting) or not self._open

    async def __aenter__(self) -> "Lane":
        self._open = True
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take no more jobs, cancel those there are, and wait up to `join_s` seconds for the thread to unwind."""
        with self._changed:
            self._open = False
            jobs = [*self._waiting, *([self._running] if self._running else [])]
            self._changed.notify_all()
        for job in jobs:
            self.cancel(job)
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._thread.join, self._join_s)

"""A lane: a bounded queue and the one thread that runs its jobs, one at a time, with one engine.

A lane renders; it knows nothing of moderation, files or the index. A job's `write` consumes the frames, on the lane's
thread, while they are decoded. Progress arrives on the event loop. A cancelled job ends at once for whoever waits for
it; the lane takes the next one only when its thread has left the engine.
"""

import threading
from collections import deque
from contextlib import suppress
from types import TracebackType
from typing import Literal, TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import current_token

from ltx_mcp.engine.base import Engine
from ltx_mcp.errors import Cancelled, QueueFull
from ltx_mcp.jobs.device_lock import DeviceLock
from ltx_mcp.jobs.lane_job import LaneJob, OnProgress, Render, Write

T = TypeVar("T")

LaneName = Literal["device", "imports", "edits"]
"""Which lane a job runs on. Only that of renders has the device; what needs none has a lane of its own and never waits
for one that does."""


MAX_PASSES = 2
OWNERS = 4


class Lane:
    """Renders in this process: `async with Lane(engine) as lane: await lane.submit(...).result()`.

    Jobs run in their order, but a short one is put before those that are not, each of which is passed at most
    MAX_PASSES times: a draft does not wait for every final, and no final for ever. At most `capacity` jobs of one owner
    wait, and at most OWNERS times as many in all. After `keep_loaded_s` seconds without one the engine frees the
    device, and loads again for the next. On exit the thread has `join_s` seconds to leave the engine.

    `device_lock` is held while the engine has the device. Once that is lost to this process no job runs any more: those
    that wait are left to another process, and `device_lost` is set.
    """

    def __init__(
        self,
        engine: Engine,
        capacity: int = 8,
        keep_loaded_s: float | None = None,
        join_s: float = 5.0,
        device_lock: DeviceLock | None = None,
    ) -> None:
        self._engine = engine
        self._capacity = capacity
        self._keep_loaded_s = keep_loaded_s
        self._join_s = join_s
        self._device_lock = device_lock
        self.device_lost = anyio.Event()
        self._changed = threading.Condition()
        self._waiting: deque[LaneJob[object]] = deque()
        self._running: LaneJob[object] | None = None
        self._open = False
        self._thread = threading.Thread(target=self._serve, name="lane", daemon=True)

    def submit(
        self,
        render: Render,
        write: Write[T],
        on_progress: OnProgress,
        *,
        is_short: bool = False,
        accepted: bool = False,
    ) -> LaneJob[T]:
        """Queue a render; `on_progress` is called on the event loop. Raises QueueFull, but for one that was accepted
        before this process began.
        """
        job = LaneJob(render, write, on_progress, current_token(), is_short=is_short)
        with self._changed:
            of_owner = sum(each.owner == job.owner for each in self._waiting)
            is_full = of_owner >= self._capacity or len(self._waiting) >= OWNERS * self._capacity
            if not self._open or (is_full and not accepted):
                hint = "Wait for one with get_job, then ask again."
                raise QueueFull(f"{len(self._waiting)} jobs wait already.", hint)
            self._waiting.insert(self._place(job), job)  # type: ignore[arg-type]  # it never looks at what jobs return
            self._changed.notify_all()
        return job

    def _place(self, job: LaneJob[T]) -> int:
        place = len(self._waiting)
        while job.is_short and place:
            before = self._waiting[place - 1]
            if before.is_short or before.passes >= MAX_PASSES:
                break
            before.passes += 1
            place -= 1
        return place

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
            self._take_device(job)
            if not job.run(self._engine, self.device_lost.set):
                return  # and nothing is freed: that would raise the same error
            del job  # and the frames it holds, before the next one loads its own
            with self._changed:
                self._running = None
                self._changed.notify_all()
        self._free_device()

    def _take_device(self, job: LaneJob[object]) -> None:
        if self._device_lock is not None:
            with suppress(Cancelled):  # then the job ends before it loads anything
                self._device_lock.take(job.check)

    def _free_device(self) -> None:
        self._engine.close()
        if self._device_lock is not None:
            self._device_lock.free()

    def _next(self) -> LaneJob[object] | None:
        with self._changed:
            is_idle = not self._changed.wait_for(self._has_work, self._keep_loaded_s)
        if is_idle:
            self._free_device()  # not under the lock: that takes a moment, and jobs may come
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

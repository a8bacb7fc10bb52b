"""The lane: one job at a time has the device, whatever callers do."""

import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.to_thread
import pytest
from gates import CrowdedEngine, Gate

from ltx_mcp.engine.base import Materials, Rendering, Watch
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.errors import Cancelled, MediaError, OutOfMemory, QueueFull, RenderFailed
from ltx_mcp.jobs.lane import Lane
from ltx_mcp.jobs.lane_job import LaneJob, Step, one_shot
from ltx_mcp.types.owners import calling
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.stages import Stage

pytestmark = pytest.mark.anyio

LIMIT_S = 10.0


def a_plan(frames: int = 9) -> Plan:
    return Plan(
        prompt="a red circle", width=64, height=32, frames=frames, fps=24, duration_s=frames / 24, resolution="240p",
        quality="draft", audio=False, seed=1, model="stand-in", made_width=64, made_height=32, made_frames=frames,
    )  # fmt: skip


def count(rendering: Rendering, watch: Watch) -> int:
    return sum(1 for _ in rendering.frames)


def ignore(step: Step) -> None:
    """A progress callback of a caller that does not care."""


@asynccontextmanager
async def a_lane(pause: Callable[[Stage, int], None] | None = None, capacity: int = 8) -> AsyncGenerator[Lane]:
    with anyio.fail_after(LIMIT_S):
        async with Lane(StandInEngine(pause), capacity) as lane:
            yield lane


async def test_a_job_renders_exactly_its_frames_and_reports_every_step_in_order() -> None:
    steps: list[Step] = []
    async with a_lane() as lane:
        assert await lane.submit(one_shot(a_plan(17)), count, steps.append).result() == 17
    denoising = [step.done for step in steps if step.stage is Stage.DENOISING]
    assert denoising == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert steps[0] == Step(Stage.LOADING)


async def test_jobs_run_one_at_a_time_in_the_order_they_came() -> None:
    order: list[int] = []
    inside = threading.Semaphore(1)

    def alone(rendering: Rendering, watch: Watch) -> int:
        assert inside.acquire(blocking=False), "two renders at once"
        order.append(count(rendering, watch))
        inside.release()
        return order[-1]

    async with a_lane() as lane:
        jobs = [lane.submit(one_shot(a_plan(frames)), alone, ignore) for frames in (9, 17, 25)]
        assert [await job.result() for job in jobs] == [9, 17, 25]
    assert order == [9, 17, 25]


@pytest.mark.parametrize("stage", [Stage.LOADING, Stage.DENOISING, Stage.DECODING])
async def test_a_cancelled_job_ends_at_once_and_the_next_starts_only_when_the_thread_has_left_it(stage: Stage) -> None:
    gate = Gate(stage)
    async with a_lane(gate) as lane:
        first = lane.submit(one_shot(a_plan()), count, ignore)
        await gate.arrived()
        second = lane.submit(one_shot(a_plan()), count, ignore)
        lane.cancel(first)
        with pytest.raises(Cancelled):
            await first.result()
        assert lane.position(second) == 0, "the thread is still in the first job"
        passes = gate.passes
        gate.open()
        await first.left()
        assert await second.result() == 9
    alone = Gate(stage)
    alone.open()
    async with a_lane(alone) as lane:
        await lane.submit(one_shot(a_plan()), count, ignore).result()
    assert gate.passes - passes == alone.passes, "the first went on to another step after the cancel"


async def test_the_thread_stops_even_if_nobody_waits_for_the_result_any_more() -> None:
    gate = Gate(Stage.DENOISING)
    async with a_lane(gate) as lane:
        async with anyio.create_task_group() as waiters:
            job = lane.submit(one_shot(a_plan()), count, ignore)
            waiters.start_soon(job.result)
            await gate.arrived()
            waiters.cancel_scope.cancel()
        next_job = lane.submit(one_shot(a_plan()), count, ignore)
        assert lane.position(next_job) == 0, "a waiter that gives up leaves the job running"
        lane.cancel(next_job)
        lane.cancel(job)
        gate.open()
        await job.left()
        assert gate.passes == 1


async def test_a_full_queue_is_an_error_at_once_and_a_cancelled_job_frees_its_place() -> None:
    gate = Gate(Stage.DENOISING)
    async with a_lane(gate, capacity=1) as lane:
        running = lane.submit(one_shot(a_plan()), count, ignore)
        await gate.arrived()
        waiting = lane.submit(one_shot(a_plan()), count, ignore)
        with pytest.raises(QueueFull, match="get_job"):
            lane.submit(one_shot(a_plan()), count, ignore)
        lane.cancel(waiting)
        await waiting.left()
        third = lane.submit(one_shot(a_plan()), count, ignore)
        gate.open()
        assert (await running.result(), await third.result()) == (9, 9)


async def test_an_expected_failure_arrives_as_it_is_and_any_other_as_a_failed_render_with_its_cause() -> None:
    def full_disk(rendering: Rendering, watch: Watch) -> int:
        raise MediaError("The disk is full.", "Free some space.")

    def bug(rendering: Rendering, watch: Watch) -> int:
        raise ZeroDivisionError("secret")

    async with a_lane() as lane:
        with pytest.raises(MediaError, match="Free some space"):
            await lane.submit(one_shot(a_plan()), full_disk, ignore).result()
        with pytest.raises(RenderFailed) as caught:
            await lane.submit(one_shot(a_plan()), bug, ignore).result()
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        assert await lane.submit(one_shot(a_plan()), count, ignore).result() == 9, "the lane lives on"


async def test_the_lane_survives_what_is_not_an_exception() -> None:
    class Panic(BaseException):
        """As a library's Rust raises."""

    def panic(rendering: Rendering, watch: Watch) -> int:
        raise Panic("called `unwrap` on a `None` value")

    async with a_lane() as lane:
        with pytest.raises(RenderFailed):
            await lane.submit(one_shot(a_plan()), panic, ignore).result()
        assert await lane.submit(one_shot(a_plan()), count, ignore).result() == 9


async def test_a_cancel_takes_effect_while_the_materials_are_read() -> None:
    reads = 0
    arrived, go_on = threading.Event(), threading.Event()

    def gather(plan: Plan, watch: Watch) -> Materials:
        nonlocal reads
        for _ in range(100):
            reads += 1
            arrived.set()
            assert go_on.wait(LIMIT_S)
            watch.check()
        return Materials()

    async with a_lane() as lane:
        job = lane.submit(one_shot(a_plan(), gather), count, ignore)
        assert await anyio.to_thread.run_sync(arrived.wait, LIMIT_S)
        lane.cancel(job)
        go_on.set()
        await job.left()
        assert reads == 1


async def test_leaving_the_lane_cancels_what_runs_and_what_waits() -> None:
    gate = Gate(Stage.DENOISING)
    async with a_lane(gate) as lane:
        running, waiting = (lane.submit(one_shot(a_plan()), count, ignore) for _ in range(2))
        await gate.arrived()
        gate.open()
    for job in (running, waiting):
        with pytest.raises(Cancelled):
            await job.result()


async def test_drafts_pass_finals_that_wait_but_none_of_them_for_ever() -> None:
    gate, order = Gate(Stage.DENOISING), list[str]()
    async with a_lane(gate) as lane:
        running = lane.submit(one_shot(a_plan()), count, ignore)
        await gate.arrived()

        def submit(name: str, *, is_short: bool) -> LaneJob[int]:
            def write(rendering: Rendering, watch: Watch) -> int:
                order.append(name)
                return count(rendering, watch)

            return lane.submit(one_shot(a_plan()), write, ignore, is_short=is_short)

        names = ("final 1", "final 2", "draft 1", "draft 2", "final 3", "draft 3")
        jobs = [submit(name, is_short=name.startswith("draft")) for name in names]
        gate.open()
        for job in (running, *jobs):
            await job.result()
    assert order == ["draft 1", "draft 2", "final 1", "final 2", "draft 3", "final 3"]


async def test_each_owner_has_places_of_its_own_and_all_of_them_a_bound() -> None:
    gate = Gate(Stage.DENOISING)
    async with a_lane(gate, capacity=1) as lane:
        running = lane.submit(one_shot(a_plan()), count, ignore)
        await gate.arrived()
        for owner in ("anna", "bert", "carl", "dora"):
            with calling(owner):
                lane.submit(one_shot(a_plan()), count, ignore)
                with pytest.raises(QueueFull):
                    lane.submit(one_shot(a_plan()), count, ignore)
        with calling("emil"), pytest.raises(QueueFull, match="4 jobs wait"):
            lane.submit(one_shot(a_plan()), count, ignore)
        gate.open()
        await running.result()


class _Counted(StandInEngine):
    """Knows how often it was loaded, and when it has freed the device."""

    def __init__(self) -> None:
        super().__init__()
        self.loads = 0
        self.freed = threading.Event()

    def load(self, watch: Watch) -> None:
        self.loads += 1
        super().load(watch)

    def close(self) -> None:
        self.freed.set()


async def test_an_idle_engine_frees_the_device_and_the_next_job_loads_it_again() -> None:
    engine = _Counted()
    with anyio.fail_after(LIMIT_S):
        async with Lane(engine, keep_loaded_s=0) as lane:
            assert await lane.submit(one_shot(a_plan()), count, ignore).result() == 9
            assert await anyio.to_thread.run_sync(engine.freed.wait, LIMIT_S)
            assert await lane.submit(one_shot(a_plan()), count, ignore).result() == 9
    assert engine.loads == 2


async def test_an_engine_stays_loaded_between_jobs() -> None:
    engine = _Counted()
    with anyio.fail_after(LIMIT_S):
        async with Lane(engine, keep_loaded_s=LIMIT_S) as lane:
            for _ in range(2):
                await lane.submit(one_shot(a_plan()), count, ignore).result()
            assert not engine.freed.is_set()


async def test_a_job_that_runs_out_of_memory_is_made_once_more_by_a_leaner_engine() -> None:
    with anyio.fail_after(LIMIT_S):
        async with Lane(CrowdedEngine(leaner=1, most=5)) as lane:
            assert await lane.submit(one_shot(a_plan(17)), count, ignore).result() == 17
        for engine in (CrowdedEngine(leaner=2, most=5), CrowdedEngine(leaner=1, most=0)):
            async with Lane(engine) as lane:
                with pytest.raises(OutOfMemory, match="Ask for less"):
                    await lane.submit(one_shot(a_plan(17)), count, ignore).result()

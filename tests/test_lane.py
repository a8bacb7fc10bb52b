"""The lane: one owner of the device, whatever callers do."""

import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.to_thread
import pytest
from gates import Gate

from ltx_mcp.engine.base import Materials, Rendering, Watch
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.errors import Cancelled, MediaError, QueueFull, RenderFailed
from ltx_mcp.jobs.lane import Lane, Step, one_shot
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


def deaf(step: Step) -> None:
    """Hears nothing."""


@asynccontextmanager
async def a_lane(pause: Callable[[Stage, int], None] | None = None, capacity: int = 8) -> AsyncGenerator[Lane]:
    with anyio.fail_after(LIMIT_S):
        async with Lane(StandInEngine(pause), capacity) as lane:
            yield lane


async def test_a_job_renders_exactly_its_frames_and_reports_every_step_in_order() -> None:
    heard: list[Step] = []
    async with a_lane() as lane:
        assert await lane.submit(one_shot(a_plan(17)), count, heard.append).result() == 17
    denoising = [step.done for step in heard if step.stage is Stage.DENOISING]
    assert denoising == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert heard[0] == Step(Stage.LOADING)


async def test_jobs_run_one_at_a_time_in_the_order_they_came() -> None:
    order: list[int] = []
    inside = threading.Semaphore(1)

    def alone(rendering: Rendering, watch: Watch) -> int:
        assert inside.acquire(blocking=False), "two renders at once"
        order.append(count(rendering, watch))
        inside.release()
        return order[-1]

    async with a_lane() as lane:
        jobs = [lane.submit(one_shot(a_plan(frames)), alone, deaf) for frames in (9, 17, 25)]
        assert [await job.result() for job in jobs] == [9, 17, 25]
    assert order == [9, 17, 25]


@pytest.mark.parametrize("stage", [Stage.LOADING, Stage.DENOISING, Stage.DECODING])
async def test_a_cancelled_job_ends_at_once_while_the_device_stays_busy_until_the_thread_has_left(stage: Stage) -> None:
    gate = Gate(stage)
    async with a_lane(gate) as lane:
        job = lane.submit(one_shot(a_plan()), count, deaf)
        await gate.arrived()
        lane.cancel(job)
        with pytest.raises(Cancelled):
            await job.result()
        assert lane.busy
        gate.open()
        await job.left()
        await lane.idle()
        assert not lane.busy
        assert gate.passes == 1, "it went on to another step after the cancel"


async def test_the_next_job_does_not_start_before_a_cancelled_one_has_left_the_device() -> None:
    gate = Gate(Stage.DENOISING)
    async with a_lane(gate) as lane:
        first = lane.submit(one_shot(a_plan()), count, deaf)
        await gate.arrived()
        second = lane.submit(one_shot(a_plan()), count, deaf)
        lane.cancel(first)
        assert lane.position(second) == 0
        gate.open()
        assert await second.result() == 9


async def test_the_thread_stops_even_if_nobody_waits_for_the_result_any_more() -> None:
    gate = Gate(Stage.DENOISING)
    async with a_lane(gate) as lane:
        async with anyio.create_task_group() as waiters:
            job = lane.submit(one_shot(a_plan()), count, deaf)
            waiters.start_soon(job.result)
            await gate.arrived()
            waiters.cancel_scope.cancel()
        assert lane.busy, "a waiter that gives up leaves the job alone"
        lane.cancel(job)
        gate.open()
        await lane.idle()
        assert gate.passes == 1


async def test_a_full_queue_is_an_error_at_once_and_a_cancelled_job_frees_its_place() -> None:
    gate = Gate(Stage.DENOISING)
    async with a_lane(gate, capacity=1) as lane:
        running = lane.submit(one_shot(a_plan()), count, deaf)
        await gate.arrived()
        waiting = lane.submit(one_shot(a_plan()), count, deaf)
        with pytest.raises(QueueFull, match="get_job"):
            lane.submit(one_shot(a_plan()), count, deaf)
        lane.cancel(waiting)
        await waiting.left()
        third = lane.submit(one_shot(a_plan()), count, deaf)
        gate.open()
        assert (await running.result(), await third.result()) == (9, 9)


async def test_an_expected_failure_arrives_as_it_is_and_any_other_as_a_failed_render_with_its_cause() -> None:
    def full_disk(rendering: Rendering, watch: Watch) -> int:
        raise MediaError("The disk is full.", "Free some space.")

    def bug(rendering: Rendering, watch: Watch) -> int:
        raise ZeroDivisionError("secret")

    async with a_lane() as lane:
        with pytest.raises(MediaError, match="Free some space"):
            await lane.submit(one_shot(a_plan()), full_disk, deaf).result()
        with pytest.raises(RenderFailed) as caught:
            await lane.submit(one_shot(a_plan()), bug, deaf).result()
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        assert await lane.submit(one_shot(a_plan()), count, deaf).result() == 9, "the lane lives on"


async def test_the_lane_outlives_what_is_no_exception() -> None:
    class Panic(BaseException):
        """As a library's Rust raises."""

    def panic(rendering: Rendering, watch: Watch) -> int:
        raise Panic("the inside is broken")

    async with a_lane() as lane:
        with pytest.raises(RenderFailed):
            await lane.submit(one_shot(a_plan()), panic, deaf).result()
        assert await lane.submit(one_shot(a_plan()), count, deaf).result() == 9


async def test_a_cancel_is_heard_while_the_materials_are_read() -> None:
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
        job = lane.submit(one_shot(a_plan(), gather), count, deaf)
        assert await anyio.to_thread.run_sync(arrived.wait, LIMIT_S)
        lane.cancel(job)
        go_on.set()
        await job.left()
        assert reads == 1


async def test_leaving_the_lane_cancels_what_runs_and_what_waits() -> None:
    gate = Gate(Stage.DENOISING)
    async with a_lane(gate) as lane:
        running, waiting = (lane.submit(one_shot(a_plan()), count, deaf) for _ in range(2))
        await gate.arrived()
        gate.open()
    for job in (running, waiting):
        with pytest.raises(Cancelled):
            await job.result()

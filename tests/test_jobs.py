"""Job records: durable, final once a job has ended, and failed when their process is gone."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from ltx_mcp.errors import ArchiveError, BadInput, NotFound
from ltx_mcp.jobs.process_lock import ProcessLock
from ltx_mcp.jobs.store import JobStore
from ltx_mcp.types import states
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import GenerateRequest, is_joined
from ltx_mcp.types.stages import Stage

REQUEST = GenerateRequest(prompt="a red circle")
PLAN = Plan(
    prompt="a red circle", width=416, height=240, frames=48, fps=24, duration_s=2, resolution="240p", quality="draft",
    audio=True, seed=2**62, model="micro", made_width=416, made_height=256, made_frames=49,
)  # fmt: skip
ENDS: list[states.Ended] = [
    states.Succeeded("red-circle-aaaaaaaa"),
    states.Failed("render_failed", "It broke.", "Try again."),
    states.Refused("refused", "No.", "Ask for something else."),
    states.Cancelled(),
]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def a_store(folder: Path, process_id: str = "me", alive: bool = True, clock: Clock | None = None) -> JobStore:
    return JobStore(folder / "jobs.sqlite", process_id, lambda other: alive, clock or Clock())


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.status)
def test_a_job_comes_back_from_disk_as_it_ended(tmp_path: Path, end: states.Ended) -> None:
    store = a_store(tmp_path)
    job = store.create(REQUEST)
    store.planned(job.job_id, PLAN)
    ended = store.set_state(job.job_id, end)
    store.close()
    read = a_store(tmp_path).get(job.job_id)
    assert read == ended
    assert (read.state, read.plan) == (end, PLAN)
    kept = GenerateRequest(prompt="(refused)") if isinstance(end, states.Refused) else REQUEST
    assert read.request == kept, "refused words are kept nowhere but in the audit's digest"


def test_every_prompt_of_refused_chained_shots_is_forgotten(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    job = store.create(GenerateRequest(prompt="a red circle", then=("a secret", "another secret")))
    store.set_state(job.job_id, states.Refused("refused", "No."))
    store.close()
    assert "secret" not in a_store(tmp_path).get(job.job_id).request.model_dump_json()


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.status)
def test_an_ended_job_never_changes_again(tmp_path: Path, end: states.Ended) -> None:
    store = a_store(tmp_path)
    job = store.create(REQUEST)
    store.set_state(job.job_id, end)
    for other in [*ENDS, states.Running(Stage.DENOISING, 0.5)]:
        assert store.set_state(job.job_id, other).state == end


def test_what_a_dead_process_left_running_is_failed_with_the_remedy_and_a_live_ones_job_is_left_alone(
    tmp_path: Path,
) -> None:
    job = a_store(tmp_path, "other").create(REQUEST)
    assert a_store(tmp_path, "second", alive=True).get(job.job_id).state == states.Running()
    assert a_store(tmp_path, "third", alive=False).get(job.job_id).state == states.RESTARTED


def test_a_living_process_sees_that_another_died(tmp_path: Path) -> None:
    alive = {"a", "b"}
    first = JobStore(tmp_path / "jobs.sqlite", "a", alive.__contains__)
    second = JobStore(tmp_path / "jobs.sqlite", "b", alive.__contains__)
    job = first.create(REQUEST)
    assert second.get(job.job_id).state == states.Running()
    alive.remove("a")
    assert second.recent()[0].state == states.RESTARTED
    assert second.get(job.job_id).state == states.RESTARTED


def test_a_job_ends_even_where_its_record_cannot_be_written(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    job = store.create(REQUEST)
    other = sqlite3.connect(tmp_path / "jobs.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        assert store.set_state(job.job_id, states.Cancelled()).state == states.Cancelled()
        assert store.get(job.job_id).state == states.Cancelled()
        with pytest.raises(ArchiveError, match="disk"):
            store.create(REQUEST)
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert store.create(REQUEST).state == states.Running()


def test_another_process_reads_the_record(tmp_path: Path) -> None:
    first, second = a_store(tmp_path, "a"), a_store(tmp_path, "b")
    job = first.create(REQUEST)
    first.set_state(job.job_id, states.Succeeded("x-aaaaaaaa"))
    assert second.get(job.job_id).state == states.Succeeded("x-aaaaaaaa")


def test_the_state_of_another_processs_job_cannot_be_set_from_here(tmp_path: Path) -> None:
    first, second = a_store(tmp_path, "a"), a_store(tmp_path, "b")
    job = first.create(REQUEST)
    with pytest.raises(BadInput, match="client that started it"):
        second.set_state(job.job_id, states.Cancelled())
    assert first.set_state(job.job_id, states.Succeeded("x-aaaaaaaa")).state == states.Succeeded("x-aaaaaaaa")


def test_an_unknown_job_says_how_to_find_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="without an id"):
        a_store(tmp_path).get("job-'; DROP TABLE jobs; --")


def test_recent_jobs_are_newest_first_and_show_live_progress(tmp_path: Path) -> None:
    clock = Clock()
    store = a_store(tmp_path, clock=clock)
    old = store.create(REQUEST)
    clock.now += 1
    new = store.create(REQUEST)
    store.set_state(new.job_id, states.Running(Stage.DENOISING, 0.4))
    assert [job.job_id for job in store.recent()] == [new.job_id, old.job_id]
    assert store.recent()[0].state == states.Running(Stage.DENOISING, 0.4)


def test_the_expected_time_scales_with_pixels_times_frames_and_asks_only_its_own_kind(tmp_path: Path) -> None:
    clock = Clock()
    store = a_store(tmp_path, clock=clock)
    assert store.expected_s(PLAN) is None
    job = store.create(REQUEST)
    store.planned(job.job_id, PLAN)
    store.set_state(job.job_id, states.Running(Stage.LOADING))
    clock.now += 10
    store.set_state(job.job_id, states.Succeeded("x-aaaaaaaa"))
    assert store.expected_s(PLAN) == pytest.approx(10)
    assert store.expected_s(PLAN.model_copy(update={"made_frames": 98})) == pytest.approx(20)
    assert store.expected_s(PLAN.model_copy(update={"quality": "final"})) is None


def test_records_of_a_newer_version_are_left_alone(tmp_path: Path) -> None:
    a_store(tmp_path).close()
    with sqlite3.connect(tmp_path / "jobs.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(ArchiveError, match="Upgrade"):
        a_store(tmp_path)


def test_records_of_the_first_version_are_read_and_keep_their_process(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "jobs.sqlite") as db:
        db.execute(
            "CREATE TABLE jobs (job_id TEXT PRIMARY KEY, tenant TEXT NOT NULL, request TEXT NOT NULL, plan TEXT,"
            " status TEXT NOT NULL, state TEXT, created_at REAL NOT NULL, started_at REAL, ended_at REAL)"
        )
        row = ("job-1", "other", REQUEST.model_dump_json(), None, "running", None, 1000.0, None, None)
        db.execute("INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        db.execute("PRAGMA user_version = 1")
    db.close()
    for _ in range(2):  # migrated once, and then read as it is
        store = a_store(tmp_path)
        assert (store.get("job-1").process_id, store.get("job-1").request) == ("other", REQUEST)
        store.close()


def test_a_process_is_alive_until_it_releases_its_lock(tmp_path: Path) -> None:
    with ProcessLock(tmp_path) as first, ProcessLock(tmp_path) as second:
        assert first.is_alive(second.process_id)
        assert second.is_alive(first.process_id)
        gone = first.process_id
    assert not ProcessLock(tmp_path).is_alive(gone)
    assert not ProcessLock(tmp_path).is_alive("never-was")


@pytest.mark.parametrize(
    "change",
    [
        {"doubled_rate": True},
        {"tiles": (2, 1)},
        {"upscaled": True, "upscaled_from": (208, 120)},
        {"quality": "final"},
        {"model": "another"},
    ],
)
def test_jobs_of_different_kinds_do_not_predict_each_others_times(tmp_path: Path, change: dict[str, Any]) -> None:
    clock = Clock()
    store = a_store(tmp_path, clock=clock)
    finish(store, clock, REQUEST, PLAN, 10)
    other = PLAN.model_copy(update=change)
    assert store.expected_s(other) is None
    finish(store, clock, REQUEST, other, 70)
    assert store.expected_s(other) == pytest.approx(70)
    assert store.expected_s(PLAN) == pytest.approx(10)


def test_chained_shots_do_not_predict_how_long_one_shot_takes(tmp_path: Path) -> None:
    clock = Clock()
    store = a_store(tmp_path, clock=clock)
    chained = GenerateRequest(prompt="a red circle", then=("a blue square",))
    finish(store, clock, chained, PLAN, 30)
    assert store.expected_s(PLAN) is None
    assert store.expected_s(PLAN, joined=True) == pytest.approx(30)
    assert [is_joined(each) for each in (REQUEST, chained, GenerateRequest(prompt="-", extend="a"))] == [
        False,
        True,
        True,
    ]


def finish(store: JobStore, clock: Clock, request: GenerateRequest, plan: Plan, seconds: float) -> None:
    job = store.create(request)
    store.planned(job.job_id, plan)
    store.set_state(job.job_id, states.Running(Stage.LOADING))
    clock.now += seconds
    store.set_state(job.job_id, states.Succeeded("x-aaaaaaaa"))

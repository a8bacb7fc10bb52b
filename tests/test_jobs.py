"""Job records: durable, final once a job has ended, and failed when their process is gone."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from index_kit import make_clip

from ltx_mcp.errors import ArchiveError, BadInput, Busy, NotFound
from ltx_mcp.jobs.process_lock import ProcessLock
from ltx_mcp.jobs.record import job_of
from ltx_mcp.jobs.store import JobStore
from ltx_mcp.studio.estimates import Estimates
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


@dataclass(frozen=True)
class AProcess:
    """One of several; those in `dead` have died."""

    process_id: str = "me"
    dead: set[str] = field(default_factory=set)

    def is_alive(self, process_id: str) -> bool:
        return process_id not in self.dead

    def announce(self) -> None:
        """The others know."""


def a_store(folder: Path, process_id: str = "me", clock: Clock | None = None, **rest: Any) -> JobStore:
    now = clock or Clock()
    process = AProcess(process_id, rest.pop("dead", set()))
    return JobStore(folder / "jobs.sqlite", process, **{"clock": now, "monotonic": now, **rest})


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


def test_the_jobs_of_a_dead_process_are_adopted_once_in_their_order_with_all_that_was_decided_for_them(
    tmp_path: Path,
) -> None:
    dead: set[str] = set()
    first, second, third = (a_store(tmp_path, name, dead=dead) for name in ("first", "second", "third"))
    extended = GenerateRequest(prompt="it goes on", extend="red-circle-aaaaaaaa")
    made = [
        first.create(request, (tmp_path,), f"clip-{number:08}")
        for number, request in enumerate((REQUEST, extended, REQUEST, REQUEST))
    ]
    ended, running, waiting, preparing = (job.job_id for job in made)
    for job_id in (ended, running, waiting):
        first.planned(job_id, PLAN)
        first.queued(job_id)
    first.set_state(running, states.Running(Stage.LOADING))
    first.set_state(ended, states.Cancelled())
    assert second.adopt() == [], "it lives"
    dead.add("first")
    assert second.is_orphan(second.get(running))
    adopted = second.adopt()
    assert [job.job_id for job in adopted] == [running, waiting, preparing]
    assert third.adopt() == [], "nobody else has them now"
    kept = ("request", "seed", "clip_id", "roots")
    assert [[getattr(job, name) for name in kept] for job in adopted] == [
        [getattr(job, name) for name in kept] for job in made[1:]
    ]
    assert adopted[0].request.model_fields_set == extended.model_fields_set | {"tool"}, "left out is not the default"
    assert [job.restarts for job in adopted] == [1, 0, 1], "waiting killed nobody"
    second.admitting(running)
    dead.add("second")
    assert [job.restarts for job in third.adopt()] == [2, 0, 1]
    assert third.set_state(running, states.Succeeded("clip-00000001")).has_ended


def test_a_job_ends_even_where_its_record_cannot_be_written(tmp_path: Path) -> None:
    store = a_store(tmp_path, lock_wait_s=0.01)
    job = store.create(REQUEST)
    with closing(sqlite3.connect(tmp_path / "jobs.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert store.set_state(job.job_id, states.Cancelled()).state == states.Cancelled()
        assert store.get(job.job_id).state == states.Cancelled()
        with pytest.raises(Busy, match=r"another program holds .*Try again"):
            store.create(REQUEST)
        assert a_store(tmp_path).get(job.job_id).state == states.Running()
        other.execute("ROLLBACK")
    assert store.create(REQUEST).state == states.Running()
    assert a_store(tmp_path).get(job.job_id).state == states.Cancelled(), "written with the next that is"


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


def test_the_time_that_is_left_is_told_by_a_clock_that_nobody_sets_and_by_jobs_of_like_size(tmp_path: Path) -> None:
    wall, clock = Clock(), Clock()
    store = a_store(tmp_path, clock=wall, monotonic=clock)
    small = PLAN.model_copy(update={"made_frames": 9})
    finish(store, clock, REQUEST, small, 9)
    finish(store, clock, REQUEST, PLAN, 10)
    assert store.expected_s(PLAN) == pytest.approx(10), "small ones take longer for each pixel"
    job = store.create(REQUEST)
    store.planned(job.job_id, PLAN)
    store.set_state(job.job_id, states.Running(Stage.LOADING))
    clock.now += 4
    for hour in (-3600, 3600):
        wall.now += hour
        assert Estimates(store, {}).eta_s(store.get(job.job_id)) == pytest.approx(6)
    store.set_state(job.job_id, states.Running(Stage.DENOISING, 0.5))
    assert Estimates(store, {}).eta_s(store.get(job.job_id)) == pytest.approx(6)


def test_records_of_a_newer_version_are_left_alone(tmp_path: Path) -> None:
    a_store(tmp_path).close()
    with sqlite3.connect(tmp_path / "jobs.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(ArchiveError, match="Upgrade"):
        a_store(tmp_path)


@pytest.mark.parametrize(("version", "process"), [(1, "tenant"), (2, "process_id")])
def test_records_of_earlier_versions_are_read_on_without_a_loss(tmp_path: Path, version: int, process: str) -> None:
    with closing(sqlite3.connect(tmp_path / "jobs.sqlite", isolation_level=None)) as db:
        db.execute(
            f"CREATE TABLE jobs (job_id TEXT PRIMARY KEY, {process} TEXT NOT NULL, request TEXT NOT NULL, plan TEXT,"
            " status TEXT NOT NULL, state TEXT, created_at REAL NOT NULL, started_at REAL, ended_at REAL)"
        )
        asked, plan = REQUEST.model_dump_json(), PLAN.model_dump_json()
        for row in (
            ("job-1", "other", asked, None, "running", None, 1000.0, None, None),
            ("job-2", "other", asked, plan, "succeeded", '{"clip_id": "x-aaaaaaaa"}', 1001.0, 1002.0, 1012.0),
        ):
            db.execute("INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        db.execute(f"PRAGMA user_version = {version}")
    dead: set[str] = set()
    for _ in range(2):  # migrated once, and then read as it is
        store = a_store(tmp_path, dead=dead)
        assert (store.get("job-1").process_id, store.get("job-1").request) == ("other", REQUEST)
        assert (store.get("job-2").state, store.get("job-2").plan) == (states.Succeeded("x-aaaaaaaa"), PLAN)
        assert store.expected_s(PLAN) == pytest.approx(10)
    dead.add("other")
    [adopted] = store.adopt()
    assert (adopted.job_id, adopted.roots) == ("job-1", ()), "nobody knows any more what it might read"


def test_of_ended_jobs_the_newest_are_kept_for_some_days_and_of_the_others_all(tmp_path: Path) -> None:
    clock = Clock()
    store = a_store(tmp_path, clock=clock, keep=3, keep_days=2)
    runs = store.create(REQUEST).job_id
    ended = []
    for _ in range(5):
        ended.append(store.create(REQUEST).job_id)
        store.set_state(ended[-1], states.Cancelled())
    assert [job.job_id for job in store.recent()] == [*reversed(ended[-3:]), runs]
    clock.now += 2 * 86_400 + 1
    newest = store.create(REQUEST).job_id
    assert [job.job_id for job in store.recent()] == [newest, runs]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def overwrite(path: Path) -> None:
    path.write_bytes(b"damaged" * 2000)


def scramble(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    whole[4096:] = b"\xff" * (len(whole) - 4096)  # every page but the first
    path.write_bytes(whole)


@pytest.mark.parametrize("damage", [truncate, overwrite, scramble, Path.unlink])
def test_damaged_records_are_moved_aside_and_begun_again_at_the_start_and_under_a_server(
    tmp_path: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "jobs.sqlite"
    clip = make_clip("x-aaaaaaaa", job_id="job-1", requested=REQUEST.model_dump(), effective=PLAN.model_dump())
    older = make_clip("y-aaaaaaaa")  # which does not tell its job
    known = [job for job in map(job_of, (clip, older)) if job is not None]

    def at_rest() -> None:
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        damage(path)

    store = a_store(tmp_path, known=lambda: known)
    for server_runs in (True, False):
        lives = store.create(REQUEST)
        if not server_runs:
            store.close()
        at_rest()
        if not server_runs:
            store = a_store(tmp_path, known=lambda: known)
        assert store.get("job-1").state == states.Succeeded("x-aaaaaaaa")
        if server_runs:
            assert store.get(lives.job_id) == lives, "what it knows itself is not lost"
            assert a_store(tmp_path, "other").get(lives.job_id) == lives
        asides = [aside.name for aside in tmp_path.glob("jobs.damaged-*.sqlite")]
        if damage is Path.unlink:
            assert (asides, store.news()) == ([], "")
        else:
            told = store.news()
            assert any(aside in told for aside in asides)
            assert store.news() == "", "told once"
            assert "is kept as" in caplog.text


def test_a_record_that_cannot_be_read_is_left_out_and_the_others_are_listed(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    good, bad = store.create(REQUEST).job_id, store.create(REQUEST).job_id
    for job_id in (good, bad):
        store.set_state(job_id, states.Cancelled())
    with closing(sqlite3.connect(tmp_path / "jobs.sqlite", isolation_level=None)) as db:
        db.execute('UPDATE jobs SET request = \'{"tool": "unheard_of"}\' WHERE job_id = ?', (bad,))
    assert [job.job_id for job in store.recent()] == [good]
    with pytest.raises(NotFound):
        store.get(bad)


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

"""The studio: each job on its own lane, ended once, with nothing left behind."""

import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_args

import anyio
import numpy as np
import pytest
from gates import CrowdedEngine, Gate
from media_kit import write_counting

from ltx_mcp.compose import open_studio
from ltx_mcp.engine.base import NO_MATERIALS, Engine, Materials, ModelCard, Rendering, Watch
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.index.sample import Samples
from ltx_mcp.index.stand_in import ColourEmbedder
from ltx_mcp.jobs.lane import LaneName
from ltx_mcp.jobs.store import Job
from ltx_mcp.media.probe import probe
from ltx_mcp.moderation.stand_in import MagentaClassifier
from ltx_mcp.preparation.clip_writer import WrittenClip
from ltx_mcp.settings import Settings
from ltx_mcp.studio.studio import Studio
from ltx_mcp.types import states
from ltx_mcp.types.clips import Verdict
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import GenerateRequest, ImportRequest
from ltx_mcp.types.searches import SearchRequest
from ltx_mcp.types.stages import Stage

pytestmark = pytest.mark.anyio

LIMIT_S = 90.0  # the first clip that is indexed waits until LanceDB is imported

PASSED = Verdict(verdict="passed", model="-", max_score=0)
NOTHING = WrittenClip(Path("-"), PASSED, b"", Samples(np.empty(0), []), has_audio=False)
REQUEST = GenerateRequest(prompt="a red circle", duration_s=0.5, quality="draft", seed=5)


class NoDevice:
    """An engine that must not be asked for anything."""

    @property
    def card(self) -> ModelCard:
        raise AssertionError("the device was probed")

    def load(self, watch: Watch) -> None:
        raise AssertionError("the model was loaded")

    def render(self, plan: Plan, watch: Watch, materials: Materials = NO_MATERIALS) -> Rendering:
        raise AssertionError("the model rendered")

    def lean(self) -> bool:
        raise AssertionError("it ran out of memory")

    def close(self) -> None:
        """There is nothing to free."""


@asynccontextmanager
async def a_studio(folder: Path, engine: Engine) -> AsyncGenerator[Studio]:
    settings = Settings(data_dir=folder / "data", roots=(folder,))
    with anyio.fail_after(LIMIT_S):
        async with open_studio(
            settings, engine=engine, classifier=MagentaClassifier(), embedder=ColourEmbedder(), heartbeat_s=0.02
        ) as studio:
            yield studio


async def ignore(job: Job) -> None:
    """Nobody watches."""


async def ended(studio: Studio, job: Job) -> states.JobState:
    return (await studio.jobs.wait(job.job_id, LIMIT_S, ignore)).state


async def test_every_lane_that_a_job_can_name_runs_jobs(tmp_path: Path) -> None:
    async with a_studio(tmp_path, StandInEngine()) as studio:
        for lane in get_args(LaneName):
            job = studio.jobs.create(REQUEST)
            lane_job = studio.jobs.submit(
                job.job_id, lane, lambda engine, watch: Rendering(iter(())), lambda rendering, watch: NOTHING
            )
            assert await lane_job.result() is NOTHING


async def test_an_import_neither_waits_for_the_device_nor_asks_what_it_is(tmp_path: Path) -> None:
    video = write_counting(tmp_path / "grey.mp4", frames=5)
    async with a_studio(tmp_path, NoDevice()) as studio:
        job = await studio.start(ImportRequest(video=str(video), title="a grey wall"))
        state = await ended(studio, job)
        assert isinstance(state, states.Succeeded)
        clip = await studio.archive.clip(state.clip_id)
    assert (clip.kind, clip.seed, clip.provenance.digital_source_type) == ("imported", None, None)


async def test_a_clip_is_whole_that_was_begun_anew_for_want_of_memory(tmp_path: Path) -> None:
    async with a_studio(tmp_path, CrowdedEngine(leaner=1, most=1)) as studio:
        state = await ended(studio, await studio.start(REQUEST))
        assert isinstance(state, states.Succeeded)
        clip = await studio.archive.clip(state.clip_id)
    facts = probe(clip.path)
    assert (facts.frames, clip.moderation.frames_seen > 1) == (round(clip.duration_s * clip.fps), True)


async def test_an_index_that_is_deleted_under_a_running_studio_is_filled_again_and_searches_miss_no_clip(
    tmp_path: Path,
) -> None:
    async with a_studio(tmp_path, StandInEngine()) as studio:
        for _ in range(2):
            await ended(studio, await studio.start(REQUEST))
        assert len((await studio.search(SearchRequest(query="circle"))).moments) == 2
        shutil.rmtree(tmp_path / "data" / "index")
        await ended(studio, await studio.start(REQUEST))
        found = await studio.search(SearchRequest(query="circle"))
        assert (found.total_clips, len(found.moments)) == (3, 3)
        assert "made again" in found.note
        image = SearchRequest(image=f"{found.moments[0].clip_id}@0")
        assert (await studio.search(image)).moments[0].alike_count == 2
        for damage in (shutil.rmtree, _without_data, _cut_short):
            for table in (tmp_path / "data" / "index").glob("frames_*"):
                damage(table)
            found = await studio.search(image)
            assert (found.moments[0].alike_count, "made again" in found.note) == (2, True), damage
            assert (await studio.search(image)).note == ""


def _without_data(table: Path) -> None:
    for path in (table / "data").iterdir():
        path.unlink()


def _cut_short(table: Path) -> None:
    for path in [path for path in table.rglob("*") if path.is_file()]:
        path.write_bytes(path.read_bytes()[:40])


async def test_a_clip_of_a_job_cancelled_while_it_is_published_is_removed(tmp_path: Path) -> None:
    async with a_studio(tmp_path, StandInEngine()) as studio:

        async def cancel_when_published(job: Job) -> None:
            if isinstance(job.state, states.Running) and job.state.stage in (Stage.PUBLISHING, Stage.INDEXING):
                studio.jobs.cancel(job.job_id)

        job = await studio.start(REQUEST)
        await studio.jobs.wait(job.job_id, LIMIT_S, cancel_when_published)
        assert studio.jobs.get(job.job_id).state == states.Cancelled()
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith("red-circle")]


async def test_a_cancelled_job_keeps_its_lane_until_its_thread_has_left_and_its_staging_is_gone_then(
    tmp_path: Path,
) -> None:
    gate = Gate(Stage.DENOISING)
    async with a_studio(tmp_path, StandInEngine(gate)) as studio:
        first = await studio.start(REQUEST)
        await gate.arrived()
        second = await studio.start(REQUEST)
        assert studio.jobs.cancel(first.job_id).state == states.Cancelled()
        assert studio.jobs.queue_position(second.job_id) == 0
        gate.open()
        assert isinstance(await ended(studio, second), states.Succeeded)
    assert not [path for path in (tmp_path / "data" / "staging").rglob("*") if path.is_file()]

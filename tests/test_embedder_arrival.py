"""Better models arrive: in the background, by `ltx-mcp setup`, or not at all. Searches go on all the time."""

import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, redirect_stdout
from dataclasses import replace
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import anyio
import pytest
from embedder_kit import put_in_cache, repositories
from hub_kit import FakeHub, outside, serving
from mcp import Client
from mcp.types import ElicitRequestParams, ElicitResult
from whisper_kit import whisper

from ltx_mcp.cli.main import main
from ltx_mcp.compose import open_studio
from ltx_mcp.engine.weights.family_files import family_files
from ltx_mcp.engine.weights.model_families import Family
from ltx_mcp.errors import NotFound
from ltx_mcp.hub.arrival import FIRST_WAIT_S, Arrival, Downloads
from ltx_mcp.hub.cache import Hub, HubFile, local_hub
from ltx_mcp.hub.download import fetch
from ltx_mcp.index.catalogue import CATALOGUE, CHECKPOINT, CONFIG, KnownEmbedder
from ltx_mcp.index.choice import EMBEDDED, EmbedderChoice
from ltx_mcp.jobs.record import Job
from ltx_mcp.parts import choose_embedder
from ltx_mcp.server.server import make_server
from ltx_mcp.settings import Settings
from ltx_mcp.studio.lazy_studio import LazyStudio
from ltx_mcp.studio.studio import Studio
from ltx_mcp.transcription.choice import CATALOGUE as TRANSCRIBERS
from ltx_mcp.types import states
from ltx_mcp.types.clips import SearchResult
from ltx_mcp.types.requests import GenerateRequest
from ltx_mcp.types.searches import SearchRequest

pytestmark = pytest.mark.anyio
LARGE, KNOWN, OTHER, _ = CATALOGUE
WAITING = EmbedderChoice(EMBEDDED, "", KNOWN, KNOWN)


class SmallHub(Hub):
    """With 1 kB free."""

    def free_bytes(self) -> int:
        return 1000


class Waiting:
    """An Arrival with what came of it, and a clock that is moved by hand."""

    def __init__(self, hub: Hub, choice: EmbedderChoice, downloads: Downloads) -> None:
        self.came: list[KnownEmbedder] = []
        self.now = 1000.0
        self._parts = (choice, hub, self.came.append, downloads)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Waiting"]:
        choice, hub, arrived, downloads = self._parts
        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                self.arrival = Arrival(choice, hub, tasks, arrived, downloads, lambda: self.now)
                yield self
                self.arrival.stop()

    async def need(self) -> str:
        """Need it, wait for what comes of that, and give the note."""
        self.arrival.need()
        await self.arrival.ended()
        return self.arrival.note()


def waiting(hub: Hub, choice: EmbedderChoice = WAITING, downloads: Downloads = "auto") -> Waiting:
    return Waiting(hub, choice, downloads)


async def test_one_that_somebody_else_fetched_is_used_and_then_there_is_nothing_to_say(tmp_path: Path) -> None:
    async with waiting(Hub(tmp_path, offline=True), downloads="never").running() as better:
        note = await better.need()
        assert "`ltx-mcp setup` fetches PE-Core-B-16 (1.8 GB, Apache-2.0)" in note
        assert "HF_HUB_OFFLINE" in note
        put_in_cache(tmp_path, KNOWN)
        assert await better.need() == ""
        assert await better.need() == ""
    assert better.came == [KNOWN]


async def test_the_best_may_come_after_the_one_that_came_by_itself(tmp_path: Path) -> None:
    choice = EmbedderChoice(EMBEDDED, "", LARGE, KNOWN)
    async with waiting(Hub(tmp_path, offline=True), choice).running() as better:
        put_in_cache(tmp_path, KNOWN)
        assert LARGE.said in await better.need()
        put_in_cache(tmp_path, LARGE)
        assert await better.need() == ""
    assert better.came == [KNOWN, LARGE]


async def test_a_full_disk_is_said_and_tried_again_later(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with waiting(SmallHub(tmp_path)).running() as better:
        for _ in range(3):
            assert "is tried again later: timm/PE-Core-B-16 needs 1.8 GB more" in await better.need()
        assert caplog.text.count("could not be fetched") == 1, "not at every search"
        better.now += FIRST_WAIT_S
        await better.need()
        better.now += FIRST_WAIT_S
        await better.need()
        assert caplog.text.count("could not be fetched") == 2, "the second wait is twice the first"
    assert better.came == []


async def test_nothing_is_fetched_that_may_not_be(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for better in (waiting(SmallHub(tmp_path), downloads="never"), waiting(SmallHub(tmp_path, offline=True))):
        async with better.running():
            assert "`ltx-mcp setup` fetches" in await better.need()
    assert caplog.text == ""


async def test_where_the_user_is_asked_the_best_is_offered_and_fetched_after_a_yes(tmp_path: Path) -> None:
    choice = EmbedderChoice(EMBEDDED, "", LARGE, KNOWN)
    for unasked in (waiting(Hub(tmp_path, offline=True), choice, "ask"), waiting(SmallHub(tmp_path), choice, "never")):
        async with unasked.running() as better:
            better.arrival.permit()
            assert better.arrival.offered is None
            assert "could not" not in await better.need()
    async with waiting(SmallHub(tmp_path), choice, "ask").running() as better:
        assert "could not be fetched" not in await better.need()
        assert better.arrival.offered == LARGE
        better.arrival.permit()
        assert better.arrival.offered is None
        await better.arrival.ended()
        assert f"{LARGE.said} could not be fetched, and is tried again later" in better.arrival.note()


async def test_what_cannot_be_used_is_said_to_whoever_searches(tmp_path: Path) -> None:
    choice = EmbedderChoice(EMBEDDED, "", problem="The embedder ViT-B-32/nothing is not known.")
    async with waiting(Hub(tmp_path), choice).running() as better:
        assert await better.need() == "The embedder ViT-B-32/nothing is not known."


@pytest.mark.slow
def test_embedders_come_from_a_hub(tmp_path: Path) -> None:
    outside("test_embedder_arrival", "against_a_hub", tmp_path)


def against_a_hub(folder: Path) -> None:
    """In a process of its own, whose hub is ours."""
    with serving(FakeHub({})) as server:
        os.environ["HF_ENDPOINT"] = server.endpoint  # before huggingface_hub is imported
        server.files = {**repositories(), **{known.repo: whisper() for known in TRANSCRIBERS}}
        settings = Settings(data_dir=folder / "data", model="stand-in")
        best = choose_embedder(settings).automatic
        assert best is not None
        anyio.run(a_hub_that_answers_with_a_page, settings, server)
        anyio.run(weights_that_do_not_load, settings, server, best)
        anyio.run(arriving_in_the_background, settings, server, best)
        anyio.run(a_transcriber_too, settings)
        anyio.run(going_on_where_it_stopped, server, best)
        by_setup(folder, server)
        anyio.run(with_a_yes_through_the_host, folder, server)
        a_family_of_video_models(server)


async def make(studio: Studio, prompt: str) -> str:
    job = await studio.start(GenerateRequest(prompt=prompt, duration_s=0.5))

    async def ignore(_job: Job) -> None:
        """Its progress."""

    job = await studio.jobs.wait(job.job_id, 60, ignore)
    assert isinstance(job.state, states.Succeeded), job.state
    return job.state.clip_id


async def ask(studio: Studio, query: str) -> SearchResult:
    return await studio.search(SearchRequest(query=query))


async def a_hub_that_answers_with_a_page(settings: Settings, server: FakeHub) -> None:
    server.pages = True
    async with open_studio(settings, fetches=True) as studio:
        with anyio.fail_after(60):
            await make(studio, "a red circle")
            while "could not be fetched" not in (found := await ask(studio, "a rabbit by the circle")).note:
                assert found.moments
        assert (await ask(studio, "a red circle")).moments[0].matched == "both"
        assert (await studio.archive.search_model()).embedder == EMBEDDED
    server.pages = False


async def weights_that_do_not_load(settings: Settings, server: FakeHub, best: KnownEmbedder) -> None:
    """Whole and checked, but of another shape than their configuration says."""
    whole = dict(server.files[best.repo])
    config = json.loads(whole[CONFIG])
    config["model_cfg"]["vision_cfg"]["layers"] += 1
    server.files = {**server.files, best.repo: {**whole, CONFIG: json.dumps(config).encode()}}
    async with open_studio(settings, fetches=True) as studio:
        with anyio.fail_after(60):
            while (await studio.archive.search_model()).note:
                assert (await ask(studio, "a red circle")).moments[0].matched == "both"
            await studio.archive.upkeep.settled(60)
        assert (await ask(studio, "a red circle")).moments[0].matched == "both"
        assert (await studio.archive.search_model()).embedder == EMBEDDED
        clip_id = await make(studio, "a blue square")
        assert (await ask(studio, "a blue square")).moments[0].clip_id == clip_id
    shutil.rmtree(local_hub().cache)
    server.files = {**server.files, best.repo: whole}


async def arriving_in_the_background(settings: Settings, server: FakeHub, best: KnownEmbedder) -> None:
    """Every search on the way finds the clips, and the new embedder takes over once it has seen them all."""
    async with open_studio(settings, fetches=True) as studio:
        with anyio.fail_after(120):
            embedder = EMBEDDED
            while embedder == EMBEDDED:
                found = await ask(studio, "a red circle")
                assert found.moments[0].matched in ("both", "text")
                embedder = (await studio.archive.search_model()).embedder
        assert embedder == best.weights
        model = await studio.archive.search_model()
        assert model.unseen_clips == 0
        newest = (await studio.search(SearchRequest())).moments[0]
        alike = await studio.search(SearchRequest(image=f"{newest.clip_id}@0"))
        assert newest.clip_id in {moment.clip_id for moment in alike.moments}
        assert (await studio.capabilities()).search == model
    names = {path.name for path in (settings.data_dir / "index").glob("frames_*")}
    assert len(names) == 2, "what the embedded one saw stays"


async def a_transcriber_too(settings: Settings) -> None:
    """It came with the others. Its weights write the same whatever they transcribe, and that is found at its time."""
    async with open_studio(settings, fetches=True) as studio:
        with anyio.fail_after(120):
            while not (found := await ask(studio, "where she says goodbye")).moments:
                await anyio.wait_all_tasks_blocked()
        assert (await studio.archive.search_model()).transcriber.startswith("whisper-")
    moment = found.moments[0]
    assert (moment.matched, moment.said, moment.start_s) == ("speech", "she says goodbye", 0.0)


async def going_on_where_it_stopped(server: FakeHub, best: KnownEmbedder) -> None:
    blob = next(local_hub().cache.rglob(CHECKPOINT)).resolve()
    content = blob.read_bytes()
    shutil.rmtree(blob.parents[1] / "snapshots")
    blob.unlink()
    blob.with_name(f"{blob.name}.incomplete").write_bytes(content[: len(content) // 2])
    server.asked.clear()
    async with waiting(local_hub(), EmbedderChoice(EMBEDDED, "", best, best)).running() as better:
        assert await better.need() == ""
    assert better.came == [best]
    assert (CHECKPOINT, len(content) // 2) in server.asked


def by_setup(folder: Path, server: FakeHub) -> None:
    shutil.rmtree(local_hub().cache)
    os.environ |= {"LTX_MCP_DATA_DIR": str(folder / "other"), "LTX_MCP_MODEL": "stand-in"}
    os.environ |= {"LTX_MCP_MODERATION": "open-nsfw", "LTX_MCP_GUARD": "off"}  # the hub here has no others
    server.asked.clear()
    code, planned = run("setup", "--dry-run", "--json")
    assert (code, server.asked) == (0, [])
    search, speech = (part for part in planned if part["part"] in ("search", "speech"))
    for part in (search, speech):
        assert part["missing_bytes"] > 10**8
        assert part["licence"] in ("Apache-2.0", "MIT")
    code, done = run("setup", "--yes", "--json")
    assert code == 0
    assert all(part["here"] for part in done)
    _, checks = run("doctor", "--json")
    found = {check["what"]: check["found"] for check in checks}
    assert f"{search['name']}/" in found["embedder"]
    assert found["better embedder"] == "none to be fetched"
    assert found["speech"].startswith(f"{speech['name']}. The best that this machine runs")


async def with_a_yes_through_the_host(folder: Path, server: FakeHub) -> None:
    """Where LTX_MCP_DOWNLOADS is "ask", a search asks: once, if the answer is no."""
    for answer, mode in (("decline", "legacy"), ("accept", "auto")):
        shutil.rmtree(local_hub().cache)
        local_hub().cache.mkdir()
        server.asked.clear()
        questions: list[str] = []

        async def person(context: Any, params: ElicitRequestParams, answer: Any = answer) -> ElicitResult:
            questions.append(params.message)  # noqa: B023
            return ElicitResult(action=answer, content={"accept": True} if answer == "accept" else None)

        settings = Settings(data_dir=folder / answer, model="stand-in", downloads="ask")
        lazy_studio = LazyStudio(partial(open_studio, settings, fetches=True), settings.max_wait_s)
        async with Client(make_server(lazy_studio), mode=mode, elicitation_callback=person) as agent:
            with anyio.fail_after(60):
                for _ in range(2):
                    assert not (await agent.call_tool("search_clips", {"query": "a rabbit"})).is_error
                while answer == "accept" and not {CHECKPOINT, "model.safetensors"} <= {
                    file for file, _ in server.asked
                }:
                    await agent.list_tools()
        [question] = questions
        assert all(said in question for said in ("GB, Apache-2.0", "whisper-")), question
        assert answer == "accept" or not server.asked


def run(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
    with redirect_stdout(StringIO()) as printed:
        code = main(arguments)
    return code, json.loads(printed.getvalue())


FAMILY = Family(
    "tiny",
    "maker/ltx",
    "A model",
    10,
    upsampler_repo="maker/upsampler",
    adapter=HubFile("maker/lora", "distilled.safetensors", 4),
)
PARTS = {
    "maker/ltx": [
        "model_index.json", "transformer/config.json", "transformer/diffusion_pytorch_model.safetensors",
        "tokenizer/tokenizer.model", "vae/diffusion_pytorch_model.bin", "vae/diffusion_pytorch_model.fp16.safetensors",
        "prompt_enhancer/model.safetensors", "whole-model.safetensors", "README.md",
    ],
    "maker/upsampler": ["latent_upsampler/config.json", "vae/config.json"],
    "maker/lora": ["distilled.safetensors", "other.safetensors"],
}  # fmt: skip


def a_family_of_video_models(server: FakeHub) -> None:
    server.files = {repo: dict.fromkeys(files, b"here") for repo, files in PARTS.items()}
    wanted = family_files(FAMILY, local_hub())
    assert [file.file for file in wanted] == [
        *("model_index.json", "transformer/config.json", "transformer/diffusion_pytorch_model.safetensors"),
        *("tokenizer/tokenizer.model", "latent_upsampler/config.json", "distilled.safetensors"),
    ]
    assert len(fetch(local_hub(), wanted, "do without")) == 6
    with pytest.raises(NotFound, match="There is no repository maker/none"):
        family_files(replace(FAMILY, repo="maker/none"), local_hub())

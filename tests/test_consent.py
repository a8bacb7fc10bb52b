"""The licence of the weights is accepted by the user, through the host, in both eras, or else by nobody."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from agents import SHORT, data, text
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ClientCapabilities, ElicitationCapability, ElicitRequestParams, ElicitResult
from test_models import LAPTOP, STATION, CountingHub
from test_shared_engine import a_pipe
from test_tasks import PollingClient

from ltx_mcp.compose import open_studio
from ltx_mcp.engine.base import Engine
from ltx_mcp.engine.deferred import DeferredEngine
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.engine.weights.choice import Withheld, withheld
from ltx_mcp.engine.weights.model_families import DEFAULT
from ltx_mcp.http.address import Address, listen, read_address
from ltx_mcp.http.app import Access, make_app
from ltx_mcp.http.serving import HttpServer
from ltx_mcp.hub.refusals import unlicensed
from ltx_mcp.index.stand_in import ColourEmbedder
from ltx_mcp.licences import OF_WEIGHTS, events
from ltx_mcp.moderation.stand_in import MagentaClassifier
from ltx_mcp.parts import withheld_model
from ltx_mcp.server.server import make_server
from ltx_mcp.server.shared_engine import serve_client
from ltx_mcp.settings import Settings
from ltx_mcp.studio.consent import LicenceConsent
from ltx_mcp.studio.lazy_studio import LazyStudio
from ltx_mcp.studio.studio import Studio
from ltx_mcp.tools._consent import Licence, ask
from ltx_mcp.types.owners import calling

pytestmark = pytest.mark.anyio

LIMIT_S = 120.0
ERAS = ("auto", "legacy")
MAKE = {"prompt": "a red circle", **SHORT}
YES, NO, CLOSED = (
    ElicitResult(action="accept", content={"accept": True}),
    ElicitResult(action="decline"),
    ElicitResult(action="cancel"),
)
UNTICKED = ElicitResult(action="accept", content={"accept": False})
EMPTY = ElicitResult(action="accept", content={})


class Person:
    """Answers as told, the last answer again and again. `asked` are the questions."""

    def __init__(self, *answers: ElicitResult) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, context: Any, params: ElicitRequestParams) -> ElicitResult:
        self.asked.append(params.message)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def licensed_studio(folder: Path, instead: Engine | None = None) -> LazyStudio:
    """One whose model needs acceptance. Until then there is another `instead`, or none."""
    settings = Settings(data_dir=folder)
    model = StandInEngine()
    model.card = replace(model.card, name="ltx-2.3")

    def choose() -> Engine:
        if settings.licence_is_accepted:
            return model
        if instead is None:
            raise unlicensed("ltx-2.3", "its licence", "https://example.org")
        return instead

    def opened() -> AbstractAsyncContextManager[Studio]:
        return open_studio(
            settings,
            engine=DeferredEngine(choose),
            classifier=MagentaClassifier(),
            embedder=ColourEmbedder(),
            awaits_consent=lambda: None if settings.licence_is_accepted else Withheld("ltx-2.3", 71_000_000_000),
        )

    return LazyStudio(opened, settings.max_wait_s)


@asynccontextmanager
async def in_memory(folder: Path, instead: Engine | None = None, **client: Any) -> AsyncGenerator[Client]:
    async with Client(make_server(licensed_studio(folder, instead)), **client) as agent:
        yield agent


@asynccontextmanager
async def over_http(folder: Path, token: str = "", **client: Any) -> AsyncGenerator[Client]:
    """By a socket, for what is asked within a call needs an answer that is read while it is written."""
    lazy_studio = licensed_studio(folder)
    with listen(read_address("127.0.0.1:0")) as socket:
        address = Address(*socket.getsockname()[:2])
        access = Access.of(address, None, {"": "0" * 32, "anna": "a" * 32} if token else {})
        server = HttpServer(make_app(lazy_studio, Settings(data_dir=folder), access), lazy_studio.stop_jobs)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        async with anyio.create_task_group() as tasks, httpx2.AsyncClient(headers=headers) as raw:
            tasks.start_soon(server.serve, [socket])
            async with Client(streamable_http_client(f"http://{address}/mcp", http_client=raw), **client) as agent:
                yield agent
            server.should_exit = True


@asynccontextmanager
async def attached(folder: Path, **client: Any) -> AsyncGenerator[Client]:
    """The client of a process that passes its messages on to the one that has the engine."""
    settings = Settings(data_dir=folder, linger_s=0)
    async with anyio.create_task_group() as tasks, a_pipe() as (first, of_first), a_pipe() as (second, of_second):
        tasks.start_soon(serve_client, settings, licensed_studio(folder), of_first)

        @asynccontextmanager
        async def streams(of: Any) -> AsyncGenerator[Any]:
            yield of

        async with Client(streams(first)) as owner:
            await owner.list_tools()
            tasks.start_soon(serve_client, settings, licensed_studio(folder), of_second)
            async with Client(streams(second), **client) as agent:
                yield agent
        tasks.cancel_scope.cancel()


WAYS: dict[str, Callable[..., AbstractAsyncContextManager[Client]]] = {
    "in memory": in_memory, "over HTTP": over_http, "attached": attached,
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
async def test_the_user_is_asked_once_and_a_yes_is_recorded_in_its_version(tmp_path: Path, way: str) -> None:
    for mode in ERAS:
        person, folder = Person(YES), tmp_path / mode
        with anyio.fail_after(LIMIT_S):
            async with WAYS[way](folder, mode=mode, elicitation_callback=person) as agent:
                for seed in (1, 2):
                    begun = await agent.call_tool("generate_video", {**MAKE, "seed": seed, "wait_s": 0})
                    assert not begun.is_error, text(begun)
        [question] = person.asked
        assert "About 71 GB would be fetched once." in question
        assert all(licence.version in question and licence.url in question for licence in OF_WEIGHTS)
        said = {(event["licence"], event["version"], event["said"]) for event in events(folder)}
        assert said == {(licence.name, licence.version, "accepted") for licence in OF_WEIGHTS}


async def test_without_a_yes_nothing_is_accepted_and_the_error_names_the_command(tmp_path: Path) -> None:
    cases: dict[str, tuple[dict[str, Any], int]] = {
        "a no, which is not asked again": ({"elicitation_callback": Person(NO)}, 1),
        "a box that is not ticked": ({"elicitation_callback": Person(UNTICKED)}, 1),
        "a form that is closed": ({"elicitation_callback": Person(CLOSED)}, 2),
        "an answer to nothing that was asked": ({"elicitation_callback": Person(EMPTY)}, 2),
        "a host that cannot ask": ({}, 0),
    }
    for name, (client, times) in cases.items():
        for mode in ERAS:
            folder, person = tmp_path / name / mode, client.get("elicitation_callback", Person(NO))
            person.asked.clear()
            with anyio.fail_after(LIMIT_S):
                async with in_memory(folder, mode=mode, **client) as agent:
                    for _ in range(2):
                        refused = await agent.call_tool("generate_video", MAKE)
                        assert refused.is_error, name
                        assert "ltx-mcp licence --accept" in text(refused)
            assert (len(person.asked), events(folder)) == (times, []), (name, mode)


async def test_a_form_that_is_closed_is_shown_again_and_then_a_task_begins(tmp_path: Path) -> None:
    person, polling = Person(CLOSED, YES), PollingClient()
    with anyio.fail_after(LIMIT_S):
        async with in_memory(tmp_path, elicitation_callback=person, extensions=[polling]) as agent:
            assert (await agent.call_tool("generate_video", MAKE)).is_error
            assert data(await agent.call_tool("generate_video", MAKE))["status"] == "succeeded"
    assert (len(person.asked), len(polling.tasks)) == (2, 1), "what has to be asked is asked before the task"


async def test_only_the_machines_own_user_is_asked(tmp_path: Path) -> None:
    person = Person(YES)
    with anyio.fail_after(LIMIT_S):
        async with over_http(tmp_path, token="a" * 32, elicitation_callback=person) as anna:
            assert (await anna.call_tool("generate_video", MAKE)).is_error
        async with over_http(tmp_path, token="0" * 32, elicitation_callback=person) as own:
            assert data(await own.call_tool("generate_video", MAKE))["status"] == "succeeded"
    assert len(person.asked) == 1


async def test_a_form_that_lies_open_holds_up_nobody_who_is_not_asked(tmp_path: Path) -> None:
    class Open:
        async def acquire(self) -> None:
            raise AssertionError("it waits for the form")

    class Context:
        client_capabilities = ClientCapabilities(elicitation=ElicitationCapability())

    consent = LicenceConsent(tmp_path, lambda: Withheld("ltx-2.3", 0), lambda: None)
    consent.turn = Open()  # type: ignore[assignment]
    with calling("anna"):
        assert await ask(Context(), consent, Licence) is None  # type: ignore[arg-type]


async def test_after_a_yes_the_model_is_used_at_once_and_another_until_then(tmp_path: Path) -> None:
    with anyio.fail_after(LIMIT_S):
        async with in_memory(tmp_path, StandInEngine(), elicitation_callback=Person(CLOSED, YES)) as agent:
            made = [data(await agent.call_tool("generate_video", {**MAKE, "seed": seed})) for seed in (1, 2)]
    assert [job["clip"]["model"] for job in made] == ["stand-in", "ltx-2.3"]


def test_what_waits_for_consent_is_what_the_machine_would_use(tmp_path: Path) -> None:
    hub = CountingHub(dict.fromkeys(DEFAULT.repos, DEFAULT.download_bytes))
    assert withheld("auto", STATION, hub) == withheld("ltx-2.3", LAPTOP, hub) == Withheld("ltx-2.3", 0)
    for model, machine in (("auto", LAPTOP), ("micro", STATION), (str(tmp_path), STATION), ("no such model", STATION)):
        assert withheld(model, machine, hub) is None, "that needs no consent"
    for accept in (True, False):
        settings = Settings(data_dir=tmp_path, model="ltx-2.3", accept_licence=accept)
        assert withheld_model(settings) is None, "the settings have said it"

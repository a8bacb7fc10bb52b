"""Jobs as tasks, for clients that declare the extension: in memory and over HTTP, where their headers are checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest
from agents import SHORT, a_lazy_studio, data, text
from gates import Gate
from http_kit import HERE, URL, an_app, asked, client_of
from mcp import Client
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, Request, RequestParams, Result
from pydantic import ConfigDict

from ltx_mcp.engine.base import NO_MATERIALS, Materials, Rendering, Watch
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.errors import OutOfMemory
from ltx_mcp.http.app import Access
from ltx_mcp.server.server import make_server
from ltx_mcp.server.tasks import IDENTIFIER, MAKERS
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.stages import Stage

pytestmark = pytest.mark.anyio

LIMIT_S = 30.0
MAKE = {"prompt": "a red circle", **SHORT}
DECLARED: dict[str, Any] = {"extensions": {IDENTIFIER: {}}}


class Created(Result):
    model_config = ConfigDict(extra="allow")
    result_type: Literal["task"]
    task_id: str
    status: str
    status_message: str


class Detailed(Result):
    model_config = ConfigDict(extra="allow")
    status: str


class TaskParams(RequestParams):
    task_id: str


class TaskRequest(Request[TaskParams, str]):
    method: str
    params: TaskParams
    name_param = "taskId"


class PollingClient(ClientExtension):
    """Polls by itself, as hosts do. `tasks` are those that it was given."""

    identifier = IDENTIFIER

    def __init__(self) -> None:
        self.tasks: list[Created] = []

    def claims(self) -> list[ResultClaim[Any]]:
        return [ResultClaim(result_type="task", model=Created, resolve=self._finish)]

    async def _finish(self, task: Created, context: ClaimContext) -> CallToolResult:
        self.tasks.append(task)
        while (now := await ask(context.session, "get", task.task_id)).status == "working":
            await anyio.lowlevel.checkpoint()
        assert now.model_extra is not None
        return CallToolResult.model_validate(now.model_extra["result"])


async def ask(session: Any, verb: str, task_id: str) -> Detailed:
    request = TaskRequest(method=f"tasks/{verb}", params=TaskParams(task_id=task_id))
    answer: Detailed = await session.send_request(request, Detailed if verb == "get" else Result)
    return answer


async def test_the_client_polls_and_the_model_gets_the_finished_clip(tmp_path: Path) -> None:
    polling = PollingClient()
    with anyio.fail_after(LIMIT_S):
        async with Client(make_server(a_lazy_studio(tmp_path)), extensions=[polling]) as agent:
            made = await agent.call_tool("generate_video", {**MAKE, "duration_s": "0.5 s"})
            assert data(made)["clip"]["duration_s"] == 0.5
            assert [block.type for block in made.content] == ["text", "image", "resource_link"]
            [task] = polling.tasks
            assert task.task_id == data(made)["job_id"], "get_job takes it too"
            assert "Read duration_s" in task.status_message, "what was read in another sense is told"
            refused = await agent.call_tool("generate_video", {**MAKE, "prompt": ""})
            assert refused.is_error
            assert len(polling.tasks) == 1, "what cannot be used is told at once"
        async with Client(make_server(a_lazy_studio(tmp_path)), extensions=[polling]) as agent:
            again = await ask(agent.session, "get", task.task_id)
            assert again.status == "completed", "it outlives the server"
        async with Client(make_server(a_lazy_studio(tmp_path))) as agent:
            assert data(await agent.call_tool("generate_video", MAKE))["status"] == "succeeded", "who declares nothing"


def test_every_tool_that_makes_something_can_be_a_task() -> None:
    assert {
        "generate_video", "animate_image", "restyle_video", "finalize_draft", "edit_video", "import_video",
        "export_clip",
    } == MAKERS  # fmt: skip


async def test_a_task_is_cancelled_and_belongs_to_its_owner(tmp_path: Path) -> None:
    gate = Gate(Stage.DENOISING)
    tokens = {"": "0" * 32, "anna": "a" * 32}
    engine = StandInEngine(pause=gate)
    async with (
        an_app(tmp_path, Access.of(HERE, None, tokens), engine=engine) as app,
        client_of(app, tokens["anna"]) as anna,
        client_of(app, tokens[""]) as other,
    ):
        call = {"name": "generate_video", "arguments": MAKE}
        created = (await anna.post("/mcp", **declared("tools/call", call, "generate_video"))).json()["result"]
        assert (created["resultType"], created["status"], created["ttlMs"]) == ("task", "working", None)
        await gate.arrived()
        task_id = created["taskId"]
        working = await polled(anna, "get", task_id)
        assert working["result"]["status"] == "working"
        assert "denoising" in working["result"]["statusMessage"]
        assert (await polled(anna, "update", task_id))["result"]["resultType"] == "complete"
        codes = {
            "another's": (await polled(other, "get", task_id))["error"]["code"],
            "another's, cancelled": (await polled(other, "cancel", task_id))["error"]["code"],
            "nobody's": (await polled(anna, "get", "job-000000000000"))["error"]["code"],
            "another header": (await polled(anna, "get", task_id, header="job-0"))["error"]["code"],
            "not declared": (await polled(anna, "get", task_id, capabilities={}))["error"]["code"],
        }
        assert codes == {
            "another's": -32602, "another's, cancelled": -32602, "nobody's": -32602, "another header": -32020,
            "not declared": -32021,
        }  # fmt: skip
        assert "result" in await polled(anna, "cancel", task_id)
        assert (await polled(anna, "get", task_id))["result"]["status"] == "cancelled"
        gate.open()


class BreakingEngine(StandInEngine):
    """Breaks on every job, as libraries do; or fails by what was asked, where the prompt says so."""

    def render(self, plan: Plan, watch: Watch, materials: Materials = NO_MATERIALS) -> Rendering:
        super().render(plan, watch, materials)
        if "too large" in plan.prompt:
            raise OutOfMemory("The clip does not fit.", "Ask for a smaller one.")
        raise RuntimeError("a defect")


async def test_a_job_that_broke_is_a_failed_task_and_no_other(tmp_path: Path) -> None:
    gate = Gate(Stage.DENOISING)
    async with an_app(tmp_path, engine=BreakingEngine(pause=gate)) as app, client_of(app) as client:
        tasks = [await begun(client, prompt) for prompt in ("a red circle", "a circle, too large")]
        gate.open()
        broken, failed = [await ended(client, task_id) for task_id in tasks]
    assert (broken["status"], broken["error"]["code"], "result" in broken) == ("failed", -32603, False)
    assert "a defect. Try again" in broken["error"]["message"]
    assert (failed["status"], failed["result"]["isError"]) == ("completed", True)
    assert "smaller" in failed["result"]["content"][0]["text"]


async def begun(client: Any, prompt: str) -> str:
    call = {"name": "generate_video", "arguments": {**MAKE, "prompt": prompt}}
    created = (await client.post("/mcp", **declared("tools/call", call, "generate_video"))).json()["result"]
    return str(created["taskId"])


async def ended(client: Any, task_id: str) -> dict[str, Any]:
    with anyio.fail_after(LIMIT_S):
        while True:
            task: dict[str, Any] = (await polled(client, "get", task_id))["result"]
            if task["status"] != "working":
                return task
            await anyio.lowlevel.checkpoint()


async def test_what_moderation_refuses_is_no_task(tmp_path: Path) -> None:
    async with an_app(tmp_path) as app, client_of(app) as client:
        call = {"name": "generate_video", "arguments": {**MAKE, "prompt": "a nude child"}}
        answer = (await client.post("/mcp", **declared("tools/call", call, "generate_video"))).json()["result"]
    assert answer["isError"]
    assert answer["structuredContent"]["status"] == "refused"


def declared(
    method: str, params: Mapping[str, Any], name: str, capabilities: Mapping[str, Any] = DECLARED
) -> dict[str, Any]:
    request = asked(method, dict(params), name)
    request["json"]["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities
    return request


async def polled(
    client: Any, verb: str, task_id: str, header: str = "", capabilities: Mapping[str, Any] = DECLARED
) -> dict[str, Any]:
    request = declared(f"tasks/{verb}", {"taskId": task_id}, header or task_id, capabilities)
    answer: dict[str, Any] = (await client.post("/mcp", **request)).json()
    return answer


async def test_over_http_a_client_polls_too(tmp_path: Path) -> None:
    polling = PollingClient()
    async with an_app(tmp_path) as app, client_of(app) as client:
        transport = streamable_http_client(f"{URL}/mcp", http_client=client)
        async with Client(transport, extensions=[polling]) as agent:
            made = await agent.call_tool("generate_video", MAKE)
    assert data(made)["clip"]["url"] in text(made)
    assert len(polling.tasks) == 1


async def test_an_older_client_gets_no_task(tmp_path: Path) -> None:
    with anyio.fail_after(LIMIT_S):
        async with Client(make_server(a_lazy_studio(tmp_path)), mode="legacy", extensions=[PollingClient()]) as agent:
            assert data(await agent.call_tool("generate_video", MAKE))["status"] == "succeeded"
            with pytest.raises(MCPError):
                await ask(agent.session, "get", "job-000000000000")

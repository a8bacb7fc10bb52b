"""The server of the product over HTTP, with the stand-in engine and what the official conformance suite calls by fixed
names: `fixture_server.py FOLDER`. Its endpoint is the first line of standard output.

The suite's task tools are calls of generate_video by another name, so that what is tested is the jobs of the product.
"""

import asyncio
import base64
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from fixtures import ASKING, CONTENTS, NOTES, PNG, WIDE_SCHEMA, Name, ask_name, asking_name, embedded, named
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import Context, MCPServer, Resolve, UserMessage, require_client_extension
from mcp.server.mcpserver.prompts.base import Message
from mcp.types import (
    EmptyResult,
    ImageContent,
    InputRequiredResult,
    RequestParams,
    SetLevelRequestParams,
    SubscribeRequestParams,
    UnsubscribeRequestParams,
)

from ltx_mcp.compose import open_studio
from ltx_mcp.engine.base import NO_MATERIALS, Materials, Rendering, Watch
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.errors import MediaError
from ltx_mcp.http.address import Address, listen, read_address
from ltx_mcp.http.app import MCP_PATH, Access, make_app
from ltx_mcp.http.serving import HttpServer
from ltx_mcp.server.server import StudioServer, make_server
from ltx_mcp.server.tasks import IDENTIFIER
from ltx_mcp.settings import Settings
from ltx_mcp.studio.lazy_studio import LazyStudio
from ltx_mcp.types.plans import Plan

LOOK_S = 0.05


class SlowEngine(StandInEngine):
    """Takes as many seconds as its prompt says; fails or breaks, if the prompt says so."""

    def render(self, plan: Plan, watch: Watch, materials: Materials = NO_MATERIALS) -> Rendering:
        end_s = time.monotonic() + float(plan.prompt.split()[0])
        while time.monotonic() < end_s:
            watch.check()
            time.sleep(LOOK_S)
        if "fails" in plan.prompt:
            raise MediaError("It failed, as it was asked to.")
        if "breaks" in plan.prompt:
            raise RuntimeError("It broke, as it was asked to.")
        return super().render(plan, watch, materials)


def greet(name: str) -> str:
    return f"Hello, {name}!"


def slow_compute(seconds: float, label: str = "") -> str:
    return f"{seconds} seconds {label}"


def failing_job() -> str:
    return "1 second, then it fails"


def protocol_error_job() -> str:
    return "1 second, then it breaks"


def test_tool_with_task(name: Annotated[Name, Resolve(ask_name)]) -> str:
    return f"0 seconds {name.name}"


JOBS = {"slow_compute", "failing_job", "protocol_error_job", "test_tool_with_task"}


async def as_jobs(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Middleware: the task tools say what the prompt is, and generate_video is called with it."""
    params = ctx.params or {}
    if ctx.method != "tools/call" or params.get("name") not in JOBS:
        return await call_next(ctx)
    if params["name"] == "failing_job":  # the suite wants one that is nothing but a task
        require_client_extension(ctx, IDENTIFIER)
    said = await call_next(ctx)
    assert isinstance(said, dict)
    if "content" not in said:  # it asks for something first
        return said
    arguments = {"prompt": said["content"][0]["text"], "duration_s": 0.5, "quality": "draft"}
    job = {**params, "name": "generate_video", "arguments": arguments, "inputResponses": None, "requestState": None}
    return await call_next(replace(ctx, params=job))


def add_resources(server: MCPServer[Any]) -> None:
    @server.resource("test://static-text", mime_type="text/plain")
    def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    def static_binary() -> bytes:
        return PNG

    @server.resource("test://template/{id}/data", mime_type="application/json")
    def template(id: str) -> str:
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})

    @server.resource("test://watched-resource", mime_type="text/plain")
    def watched() -> str:
        return "watched"


def add_prompts(server: MCPServer[Any]) -> None:
    @server.prompt(description="One of the suite.")
    def test_simple_prompt() -> str:
        return "This is a simple prompt for testing."

    @server.prompt(description="One of the suite.")
    def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt(description="One of the suite.")
    def test_prompt_with_embedded_resource(resourceUri: str) -> list[Message]:
        embedding = UserMessage(embedded(resourceUri, "Embedded resource content for testing."))
        return [embedding, UserMessage("Please process the embedded resource above.")]

    @server.prompt(description="One of the suite.")
    def test_prompt_with_image() -> list[Message]:
        image = ImageContent(data=base64.b64encode(PNG).decode(), mime_type="image/png")
        return [UserMessage(image), UserMessage("Please analyze the image above.")]

    @server.prompt(description="Asks for a name first.")
    def test_input_required_result_prompt(context: Context[Any, Any]) -> str | InputRequiredResult:
        return named(context) or asking_name("What context should the prompt use?")


def add_changes(server: MCPServer[Any]) -> None:
    """Tools that change what the server lists, for clients that listen."""

    async def test_trigger_tool_change(context: Context[Any, Any]) -> str:
        await context.notify_tools_changed()
        return "changed"

    async def test_trigger_prompt_change(context: Context[Any, Any]) -> str:
        await context.notify_prompts_changed()
        return "changed"

    for tool in (test_trigger_tool_change, test_trigger_prompt_change):
        server.add_tool(tool, description="One of the suite.", structured_output=False)


def add_wide_schema(server: MCPServer[Any]) -> None:
    """A tool whose schema has the keywords that ours leave out for the sake of model APIs."""

    def json_schema_2020_12_tool() -> str:
        return "nothing"

    server.add_tool(json_schema_2020_12_tool, description="One of the suite.", structured_output=False)
    tool = server._tool_manager.get_tool("json_schema_2020_12_tool")
    assert tool is not None
    tool.parameters = WIDE_SCHEMA


def add_methods_of_2025(server: StudioServer) -> None:
    """What the suite requires of every server of 2025-11-25, and ours does not offer."""

    async def nothing(context: ServerRequestContext[Any, Any], params: RequestParams) -> EmptyResult:
        return EmptyResult()

    lowlevel = server.protocol_server
    lowlevel.add_request_handler("logging/setLevel", SetLevelRequestParams, nothing)
    lowlevel.add_request_handler("resources/subscribe", SubscribeRequestParams, nothing)
    lowlevel.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, nothing)


async def main(folder: Path) -> None:
    settings = Settings(data_dir=folder, model="stand-in", embedder="stand-in")
    lazy_studio = LazyStudio(lambda: open_studio(settings, engine=SlowEngine()), settings.max_wait_s)
    server = make_server(lazy_studio)
    tools: list[Callable[..., Any]] = [
        *CONTENTS,
        *NOTES,
        *ASKING,
        greet,
        slow_compute,
        failing_job,
        protocol_error_job,
        test_tool_with_task,
    ]
    for tool in tools:
        server.add_tool(tool, description="One of the suite.", structured_output=False)
    add_wide_schema(server)
    for add in (add_resources, add_prompts, add_changes):
        add(server)
    add_methods_of_2025(server)
    server.middleware.append(as_jobs)
    with listen(read_address("127.0.0.1:0")) as socket:
        address = Address(*socket.getsockname()[:2])
        app = make_app(lazy_studio, settings, Access.of(address, None, {}), server)
        sys.stdout.write(f"http://{address}{MCP_PATH}\n")
        sys.stdout.flush()
        await HttpServer(app, lazy_studio.stop_jobs).serve([socket])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

"""Commands that need the engine: as an agent does, they call a tool of whichever process owns it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anyio
from mcp import Client
from mcp.client._transport import TransportStreams
from mcp.shared.exceptions import MCPError
from mcp.shared.message import SessionMessage
from mcp.types import CallToolResult, TextContent, TextResourceContents
from rich.progress import Progress, TaskID

from ltx_mcp.cli.interrupt import interruptible
from ltx_mcp.cli.waiting import progress_bars
from ltx_mcp.compose import open_studio
from ltx_mcp.errors import StudioError, error_with
from ltx_mcp.server.shared_engine import serve_client
from ltx_mcp.settings import Settings
from ltx_mcp.studio.lazy_studio import LazyStudio
from ltx_mcp.tools._tool import ERROR_META
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.value import Value

CANCEL_S = 30.0


async def rendered(settings: Settings, tool: str, options: Value) -> Clip:
    """Make a clip with this tool, with a bar; Ctrl-C cancels it. Raises Refused, BadInput, StudioError."""
    arguments = options.model_dump(mode="json", exclude_unset=True, exclude={"tool"})
    lazy_studio = LazyStudio(lambda: open_studio(settings), settings.max_wait_s)
    async with Client(engine_session(settings, lazy_studio, any_file=True)) as studio:
        try:
            with interruptible():
                return await _made(studio, tool, arguments)
        except MCPError as error:
            hint = "Run the command again. If it ends so each time, its log and `ltx-mcp doctor` may say why."
            raise StudioError(f"The process that renders has ended: {error}.", hint) from error


async def _made(studio: Client, tool: str, arguments: dict[str, Any]) -> Clip:
    with anyio.CancelScope(shield=True):  # a job whose id is not known yet could not be cancelled, and would run on
        job = _data(await studio.call_tool(tool, {**arguments, "wait_s": 0}))
    try:
        with progress_bars() as bars:
            job = await _finished(studio, job, bars)
    except anyio.get_cancelled_exc_class():
        with anyio.move_on_after(CANCEL_S, shield=True) as waiting:
            await studio.call_tool("cancel_job", {"job_id": job["job_id"]})
        if waiting.cancelled_caught:
            raise StudioError(
                f"{job['job_id']} could not be cancelled in time.", "See what it does: ltx-mcp jobs."
            ) from None
        raise
    facts = await studio.read_resource(f"clip://{job['clip']['clip_id']}")
    (content,) = facts.contents
    assert isinstance(content, TextResourceContents)
    return Clip.model_validate_json(content.text)


@asynccontextmanager
async def engine_session(
    settings: Settings, lazy_studio: LazyStudio, *, any_file: bool = False
) -> AsyncGenerator[TransportStreams]:
    """A session with the engine's owner, be it this process. `any_file`: a person named the files; see serve_client."""
    to_server, from_client = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    to_client, from_server = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    serve = partial(serve_client, settings, lazy_studio, (from_client, to_client), any_file=any_file)
    async with from_client, to_client, anyio.create_task_group() as tasks:
        tasks.start_soon(serve)
        async with to_server, from_server:
            yield from_server, to_server


async def _finished(studio: Client, job: dict[str, Any], bars: Progress) -> dict[str, Any]:
    bar: TaskID = bars.add_task("queued", total=1.0)

    async def report(progress: float, total: float | None, message: str | None) -> None:
        bars.update(bar, completed=progress, description=(message or "").split(" ")[0])

    while job["status"] in ("queued", "running"):
        job = _data(await studio.call_tool("get_job", {"job_id": job["job_id"]}, progress_callback=report))
    if job["status"] == "cancelled":
        raise StudioError(f"{job['job_id']} was cancelled by another process.")
    return job


def _data(result: CallToolResult) -> dict[str, Any]:
    """The job that a tool answered with. Raises what the tool raised, or what its job ended with."""
    data = result.structured_content
    if not result.is_error:
        assert isinstance(data, dict)
        return data
    error = data["error"] if isinstance(data, dict) else (result.meta or {}).get(ERROR_META)
    if error is None:
        raise StudioError("\n".join(block.text for block in result.content if isinstance(block, TextContent)))
    raise error_with(error["code"], error["message"], error["hint"])

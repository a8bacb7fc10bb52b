"""The protocol's extension for tasks (io.modelcontextprotocol/tasks, revision 2026-07-28): a job told as a task.

A client that declares it is answered with a task as soon as the job is queued, and polls by itself: its model neither
waits nor asks. A task's id is its job's, so it outlives the server, belongs to the job's owner, and get_job takes it.
"""

from datetime import UTC, datetime
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver import require_client_extension
from mcp.shared.exceptions import MCPError
from mcp.types import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    RequestParams,
    TextContent,
)

from ltx_mcp.errors import BadInput, DeviceLost, NotFound, RenderFailed, StudioError
from ltx_mcp.jobs.record import Job
from ltx_mcp.tools import TOOLS
from ltx_mcp.tools._job import job_result
from ltx_mcp.tools._tool import READS, harmless_result
from ltx_mcp.types import states

IDENTIFIER = "io.modelcontextprotocol/tasks"
REVISION = frozenset({"2026-07-28"})
POLL_MS = 2000  # jobs take from seconds to many minutes
BREAKS = frozenset({states.BROKEN.code, states.INTERRUPTED.code, RenderFailed.code, DeviceLost.code})
MAKERS = frozenset(
    tool.name for tool in TOOLS if "wait_s" in tool.parameters["properties"] and tool.annotations is not READS
)


class TaskParams(RequestParams):
    task_id: str


class Tasks(Extension):
    """For clients that declare it. Others get what they always get."""

    identifier = IDENTIFIER

    def methods(self) -> list[MethodBinding]:
        return [
            MethodBinding("tasks/get", TaskParams, _get, REVISION),
            MethodBinding("tasks/update", TaskParams, _update, REVISION),
            MethodBinding("tasks/cancel", TaskParams, _cancel, REVISION),
        ]

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        if params.name not in MAKERS or not _is_declared(ctx):
            return await call_next(ctx)
        params.arguments = {**(params.arguments or {}), "wait_s": 0}
        result = await call_next(ctx)
        if not isinstance(result, CallToolResult) or result.is_error:
            return result
        view = result.structured_content or {}
        job = (await ctx.lifespan_context.studio()).jobs.own(view["job_id"])
        if job.has_ended:
            return result
        notes = view.get("effective", {}).get("notes", ())  # how arguments were read
        return {"resultType": "task", **_task(job), "statusMessage": " ".join((f"{job.job_id} has begun.", *notes))}


def _is_declared(ctx: ServerRequestContext[Any, Any]) -> bool:
    capabilities = ctx.session.client_capabilities
    declared = capabilities.extensions if capabilities else None
    return ctx.protocol_version in REVISION and IDENTIFIER in (declared or {})


async def _get(ctx: ServerRequestContext[Any, Any], params: TaskParams) -> HandlerResult:
    job = await _own(ctx, params)
    task: dict[str, Any] = {"resultType": "complete", **_task(job)}
    match job.state:
        case states.Running(stage, progress):
            return {**task, "statusMessage": f"{stage} ({progress:.0%})"}
        case states.Cancelled():
            return task
        case states.Failed(code, message, hint) if code in BREAKS:
            return {**task, "error": {"code": INTERNAL_ERROR, "message": f"{message} {hint}"}}
        case _:
            result = await _result(ctx, job)
            return {**task, "result": result.model_dump(mode="json", by_alias=True, exclude_none=True)}


async def _update(ctx: ServerRequestContext[Any, Any], params: TaskParams) -> HandlerResult:
    """No job asks for anything while it runs, so there is nothing that could be answered."""
    await _own(ctx, params)
    return {"resultType": "complete"}


async def _cancel(ctx: ServerRequestContext[Any, Any], params: TaskParams) -> HandlerResult:
    job = await _own(ctx, params)
    try:
        (await ctx.lifespan_context.studio()).jobs.cancel(job.job_id)
    except BadInput as error:  # it runs in another process, and only that one can stop it
        raise MCPError(INVALID_PARAMS, str(error)) from None
    return {"resultType": "complete"}


async def _own(ctx: ServerRequestContext[Any, Any], params: TaskParams) -> Job:
    """The caller's job. Raises MCPError for what it is not, and for a client that has not declared the extension."""
    require_client_extension(ctx, IDENTIFIER)
    headers = getattr(ctx.request, "headers", None)
    if headers is not None and headers.get("mcp-name") != params.task_id:
        raise MCPError(HEADER_MISMATCH, "The header Mcp-Name is the taskId of such a request.")
    try:
        job: Job = (await ctx.lifespan_context.studio()).jobs.own(params.task_id)
    except NotFound as error:
        raise MCPError(INVALID_PARAMS, str(error)) from None
    return job


async def _result(ctx: ServerRequestContext[Any, Any], job: Job) -> CallToolResult:
    """What the call would have been answered with, had it waited."""
    try:
        return harmless_result(await job_result(await ctx.lifespan_context.studio(), job))
    except StudioError as error:  # its clip was deleted since
        return CallToolResult(content=[TextContent(text=str(error))], is_error=True)


def _task(job: Job) -> dict[str, Any]:
    """The fields that every answer has. A job that was refused, or failed by what was asked, is a completed task, whose
    result says so; one on which something broke is a failed one."""
    match job.state:
        case states.Running():
            status = "working"
        case states.Cancelled():
            status = "cancelled"
        case states.Failed(code) if code in BREAKS:
            status = "failed"
        case _:
            status = "completed"
    changed_at = datetime.now(UTC) if job.ended_at is None else datetime.fromtimestamp(job.ended_at, UTC)
    return {
        "taskId": job.job_id,
        "status": status,
        "createdAt": datetime.fromtimestamp(job.created_at, UTC).isoformat(),
        "lastUpdatedAt": changed_at.isoformat(),
        "ttlMs": None,  # records of jobs are kept
        "pollIntervalMs": POLL_MS,
    }

"""get_job: wait for a job and get its clip, or list the recent jobs."""

from typing import TYPE_CHECKING, Annotated

from mcp.types import CallToolResult, TextContent
from pydantic import Field

from ltx_mcp.jobs.record import Job
from ltx_mcp.tools._job import ProgressReporter, ToolContext, Wait, job_result, told
from ltx_mcp.tools._job_view import JobLine, JobView, shorten, structured
from ltx_mcp.tools._tool import READS, studio_tool
from ltx_mcp.types import states
from ltx_mcp.types.references import Name

if TYPE_CHECKING:
    from ltx_mcp.studio.studio import Studio


async def get_job(
    context: ToolContext,
    job_id: Annotated[Name | None, Field(description="As given by a maker. Left out: the recent jobs.")] = None,
    wait_s: Wait = 45.0,
) -> CallToolResult:
    """Wait for a job up to wait_s and get its clip, or its progress and the time that is left. Giving up on a
    wait leaves the job running. Without a job_id it lists the recent jobs.
    """
    lazy_studio = context.request_context.lifespan_context
    studio = await lazy_studio.studio()
    if job_id is None:
        return _listing(studio)
    job = await studio.jobs.wait(job_id, min(wait_s, lazy_studio.max_wait_s), ProgressReporter(context))
    return await job_result(studio, job)


def _listing(studio: "Studio") -> CallToolResult:
    lines = tuple(_line(job) for job in studio.jobs.recent())
    next_step = "Call get_job with one of these ids." if lines else "No jobs yet. generate_video starts one."
    view = told(studio, JobView(job_id=None, status=None, recent=lines, next=next_step))
    text = [f'{line.job_id} {line.status} {line.clip_id or ""} "{line.prompt}"' for line in lines]
    return CallToolResult(
        content=[TextContent(text="\n".join([*text, view.next]))],
        structured_content=structured(view),
    )


def _line(job: Job) -> JobLine:
    clip_id = job.state.clip_id if isinstance(job.state, states.Succeeded) else None
    waiting = isinstance(job.state, states.Running) and job.state.stage == "queued"
    status = "queued" if waiting else job.state.status
    return JobLine(job_id=job.job_id, status=status, prompt=shorten(job.request.prompt), clip_id=clip_id)


TOOL = studio_tool(get_job, title="Get a job", annotations=READS)

"""cancel_job: stop a queued or running job."""

from typing import Annotated

from mcp.types import CallToolResult
from pydantic import Field

from ltx_mcp.tools._job import ToolContext, job_result
from ltx_mcp.tools._tool import STOPS, studio_tool


async def cancel_job(
    context: ToolContext, job_id: Annotated[str, Field(description="As given by a maker.")]
) -> CallToolResult:
    """Stop a queued or running job and free the device. Nothing of it is kept. A job that has ended stays as it
    ended.
    """
    studio = await context.request_context.lifespan_context.studio()
    return await job_result(studio, studio.jobs.cancel(job_id))


TOOL = studio_tool(cancel_job, title="Cancel a job", annotations=STOPS)

"""How makers, get_job and cancel_job wait for a job, and answer with it."""

import logging
import time
from typing import TYPE_CHECKING, Annotated, Any

import anyio
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.utilities.types import Image
from mcp.types import CallToolResult, ContentBlock, InputRequiredResult, ResourceLink, TextContent
from pydantic import Field

from ltx_mcp.jobs.record import Job
from ltx_mcp.studio.lazy_studio import LazyStudio
from ltx_mcp.tools._consent import Licence, ask
from ltx_mcp.tools._job_view import JobView, in_words, job_view, structured
from ltx_mcp.types import states
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.requests import Request

if TYPE_CHECKING:
    from ltx_mcp.studio.studio import Studio

log = logging.getLogger(__name__)

ASKED_AT = "ltx-mcp/asked-at"
"""In the metadata of a call that is asked again because its server went: when it was asked first, in seconds since the
epoch."""

ToolContext = Context[LazyStudio, Any]
Answer = CallToolResult | InputRequiredResult
RENDER = {"generate_video", "animate_image", "restyle_video", "finalize_draft"}  # with a model that has a licence
Wait = Annotated[
    float,
    Field(ge=0, allow_inf_nan=False, description="Seconds."),
]


class ProgressReporter:
    """Relays a job's progress, strictly increasing as the protocol demands. A client that is gone does no harm."""

    def __init__(self, context: ToolContext) -> None:
        self._context = context
        self._last = 0.0

    async def __call__(self, job: Job) -> None:
        if not isinstance(job.state, states.Running):
            return
        self._last = max(job.state.progress, self._last + 1e-6)
        try:
            await self._context.report_progress(
                self._last, 1.0, f"{job.state.stage} ({job.state.progress:.0%}) {job.job_id}"
            )
        except Exception:
            log.debug("progress could not be sent", exc_info=True)


async def make(context: ToolContext, request: Request, wait_s: float) -> Answer:
    """Start a job and wait for it. A client that gives up before it has the job's id stops the job, but not one that
    leaves: its host restarts, and it asks again.

    Clients with short limits give up without a word and call again: while the job runs, the same call joins it.
    """
    begun_s = time.monotonic()
    lazy_studio = context.request_context.lifespan_context
    studio = await lazy_studio.studio()
    if request.tool in RENDER:
        if (asked := await ask(context, studio.consents.licence, Licence)) is not None:
            return asked
        begun_s = time.monotonic()  # hosts give a person the time to answer
    job = _begun_already(context, studio, request) or await studio.start(request)
    studio.jobs.join(job.job_id)
    spent_s = time.monotonic() - begun_s  # opening the archive and looking through a source: the host's clock runs
    try:
        job = await studio.jobs.wait(
            job.job_id, min(wait_s, lazy_studio.max_wait_s) - spent_s, ProgressReporter(context)
        )
    except anyio.get_cancelled_exc_class():
        if not lazy_studio.client_left:
            studio.jobs.give_up(job.job_id)
        raise
    return await job_result(studio, job)


def _begun_already(context: ToolContext, studio: "Studio", request: Request) -> Job | None:
    """The job that this call joins."""
    roots = studio.admission.roots
    running = studio.jobs.running_like(request, roots)
    asked_at = (context.request_context.meta or {}).get(ASKED_AT)
    if running is not None or not isinstance(asked_at, float):
        return running
    return studio.jobs.started_since(request, roots, asked_at)


async def job_result(studio: "Studio", job: Job) -> CallToolResult:
    """Structured data, the same in words, and for a finished clip its contact sheet and a link."""
    view = told(studio, await job_view(studio, job))
    blocks: list[ContentBlock] = [TextContent(text=in_words(view))]
    if view.clip is not None:
        blocks.append(Image(data=await anyio.Path(view.clip.sheet_path).read_bytes(), format="jpeg").to_image_content())
        if view.clip.kind != "photo":
            blocks.append(_link(view.clip))
    return CallToolResult(
        content=blocks,
        structured_content=structured(view),
        is_error=isinstance(job.state, states.Failed | states.Refused | states.Held),
    )


def told(studio: "Studio", view: JobView) -> JobView:
    """The view, with what happened to the job records since the last one."""
    news = studio.jobs.news()
    return view.model_copy(update={"next": f"{view.next} {news}".strip()}) if news else view


def _link(clip: Clip) -> ResourceLink:
    return ResourceLink(
        uri=f"{clip.resource_uri}/video", name=clip.clip_id, title=clip.title, mime_type="video/mp4", size=clip.bytes
    )

"""The Job that makers, get_job and cancel_job answer with, and how a tool waits for one."""

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, assert_never

import anyio
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.utilities.types import Image
from mcp.types import CallToolResult, ContentBlock, InputRequiredResult, ResourceLink, TextContent
from pydantic import Field

from ltx_mcp.errors import NotFound
from ltx_mcp.jobs.record import Job
from ltx_mcp.studio.lazy_studio import LazyStudio
from ltx_mcp.tools._consent import ask
from ltx_mcp.types import states
from ltx_mcp.types.clips import DRAFT_EDIT, Clip
from ltx_mcp.types.links import link_to
from ltx_mcp.types.requests import Request
from ltx_mcp.types.texts import cut
from ltx_mcp.types.value import Value

if TYPE_CHECKING:
    from ltx_mcp.studio.studio import Studio

log = logging.getLogger(__name__)

_PROMPT_SHOWN = 120  # characters of a prompt in texts and waiting replies: an agent wrote it and has it

_KEPT_BY_THE_RESOURCE: dict[str, Any] = {
    "requested": True, "effective": True, "prompt": True, "sha256": True, "resource_uri": True, "created_at": True,
    "job_id": True,
    "pinned": True, "cuts_s": True, "owner": True,
    "moderation": {"model", "max_score", "category", "threshold", "frames_seen", "worst_at_s"},
}  # fmt: skip

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


class JobError(Value):
    code: str
    message: str
    hint: str


class JobLine(Value):
    """One job of the list."""

    job_id: str
    status: str
    prompt: str
    clip_id: str | None = None


class ExportedFile(Value):
    """A file that export_clip wrote; `path` is absolute."""

    path: Path
    bytes: int


class JobView(Value):
    """A job as an agent sees it; the structured data is enough on its own. `progress` is 0..1, times are in seconds."""

    job_id: str | None
    status: Literal["queued", "running", "succeeded", "failed", "cancelled", "refused", "held"] | None
    stage: str | None = None
    progress: float = 0.0
    queue_position: int | None = None
    eta_s: float | None = None
    requested: dict[str, Any] | None = None
    effective: dict[str, Any] | None = None
    clip: Clip | None = None
    file: ExportedFile | None = None
    error: JobError | None = None
    recent: tuple[JobLine, ...] | None = None
    next: str = ""


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
        if (asked := await ask(context, studio.consent)) is not None:
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
    blocks: list[ContentBlock] = [TextContent(text=_text(view))]
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


def structured(view: JobView) -> dict[str, Any]:
    """The view as data, without what is null or said twice: an agent reads every byte. clip://{id} has all of it."""
    shown = view.model_dump(mode="json", exclude_none=True, exclude={"clip": _KEPT_BY_THE_RESOURCE})
    if view.clip is not None and (url := link_to(view.clip.clip_id, view.clip.kind)) is not None:
        shown["clip"]["url"] = url
        del shown["clip"]["sheet_path"]  # of the server's disk; the sheet itself is in the result
    if view.clip is None or view.effective is None:
        return shown
    clip = {name: value for name, value in shown["clip"].items() if value != []}
    said = {**clip, "prompt": view.clip.prompt, "audio": view.clip.has_audio, "loras": list(view.clip.loras)}
    made = {
        name: value
        for name, value in view.effective.items()
        if value not in (None, False, []) and value != said.get(name)
    }
    del shown["progress"]
    return {**shown, "effective": made, "clip": clip}


async def job_view(studio: "Studio", job: Job) -> JobView:
    match job.state:
        case states.Running(stage, progress):
            eta_s = studio.jobs.estimates.eta_s(job)
            return JobView(
                job_id=job.job_id,
                status="queued" if stage == "queued" else "running",
                stage=stage,
                progress=round(progress, 3),
                queue_position=studio.jobs.queue_position(job.job_id),
                eta_s=eta_s and round(eta_s, 1),
                next=f"Call get_job with job_id={job.job_id!r} to wait for it; cancel_job stops it.",
            )
        case states.Succeeded(file=str(path)):
            return await _exported(job, Path(path))
        case states.Succeeded(clip_id):
            clip = await studio.archive.clip(clip_id)
            return _succeeded(job, clip, await studio.admission.can_finalize(clip))
        case states.Failed() | states.Refused() | states.Held() as ended:
            return _ended(job, JobError(code=ended.code, message=ended.message, hint=ended.hint), ended.hint)
        case states.Cancelled():
            return _ended(job, None, "It was cancelled; nothing was kept.")
        case _:
            assert_never(job.state)


def _succeeded(job: Job, clip: Clip, can_finalize: bool) -> JobView:
    then = f" finalize_draft makes {clip.clip_id!r} at twice this size." if can_finalize else ""
    if clip.recipe == DRAFT_EDIT:
        then = f" It is a proof: edit_video with base={clip.clip_id!r} makes the final, with what you change."
    return JobView(
        job_id=job.job_id,
        status="succeeded",
        progress=1.0,
        effective=clip.effective,
        clip=clip,
        next=f"Tell the user the {'URL' if link_to(clip.clip_id, clip.kind) else 'path'}, and look at the sheet.{then}",
    )


async def _exported(job: Job, path: Path) -> JobView:
    try:
        size = (await anyio.Path(path).stat()).st_size
    except OSError as error:
        raise NotFound(
            f"{path} was exported, and is not there any more: {error.strerror}.", "Export it again."
        ) from None
    return JobView(
        job_id=job.job_id,
        status="succeeded",
        progress=1.0,
        requested=job.request.model_dump(mode="json", exclude_none=True),
        file=ExportedFile(path=path, bytes=size),
        next="Tell the user the path.",
    )


def _ended(job: Job, error: JobError | None, next_step: str) -> JobView:
    requested = job.request.model_dump(mode="json", exclude_none=True)
    words = requested["final"] if job.request.tool == "finalize_draft" else requested
    words["prompt"] = shorten(job.request.prompt)
    return JobView(
        job_id=job.job_id, status=job.state.status, requested=requested, error=error, next=next_step
    )  # fmt: skip


def _text(view: JobView) -> str:
    if view.clip is not None:
        clip, notes = view.clip, (view.effective or {}).get("notes", ())
        sound = "with sound" if clip.has_audio else "silent"
        made = (
            f"{clip.clip_id}: {clip.duration_s:g} s, {clip.width}x{clip.height} at {clip.fps:g} fps, {sound}, "
            f"{clip.codec}, {clip.bytes:,} bytes, {_origin(clip)}. "
            f'Prompt: "{shorten(clip.prompt)}".'
        )
        links = [url] if (url := link_to(clip.clip_id, clip.kind)) is not None else []
        return "\n".join([str(clip.path), *links, made, *clip.film_facts, *notes, view.next])
    if view.file is not None:
        return f"{view.file.path}\n{view.file.bytes:,} bytes. {view.next}"
    if view.error is not None:
        return f"{view.job_id} {view.status}: {view.error.message} {view.error.hint}".strip()
    where = f" ({view.stage}, {view.progress:.0%})" if view.stage else ""
    eta = f" About {view.eta_s:.0f} s to go." if view.eta_s else ""
    return f"{view.job_id} is {view.status}{where}.{eta} {view.next}"


def _origin(clip: Clip) -> str:
    return clip.kind if clip.seed is None else f"seed {clip.seed}, model {clip.model} ({clip.recipe})"


def _link(clip: Clip) -> ResourceLink:
    return ResourceLink(
        uri=f"{clip.resource_uri}/video", name=clip.clip_id, title=clip.title, mime_type="video/mp4", size=clip.bytes
    )


def shorten(text: str) -> str:
    return cut(text, _PROMPT_SHOWN)

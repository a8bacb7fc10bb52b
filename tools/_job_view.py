"""A job as an agent sees it: as structured data that is enough alone, and the same in words."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, assert_never

import anyio

from ltx_mcp.errors import NotFound
from ltx_mcp.jobs.record import Job
from ltx_mcp.types import states
from ltx_mcp.types.clips import DRAFT_EDIT, Clip
from ltx_mcp.types.links import link_to
from ltx_mcp.types.texts import cut
from ltx_mcp.types.value import Value

if TYPE_CHECKING:
    from ltx_mcp.studio.studio import Studio

_PROMPT_SHOWN = 120  # characters of a prompt in texts and waiting replies: an agent wrote it and has it

_KEPT_BY_THE_RESOURCE: dict[str, Any] = {
    "requested": True, "effective": True, "prompt": True, "sha256": True, "resource_uri": True, "created_at": True,
    "job_id": True,
    "pinned": True, "cuts_s": True, "owner": True,
    "moderation": {"model", "max_score", "category", "threshold", "frames_seen", "worst_at_s"},
}  # fmt: skip


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
    """A job; the structured data is enough on its own. `progress` is 0..1, times are in seconds."""

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


def in_words(view: JobView) -> str:
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


def shorten(text: str) -> str:
    return cut(text, _PROMPT_SHOWN)

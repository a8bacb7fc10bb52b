"""A job record: one request, what was decided for it, and how far it has come; and how that is written as a row."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, assert_never

from pydantic import TypeAdapter, ValidationError

from ltx_mcp.types.clips import Clip
from ltx_mcp.types.exports import ExportRequest
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import (
    AnimateRequest,
    FinalizeRequest,
    GenerateRequest,
    ImportRequest,
    Request,
    RestyleRequest,
)
from ltx_mcp.types.stages import Stage
from ltx_mcp.types.states import ENDED, JobState, Running, Succeeded
from ltx_mcp.types.timeline import EditRequest

MAX_RESTARTS = 2  # of a job that was at work when its process died: it may be what kills it
MAX_SAMPLED_SEED = 2**53  # larger integers are rounded by hosts that are written in JavaScript
REDACTED = "(refused)"
REQUEST: TypeAdapter[Request] = TypeAdapter(Request)


def sampled_seed() -> int:
    return secrets.randbelow(MAX_SAMPLED_SEED)


@dataclass(frozen=True)
class Job:
    """One request and its state. `process_id` is that of the process that runs it, as `ProcessLock` names it.

    Times are seconds since the epoch: `queued_at` is when it was admitted to a lane, `started_at` when a lane began
    it. `ran_s` is how long the lane took, by a clock that nobody sets. `seed` is what it renders with if the request
    names none, `clip_id` what its clip will be called: both are decided before anything is done, so that whoever goes
    on with the job makes the same clip and sees whether it is there. `roots` are the folders that its inputs may come
    from, None for any. `restarts` counts the processes that died at work on it. `owner` is who asked for it.
    """

    job_id: str
    process_id: str
    request: Request
    plan: Plan | None
    state: JobState
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None
    seed: int = field(default_factory=sampled_seed)
    clip_id: str | None = None
    roots: tuple[Path, ...] | None = ()
    queued_at: float | None = None
    ran_s: float | None = None
    restarts: int = 0
    owner: str = ""

    @property
    def has_ended(self) -> bool:
        return not isinstance(self.state, Running)

    @property
    def waits(self) -> bool:
        """Whether it was admitted and no lane has begun it."""
        return self.queued_at is not None and self.started_at is None


@dataclass(frozen=True)
class Row:
    """A job as the table `jobs` holds it: the columns, in their order."""

    job_id: str
    process_id: str
    request: str
    plan: str | None
    status: str
    state: str | None
    created_at: float
    started_at: float | None
    ended_at: float | None
    seed: int | None
    clip_id: str | None
    roots: str | None
    queued_at: float | None
    ran_s: float | None
    restarts: int
    owner: str


COLUMNS = tuple(column.name for column in fields(Row))


def to_row(job: Job) -> tuple[Any, ...]:
    """In the order of `COLUMNS`."""
    roots = None if job.roots is None else [str(root) for root in job.roots]
    row = Row(
        job_id=job.job_id,
        process_id=job.process_id,
        request=json.dumps(_given(job.request)),
        plan=None if job.plan is None else job.plan.model_dump_json(),
        status=job.state.status,
        state=None if isinstance(job.state, Running) else json.dumps(asdict(job.state)),
        created_at=job.created_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        seed=job.seed,
        clip_id=job.clip_id,
        roots=json.dumps(roots),
        queued_at=job.queued_at,
        ran_s=job.ran_s,
        restarts=job.restarts,
        owner=job.owner,
    )
    return astuple(row)


def _given(request: Request) -> dict[str, Any]:
    """What was asked, without what was left out: to some preparations that is not the same as the default."""
    given = request.model_dump(mode="json", exclude_unset=True) | {"tool": request.tool}
    return given | {"final": _given(request.final)} if isinstance(request, FinalizeRequest) else given


def from_row(values: Sequence[Any]) -> Job:
    """Raises ValueError for a row that no ltx-mcp of this version can have written."""
    row = Row(*values)
    waiting = Running(Stage.LOADING if row.started_at else Stage.QUEUED)
    # Rows of before version 3 do not say where inputs may come from: then from nowhere.
    roots = json.loads(row.roots or "[]")
    try:
        return Job(
            job_id=row.job_id,
            process_id=row.process_id,
            request=REQUEST.validate_json(row.request),
            plan=Plan.model_validate_json(row.plan) if row.plan else None,
            state=ENDED[row.status](**json.loads(row.state)) if row.state else waiting,
            created_at=row.created_at,
            started_at=row.started_at,
            ended_at=row.ended_at,
            seed=sampled_seed() if row.seed is None else row.seed,
            clip_id=row.clip_id,
            roots=None if roots is None else tuple(map(Path, roots)),
            queued_at=row.queued_at,
            ran_s=row.ran_s,
            restarts=row.restarts,
            owner=row.owner,
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"job {row.job_id} cannot be read: {error!r}") from error


def job_of(clip: Clip) -> Job | None:
    """The record of the job that made a clip, as far as the clip tells; None where it does not."""
    if clip.job_id is None:
        return None
    at = clip.created_at.timestamp()
    try:
        request = REQUEST.validate_python(clip.requested)
        plan = Plan.model_validate(clip.effective)
    except ValidationError:
        return None
    state = Succeeded(clip.clip_id)
    return Job(clip.job_id, "", request, plan, state, at, ended_at=at, seed=plan.seed, owner=clip.owner)


def without_words(job: Job) -> Job:
    """The job without any of its texts, of which the clip's id is made too."""
    return replace(job, request=_redacted(job.request), clip_id=None)


def _redacted(request: Request) -> Request:
    """The request without any of its texts: none of what `texts_of` reads is left."""
    no_texts: dict[str, object]
    match request:
        case GenerateRequest():
            no_texts = {"prompt": REDACTED, "then": (), "negative_prompt": None}
        case AnimateRequest():
            no_texts = {"prompt": REDACTED, "negative_prompt": None}
        case RestyleRequest():
            no_texts = {"prompt": REDACTED}
        case ImportRequest():
            no_texts = {"title": REDACTED}
        case FinalizeRequest():
            no_texts = {"final": _redacted(request.final)}
        case EditRequest():
            shots = tuple(shot.model_copy(update={"title": None}) for shot in request.shots)
            no_texts = {"title": REDACTED, "shots": shots, "titles": (), "narration": (), "subtitles": None}
            no_texts["changes"] = tuple(change.model_copy(update={"title": None}) for change in request.changes)
        case ExportRequest():
            no_texts = {"name": None}
        case _:
            assert_never(request)
    return request.model_copy(update=no_texts)

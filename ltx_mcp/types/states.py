"""The states of a job, as a union of small values, to be matched exhaustively."""

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from ltx_mcp import errors
from ltx_mcp.errors import StudioError
from ltx_mcp.types.stages import Stage


@dataclass(frozen=True)
class Running:
    """Queued or in progress: the stage says which. `progress` is 0..1 over the whole job."""

    status: ClassVar[Literal["running"]] = "running"
    stage: Stage = Stage.QUEUED
    progress: float = 0.0


@dataclass(frozen=True)
class Succeeded:
    """`clip_id` is that of the clip that was made; of an export, that of the clip whose `file` was written."""

    status: ClassVar[Literal["succeeded"]] = "succeeded"
    clip_id: str
    file: str | None = None


@dataclass(frozen=True)
class _Told:
    """An end that has a reason, with what to do next."""

    code: str
    message: str
    hint: str = ""

    @classmethod
    def of(cls, error: StudioError) -> Self:
        return cls(error.code, error.message, error.hint)


@dataclass(frozen=True)
class Failed(_Told):
    status: ClassVar[Literal["failed"]] = "failed"


@dataclass(frozen=True)
class Refused(_Told):
    """Moderation refused the texts, the inputs or the finished clip."""

    status: ClassVar[Literal["refused"]] = "refused"


@dataclass(frozen=True)
class Held(_Told):
    """Moderation was not sure: what was made or asked for waits for the person at the machine."""

    status: ClassVar[Literal["held"]] = "held"


@dataclass(frozen=True)
class Cancelled:
    status: ClassVar[Literal["cancelled"]] = "cancelled"


Ended = Succeeded | Failed | Refused | Held | Cancelled
JobState = Running | Ended

ENDED: dict[str, type[Succeeded | Failed | Refused | Held | Cancelled]] = {
    kind.status: kind for kind in (Succeeded, Failed, Refused, Held, Cancelled)
}

BROKEN = Failed("internal", "The studio broke on this job.", "The server's log says why; try once more.")

INTERRUPTED = Failed(
    "interrupted",
    "The server ended three times while it worked on this job, so it is not tried again.",
    "Its log may say why. Ask for a smaller or shorter clip, or once more.",
)


def ended_by(error: BaseException) -> Ended:
    """The state of a job that ended with this error."""
    match error:
        case errors.Cancelled():
            return Cancelled()
        case errors.Refused():
            return Refused.of(error)
        case errors.HeldForReview():
            return Held.of(error)
        case StudioError():
            return Failed.of(error)
        case _:  # a panic in a library's Rust is not an Exception
            return BROKEN

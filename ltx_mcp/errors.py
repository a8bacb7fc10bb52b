"""What can go wrong, as one tree. Each error says what happened and what to do next.

    StudioError                 an expected failure; its text reaches the model
    ├── BadInput                an argument cannot be used as it is
    │   └── NotFound            no job or clip has that id
    ├── TooLarge                more than this machine can make; names the largest that fits
    ├── QueueFull               the queue is full
    ├── Refused                 moderation refused the text, the input or the clip
    ├── HeldForReview           moderation is not sure: the person at the machine decides
    ├── ModerationUnavailable   no classifier is available, so nothing passes
    ├── ModelUnavailable        the model cannot be loaded: weights, licence, memory or disk
    ├── RenderFailed            the pipeline failed
    │   ├── OutOfMemory         the device has too little memory for it
    │   └── DeviceLost          the device is of no use to this process any more; another one can go on
    ├── MediaError              a media file could not be written or read
    ├── ArchiveError            the clip could not be stored
    │   └── Busy                another program holds the job records
    ├── SigningFailed           a file could not be signed; it is kept unsigned, and says so
    └── IndexUnavailable        the search index cannot be read
    SettingsError               the settings are not valid; lists every problem, before anything starts
    Cancelled                   not a failure: unwinds the lane's thread once a job is cancelled

`StudioError` is a `ToolError`, the only exception whose text the MCP SDK (2.3) shows to the model.
"""

from mcp.server.mcpserver.exceptions import ToolError


class StudioError(ToolError):
    """A failure with a remedy. `code` is stable and machine-readable; `hint` says what to do next."""

    code = "failed"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message = message
        self.hint = hint


class BadInput(StudioError):
    code = "bad_input"


class NotFound(BadInput):
    code = "not_found"


class TooLarge(StudioError):
    code = "too_large"


class QueueFull(StudioError):
    code = "queue_full"


class Refused(StudioError):
    code = "refused"


class HeldForReview(StudioError):
    code = "held_for_review"


class ModerationUnavailable(StudioError):
    code = "moderation_unavailable"


class ModelUnavailable(StudioError):
    code = "model_unavailable"


class RenderFailed(StudioError):
    code = "render_failed"


class OutOfMemory(RenderFailed):
    code = "out_of_memory"


class DeviceLost(RenderFailed):
    code = "device_lost"


class MediaError(StudioError):
    code = "media_failed"


class ArchiveError(StudioError):
    code = "archive_failed"


class Busy(ArchiveError):
    code = "busy"


class SigningFailed(StudioError):
    code = "signing_failed"


class IndexUnavailable(StudioError):
    code = "index_unavailable"


def error_with(code: str, message: str, hint: str) -> StudioError:
    """The error that another process told of."""
    kinds: list[type[StudioError]] = [*StudioError.__subclasses__(), NotFound, OutOfMemory, DeviceLost, Busy]
    kind = next((kind for kind in kinds if kind.code == code), StudioError)
    return kind(message, hint)


class SettingsError(Exception):
    """The settings cannot be used; the text lists every problem, one a line."""


class Cancelled(Exception):
    """Raised on the lane's thread, between steps, once the job's token is set."""

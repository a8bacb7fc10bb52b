"""Why something of the hub cannot be had, in words that carry the remedy.

`instead` is always what the user may do without the hub, as it stands after "or": "set LTX_MCP_MODEL=micro".
"""

import errno
import re
from collections.abc import Iterator
from pathlib import Path

from ltx_mcp.errors import ModelUnavailable, NotFound, StudioError


def unlicensed(what: str, licence: str, url: str) -> ModelUnavailable:
    """What to raise before anything is fetched whose licence nobody has accepted."""
    return ModelUnavailable(
        f"{what} would be fetched under {licence}.",
        f"Read {url}, then let the user run ltx-mcp licence --accept, or set LTX_MCP_ACCEPT_LICENCE=1. "
        "Nothing is downloaded before.",
    )


def gated(repo: str) -> ModelUnavailable:
    """What to raise where the hub answers that it wants a login which accepted the repository's terms."""
    return ModelUnavailable(
        f"The repository {repo} is gated.",
        f"Accept its terms on https://huggingface.co/{repo}, then set HF_TOKEN to a token of that account (or run "
        "`hf auth login`).",
    )


def no_room(what: str, missing: int, cache: Path, free: int, instead: str) -> ModelUnavailable:
    """`missing` bytes are still to be fetched, and so many are `free`."""
    return ModelUnavailable(
        f"{what} needs {missing / 1e9:.1f} GB more in {cache}; {free / 1e9:.1f} GB are free.",
        f"Make room, point HF_HOME at a larger disk, or {instead}.",
    )


def explained(error: BaseException, repo: str, instead: str) -> StudioError:
    """What the hub, or a loader that asked it, meant by this error. `repo` may be a folder too."""
    from huggingface_hub import errors

    if isinstance(error, errors.RevisionNotFoundError):
        return NotFound(f"{repo} has no such revision.", "Leave revision out for the newest.")
    if isinstance(error, errors.RemoteEntryNotFoundError):
        return NotFound(f"{repo} has no such file.", "Check the spelling.")
    missing = isinstance(error, errors.RepositoryNotFoundError) and not isinstance(error, errors.GatedRepoError)
    if missing or isinstance(error, errors.HFValidationError):
        return NotFound(f"There is no repository {repo} on the hub, or it is private.", "Check the spelling.")
    if (closed := gated_repository(error)) is not None:
        return gated(closed or repo)
    if any(isinstance(each, OSError) and each.errno == errno.ENOSPC for each in _chain(error)):
        hint = f"Make room, point HF_HOME at a larger disk, or {instead}. What was fetched is kept."
        return ModelUnavailable(f"The disk was full before {repo} was whole.", hint)
    reason = str(error).partition("\n")[0].rstrip(".")
    hint = f"Check {'the folder' if Path(repo).is_absolute() else 'the network, the disk and HF_TOKEN'}, or {instead}."
    return ModelUnavailable(f"{repo} could not be loaded: {reason}.", hint)


def gated_repository(error: BaseException) -> str | None:
    """The repository that answered "not for you" (HTTP 401 or 403), "" if it cannot be told; None for other errors."""
    for each in _chain(error):
        response = getattr(each, "response", None)
        if getattr(response, "status_code", None) in (401, 403) or type(each).__name__ == "GatedRepoError":
            found = re.search(r"huggingface\.co/(?:api/models/)?([\w.-]+/[\w.-]+)", str(each))
            return found[1] if found else ""
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

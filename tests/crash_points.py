"""The moments between two durable steps of a job, each by a name: what a crash there leaves must be gone on from."""

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from ltx_mcp.archive import library
from ltx_mcp.archive.draft_latents import DraftLatents
from ltx_mcp.archive.exports import Exports
from ltx_mcp.archive.library import Library
from ltx_mcp.index.store import ClipIndex
from ltx_mcp.jobs.store import JobStore
from ltx_mcp.media import export

STEPS: dict[str, tuple[Any, str]] = {
    "record": (JobStore, "_write_live"),
    "adopt": (JobStore, "adopt"),
    "stage": (Library, "stage"),
    "noted": (Exports, "add"),  # an export that is whole, and has not been given its name
    "named": (export, "_put_in_place"),
    "latents": (DraftLatents, "keep"),
    "publish": (Library, "publish"),
    "sync": (library, "sync"),  # of each file, and then of the folder that the clip was renamed into
    "index": (ClipIndex, "add"),
    "discard": (Library, "discard"),
    "remove": (Library, "remove"),
}
POINTS = [f"{when} {step}" for step in STEPS for when in ("before", "after")]

Reached = Callable[[str], None]
"""Called with the point that was reached, on whichever thread takes the step."""


@contextmanager
def watched(reached: Reached) -> Iterator[None]:
    """Tell `reached` of every point until the block is left; the steps themselves stay what they are."""
    with ExitStack() as stack:
        for step, (owner, name) in STEPS.items():
            original = getattr(owner, name)
            setattr(owner, name, _told(original, step, reached))
            stack.callback(setattr, owner, name, original)
        yield


def _told(original: Callable[..., Any], step: str, reached: Reached) -> Callable[..., Any]:
    async def finished(work: Awaitable[Any]) -> Any:
        result = await work
        reached(f"after {step}")
        return result

    @functools.wraps(original)
    def told(*args: Any, **rest: Any) -> Any:
        reached(f"before {step}")
        result = original(*args, **rest)
        if inspect.isawaitable(result):
            return finished(result)
        reached(f"after {step}")
        return result

    return told

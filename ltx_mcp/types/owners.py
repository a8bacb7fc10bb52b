"""Whose call it is, and so whose jobs and clips are there.

The machine's own user, on stdio, at the command line and over HTTP without a name, is the owner "". A caller over HTTP
whose token has a name is another owner. What belongs to an owner is not there for anybody else.

The owner travels in the context of the call: into tasks and threads that it starts, and onto a lane with its job.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_CALLER = ContextVar("caller", default="")


def caller() -> str:
    """The owner on whose behalf this code runs."""
    return _CALLER.get()


@contextmanager
def calling(owner: str) -> Iterator[None]:
    """Run the block on behalf of this owner."""
    token = _CALLER.set(owner)
    try:
        yield
    finally:
        _CALLER.reset(token)

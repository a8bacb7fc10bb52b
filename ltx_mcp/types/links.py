"""Where a caller who is not on this machine finds a clip's file: what makes such links travels in the call's context.

Only callers over HTTP have any; elsewhere a clip's path is enough.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

MakeLink = Callable[[str, str], str]
"""From a clip's id and the name of one of its files to the URL of that file."""

_MAKE_LINK: ContextVar[MakeLink | None] = ContextVar("make_link", default=None)


def link_to(clip_id: str, kind: str) -> str | None:
    """The URL of the video or photo of a clip of this kind; None where callers have none."""
    make_link = _MAKE_LINK.get()
    return None if make_link is None else make_link(clip_id, "photo.jpg" if kind == "photo" else "video.mp4")


@contextmanager
def linking(make_link: MakeLink) -> Iterator[None]:
    """Run the block for a caller who is given such links."""
    token = _MAKE_LINK.set(make_link)
    try:
        yield
    finally:
        _MAKE_LINK.reset(token)

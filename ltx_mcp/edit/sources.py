"""What a shot can be made from: a stretch of video, or a still image."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from ltx_mcp.errors import StudioError
from ltx_mcp.media.footage import Footage
from ltx_mcp.types.frames import Frame


@dataclass(frozen=True)
class VideoSource:
    """A stretch of video."""

    footage: Footage

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels as shown."""
        return self.footage.width, self.footage.height


@dataclass(frozen=True)
class StillSource:
    """A still image. It is not held: `load` reads it when its shot is rendered, and raises what reading it raises.

    `shapes`: whether the film may take its shape and size from it.
    """

    size: tuple[int, int]
    load: Callable[[], Frame]
    shapes: bool = True


Source = VideoSource | StillSource

BLACK_STILL = StillSource((1280, 720), lambda: np.zeros((36, 64, 3), dtype=np.uint8), shapes=False)
"""Black, of any shape. A film of nothing else has this size."""


@contextmanager
def naming(*shots: int) -> Iterator[None]:
    """Errors inside the block say which shots they are about, numbered from 1."""
    try:
        yield
    except StudioError as error:
        named = f"Shot {shots[0]}" if len(shots) == 1 else f"Shots {' and '.join(map(str, shots))}"
        raise type(error)(f"{named}: {error.message}", error.hint) from error

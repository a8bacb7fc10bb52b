"""Which frames of a clip the index looks at: a few, spread evenly, always the first and the last."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.media.resize import shrink
from ltx_mcp.types.frames import Frame

SHORT_SIDE = 384  # pixels; the largest input of the open_clip models of reference size (ViT-L-14-336, SigLIP2-384)
MAX_SAMPLES = 40  # of a clip that is one shot


@dataclass(frozen=True)
class Samples:
    """Frames and when they are shown: `times_s` is float64 (n,), in seconds from the clip's start, ascending."""

    times_s: NDArray[np.float64]
    frames: list[Frame]


def sampled_places(
    fps: float, frames: int, per_second: float = 2, max_samples: int = MAX_SAMPLES, shots: Collection[int] = ()
) -> list[int]:
    """The numbers of the frames that are kept of a clip, from 0, ascending.

    `shots` are frames that stand for the shots of a film: they are always kept, so that each can be found.
    """
    count = min(max(2, round(frames / fps * per_second) + 1), max_samples)
    return sorted({round(place) for place in np.linspace(0, max(0, frames - 1), count)}.union(shots))


class FrameSampler:
    """Watches a stream of frames and keeps downscaled copies of a few.

    Memory is bounded: at most `max_samples` copies and one a shot, whose short side is at most 384 pixels, and a
    reference to the newest frame, because a stream may end earlier than it was planned to.
    """

    def __init__(
        self,
        fps: float,
        frames: int,
        per_second: float = 2,
        max_samples: int = MAX_SAMPLES,
        shots: Collection[int] = (),
    ) -> None:
        self._fps = fps
        self._wanted = set(sampled_places(fps, frames, per_second, max_samples, shots))
        self._max_samples = max_samples + len(shots)
        self._kept: dict[int, Frame] = {}
        self._newest: tuple[int, Frame] | None = None

    def see(self, index: int, frame: Frame) -> None:
        """`frame` is number `index` of the clip, from 0; called in order."""
        self._newest = (index, frame)
        if index in self._wanted:
            self._kept[index] = shrink(frame, SHORT_SIDE)

    @property
    def samples(self) -> Samples:
        """What was kept so far; the newest frame seen is always the last."""
        kept = dict(self._kept)
        if self._newest is not None and self._newest[0] not in kept:
            if len(kept) >= self._max_samples:
                kept.popitem()
            kept[self._newest[0]] = shrink(self._newest[1], SHORT_SIDE)
        return Samples(np.array(list(kept), dtype=np.float64) / self._fps, list(kept.values()))

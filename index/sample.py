"""Which frames of a clip the index looks at: a few, spread evenly, always the first and the last, and one a shot."""

from collections.abc import Collection, MutableSequence, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.index.spool import SpooledFrames
from ltx_mcp.media.resize import shrink, shrunk_size
from ltx_mcp.media.shot_detection import ShotDetector, lag_frames
from ltx_mcp.types.frames import Frame

SHORT_SIDE = 384  # pixels; the largest input of the open_clip models of reference size (ViT-L-14-336, SigLIP2-384)
PER_S = 2.0
MAX_SAMPLES = 40  # evenly spread, of a clip of 80 s or less
LONGEST_GAP_S = 2.0  # between those of longer footage
_IN_MEMORY = 60  # frames of at most about 1 MB


@dataclass(frozen=True)
class Samples:
    """Frames and when they are shown: `times_s` is float64 (n,), in seconds from the clip's start, ascending."""

    times_s: NDArray[np.float64]
    frames: Sequence[Frame]


def sampled_places(fps: float, frames: int, shots: Collection[int] = (), cuts_s: Collection[float] = ()) -> list[int]:
    """The numbers of the frames that are kept of a clip, from 0, ascending.

    `shots` are frames that stand for the shots of a film: they are always kept, so that each can be found. So is one
    soon after each of `cuts_s`, when ShotDetector knows of it.
    """
    length_s = frames / fps
    most = max(MAX_SAMPLES, round(length_s / LONGEST_GAP_S) + 1)
    count = min(max(2, round(length_s * PER_S) + 1), most)
    spread = {round(place) for place in np.linspace(0, max(0, frames - 1), count)}
    begun = {min(frames - 1, round(cut_s * fps) + lag_frames(fps)) for cut_s in cuts_s}
    return sorted(spread.union(shots, begun))


def sampled_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) of the copies of a frame that are kept."""
    return shrunk_size(width, height, SHORT_SIDE)


class FrameSampler:
    """Watches a stream of frames, finds its cuts, and keeps downscaled copies of a few.

    Memory is bounded: copies whose short side is at most 384 pixels, of longer footage in a file on the disk of
    `folder`, and a reference to the newest frame, because a stream may end earlier than it was planned to.
    """

    def __init__(self, fps: float, frames: int, shots: Collection[int] = (), folder: Path | None = None) -> None:
        self._fps = fps
        self._wanted = frozenset(sampled_places(fps, frames, shots))
        self._detector = ShotDetector(fps)
        spooled = folder is not None and len(self._wanted) > _IN_MEMORY
        self._frames: MutableSequence[Frame] | SpooledFrames = SpooledFrames(folder) if spooled else []
        self._places: list[int] = []
        self._newest: tuple[int, Frame] | None = None

    def see(self, index: int, frame: Frame) -> bool:
        """`frame` is number `index` of the clip, from 0; called in order. Whether it is kept."""
        self._newest = (index, frame)
        kept = self._detector.see(index, frame) or index in self._wanted
        if kept:
            self._keep(index, frame)
        return kept

    @property
    def cuts_s(self) -> tuple[float, ...]:
        """When each shot after the first begins, in seconds."""
        return self._detector.cuts_s

    @property
    def samples(self) -> Samples:
        """What was kept so far; the newest frame seen is always the last."""
        if self._newest is not None and self._newest[0] not in self._places[-1:]:
            self._keep(*self._newest)
        return Samples(np.array(self._places, dtype=np.float64) / self._fps, self._frames)

    def _keep(self, index: int, frame: Frame) -> None:
        self._places.append(index)
        self._frames.append(shrink(frame, SHORT_SIDE))

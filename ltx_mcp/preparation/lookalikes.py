"""Which clips of the archive a file looks like: by the hashes of their frames, and then by the frames themselves.

That two films look alike proves nothing, but survives what drops manifests.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ltx_mcp.archive.clip_frames import frames_at
from ltx_mcp.archive.fingerprints import read_fingerprint
from ltx_mcp.errors import StudioError
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.provenance.likeness import likeness
from ltx_mcp.provenance.looks import Looks, looks_at_image, looks_at_video
from ltx_mcp.provenance.matching import Match, match, spread
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.frames import Frame

log = logging.getLogger(__name__)

_COMPARED = 5  # frames of a match whose pixels are compared
_ALIKE = 0.95  # their median correlation in a copy; docs/trust.md says what was measured
_SIDE = 192  # pixels of the longer side of an original's frame
_LIKELY = 8  # clips whose frames are read, those with the most hashes alike


@dataclass(frozen=True)
class Lookalike:
    """A clip that a file may be a copy of: how alike their frames are (0..1), and the seconds of it that are."""

    clip: Clip
    likeness: float
    common_s: float


def lookalikes(reference: str, inputs: Inputs, clips: Sequence[Clip]) -> list[Lookalike]:
    """Those that the file may be a copy of, the one that explains most of it first.

    Raises BadInput, NotFound; MediaError for what is neither a video nor an image.
    """
    looks = _looks(reference, inputs, {round(clip.width / clip.height, 2) for clip in clips})
    likely = sorted(_likely(clips, looks), key=lambda found: found.rank, reverse=True)[:_LIKELY]
    compared = [Lookalike(each.clip, _compared(each), each.common_s) for each in likely]
    # Of a clip and a film that holds a part of it, the one that explains more of the file comes first.
    compared.sort(key=lambda each: (round(each.common_s), each.likeness), reverse=True)
    return [each for each in compared if each.likeness >= _ALIKE]


def _looks(reference: str, inputs: Inputs, shapes: Collection[float]) -> list[Looks]:
    if (photo := inputs.photo(reference)) is not None:
        return looks_at_image(photo[1].frame, shapes)
    return looks_at_video(inputs.footage(reference), shapes)


@dataclass(frozen=True)
class _Likely:
    """A clip of which the file may be a copy, by what was looked at with bars and without."""

    clip: Clip
    found: tuple[tuple[Looks, Match], ...]

    @property
    def common_s(self) -> float:
        """Seconds of the file that the clip explains."""
        return max(by.common_s for _, by in self.found)

    @property
    def rank(self) -> tuple[int, float]:
        return round(self.common_s), max(by.share for _, by in self.found)


def _likely(clips: Sequence[Clip], looks: Sequence[Looks]) -> Iterator[_Likely]:
    for clip in clips:
        try:
            fingerprint = read_fingerprint(clip)
        except StudioError as error:
            log.warning("%s cannot be compared: %s", clip.clip_id, error)
            continue
        found = ((each, match(fingerprint, each.times_s, each.hashes)) for each in looks)
        if matches := tuple((each, by) for each, by in found if by is not None):
            yield _Likely(clip, matches)


def _compared(likely: _Likely) -> float:
    """How alike frames of the clip and of the file are, which show the same if it is a copy; 0 if it cannot be read."""
    pairs = [(looks, by, spread(by.pairs, _COMPARED)) for looks, by in likely.found]
    times_s = sorted({time_s for _, _, chosen in pairs for time_s, _ in chosen})
    try:
        originals = dict(zip(times_s, frames_at(likely.clip, times_s, _SIDE), strict=True))
    except StudioError as error:
        log.warning("%s cannot be compared: %s", likely.clip.clip_id, error)
        return 0.0
    return max(
        _alike_at(looks, by, [(originals[time_s], place) for time_s, place in chosen]) for looks, by, chosen in pairs
    )


def _alike_at(looks: Looks, by: Match, pairs: Sequence[tuple[Frame, int]]) -> float:
    """Each original is compared with the looks around its own: at another rate, none is at exactly its time."""
    alike = [
        max(likeness(look, original, by.box) for look in looks.frames[max(0, place - 1) : place + 2])
        for original, place in pairs
    ]
    return round(float(np.median(alike)), 3)

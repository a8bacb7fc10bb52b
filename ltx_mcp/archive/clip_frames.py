"""Frames of clips of the archive, read back from their files. They block on the disk."""

from collections.abc import Sequence

import numpy as np
from anyio import from_thread

from ltx_mcp.archive.originals import playable
from ltx_mcp.index.sample import SHORT_SIDE, Samples, sampled_places, sampled_size
from ltx_mcp.index.spool import SpooledFrames
from ltx_mcp.media.footage import ANY_LENGTH_S, open_footage, read_video
from ltx_mcp.media.images import read_image
from ltx_mcp.media.probe import read_frames
from ltx_mcp.media.resize import contain, shrink
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.frames import Frame


def read_samples(clip: Clip) -> Samples:
    """The frames that the index embedded when the clip was published. To be called on a worker thread of anyio.

    Raises NotFound for footage whose file has moved, MediaError.
    """
    if clip.kind == "photo":
        return Samples(np.zeros(1), [shrink(_photo(clip), SHORT_SIDE)])
    places = sampled_places(clip.fps, clip.frames, clip.shot_frames, clip.cuts_s or ())
    times_s = np.array(places) / clip.fps
    if clip.in_place:
        return Samples(times_s, _footage_samples(clip, places))
    return Samples(times_s, [shrink(frame, SHORT_SIDE) for _, frame in read_frames(clip.path, times_s.tolist())])


def frame_at(clip: Clip, at_s: float, max_side: int | None = None) -> Frame:
    """What is shown at that time, its longer side at most `max_side` pixels. Raises NotFound, MediaError."""
    return frames_at(clip, [at_s], max_side)[0]


def frames_at(clip: Clip, times_s: Sequence[float], max_side: int | None = None) -> list[Frame]:
    """The same for several times, ascending, in one pass."""
    if clip.kind == "photo":
        frame = _photo(clip)
        return [frame if max_side is None else contain(frame, max_side, max_side) for _ in times_s]
    shown = list(read_frames(playable(clip), times_s, max_side))  # each frame once, though two times may show it
    return [
        next((frame for at_s, frame in reversed(shown) if at_s <= time_s + 1e-3), shown[0][1]) for time_s in times_s
    ]


def _photo(clip: Clip) -> Frame:
    """Raises NotFound, BadInput."""
    path = playable(clip)
    return read_image(path.read_bytes(), path.name)


def _footage_samples(clip: Clip, places: list[int]) -> SpooledFrames:
    """One pass over the file, as when it was imported: what is read may be hours long."""
    footage = open_footage(playable(clip), clip.clip_id, longest_s=ANY_LENGTH_S)
    wanted, kept = set(places), SpooledFrames()
    frames = read_video(footage, *sampled_size(footage.width, footage.height), clip.fps, clip.frames)
    for index, frame in enumerate(frames):
        if index in wanted:
            from_thread.check_cancelled()
            kept.append(frame)
    return kept

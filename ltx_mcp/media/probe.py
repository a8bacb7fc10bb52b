"""Reads clips and imported videos: what is in a file, and its frames at given times. The file may be hostile."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ltx_mcp.errors import MediaError
from ltx_mcp.media.decoding import DEINTERLACED, frame_filters, open_at, same_clock
from ltx_mcp.media.ffmpeg import FFmpeg
from ltx_mcp.media.framecrc import HINT, list_times
from ltx_mcp.media.passes import frames_with_times, read_frame
from ltx_mcp.media.read_source import read_source
from ltx_mcp.media.resize import size_within
from ltx_mcp.media.source import Source
from ltx_mcp.types.frames import Frame

_LIMIT_S = 60.0  # for each frame; longer means a file made to stall us
_BATCH = 64  # frames for one ffmpeg run: keeps the select expression short
_GAP_S = 4.0  # between times further apart another run begins: seeking costs less than decoding on
_GRACE_S = 0.0005  # a time that was printed with three decimals still means its own frame
_WITHOUT_TIMES = frozenset({"avi"})  # containers whose packets do not say when they are shown
_NEAREST_S = 0.0002  # half of what two frames are at least apart, to tell them by their times


@dataclass(frozen=True)
class Probe:
    """What a video file holds. Sizes in pixels as shown: upright, the pixels made square; `frames` is an exact count.

    `end_s` is when the last frame or sound is over, on the clock that starts with the file.
    """

    width: int
    height: int
    fps: float
    frames: int
    duration_s: float
    end_s: float
    has_audio: bool
    audio_duration_s: float
    codec: str
    audio_codec: str | None


def probe(path: Path) -> Probe:
    """Count the packets and decode one frame. Raises MediaError for anything but a video that opens."""
    source = read_source(path, until_s=None)
    video, audio = source.video, source.audio
    return Probe(
        width=video.size[0],
        height=video.size[1],
        fps=source.fps,
        frames=video.frames,
        duration_s=video.frames / source.fps,
        end_s=source.end_s,
        has_audio=audio is not None,
        audio_duration_s=audio.end_s - audio.start_s if audio else 0.0,
        codec=video.codec,
        audio_codec=audio.codec if audio else None,
    )


def read_frames(
    video: Path | Source, times_s: Sequence[float], max_side: int | None = None
) -> Iterator[tuple[float, Frame]]:
    """(its own time in seconds, frame) of the frames shown at `times_s`, each once, in order of time.

    A time past the end means the last frame. `max_side` in pixels shrinks, never grows, keeping the shape.
    Raises MediaError. Frames are decoded while they are pulled; memory does not grow with the file.
    """
    source = video if isinstance(video, Source) else read_source(video)
    size = size_within(source.video.size, max_side)
    last_s = -1.0
    for batch in _batches(sorted(set(times_s))):
        for time_s, frame in _on_screen(source, batch, size):
            if time_s > last_s:
                last_s = time_s
                yield time_s, frame


def _batches(times_s: Sequence[float]) -> list[list[float]]:
    """Times that are worth one run each."""
    batches: list[list[float]] = []
    for time_s in times_s:
        if not batches or len(batches[-1]) == _BATCH or time_s - batches[-1][-1] > _GAP_S:
            batches.append([])
        batches[-1].append(time_s)
    return batches


def _on_screen(source: Source, times_s: Sequence[float], size: tuple[int, int]) -> Iterator[tuple[float, Frame]]:
    """The frames on screen at times that lie close together, each once."""
    if source.container in _WITHOUT_TIMES or source.video.of_fields:
        yield from _passed(source, times_s, size)
        return
    shown_at = _shown_at(source, times_s[0], times_s[-1])
    wanted = sorted({shown_at[max(0, bisect_right(shown_at, time_s + _GRACE_S) - 1)] for time_s in times_s})
    yield from zip(wanted, _decode(source, wanted, shown_at, size), strict=True)


def _passed(source: Source, times_s: Sequence[float], size: tuple[int, int]) -> Iterator[tuple[float, Frame]]:
    """The same from the decoded frames alone, all of which are brought to the size."""
    left = list(times_s)
    before: tuple[float, Frame] | None = None
    begins_s = min(left[0], source.video.end_s) if source.is_whole else left[0]  # beyond the end nothing is found
    with closing(frames_with_times(source, size, begins_s)) as frames:
        for frame, time_s in frames:
            if before is not None and left[0] + _GRACE_S < time_s:
                yield before
                while left and left[0] + _GRACE_S < time_s:
                    left.pop(0)
            before = (time_s, frame)
            if not left:
                return
    if before is None:
        raise MediaError(f"{source.path.name} has no frame at {left[0]:.3f} s that decodes.", HINT)
    yield before


def _shown_at(source: Source, first_s: float, last_s: float) -> list[float]:
    """When frames appear, from the one on screen at the first time to the one at the last, ascending."""
    first_s = max(first_s, source.video.start_s)
    opened, lead_s = open_at(source, first_s)
    listed = list_times(opened, source.video.index, last_s - first_s + lead_s + 1.0, source.path, same_clock(source))
    times_s = [time_s + first_s - lead_s for time_s in listed]
    shown = sorted({time_s for time_s in times_s if time_s > source.video.start_s - _NEAREST_S})
    if not shown or shown[0] > first_s + _GRACE_S > source.video.start_s + 2 * _GRACE_S:
        # A seek past the end, or one that found no key frame before: then from the beginning.
        opened, _ = open_at(source, 0.0)
        shown = sorted(list_times(opened, source.video.index, None, source.path, same_clock(source)))
        shown = [time_s for time_s in shown if time_s > source.video.start_s - _NEAREST_S]
    if not shown:
        raise MediaError(f"{source.path.name} has no frame at {first_s:.3f} s that decodes.", HINT)
    return shown


def _decode(
    source: Source, wanted_s: Sequence[float], shown_at: Sequence[float], size: tuple[int, int]
) -> Iterator[Frame]:
    """Frames of these times, ascending: seek to the key frame before the first, decode on to the last."""
    width, height = size
    opened, lead_s = open_at(source, wanted_s[0])
    shift_s = lead_s - wanted_s[0]
    near_s = min([_NEAREST_S * 2, *(later - earlier for earlier, later in pairwise(shown_at))]) / 2.1
    chosen = "+".join(f"lt(abs(t-{time_s + shift_s:.6f}),{near_s:.6f})" for time_s in wanted_s)
    filters = [*([DEINTERLACED] if source.video.interlaced else []), f"select='{chosen}'"]
    filters += frame_filters(source.video, width, height)
    args = [*opened, "-map", f"0:{source.video.index}", "-vf", ",".join(filters), "-fps_mode", "passthrough"]
    args += ["-frames:v", str(len(wanted_s)), "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1", *same_clock(source)]
    with FFmpeg(args, pipe_out=True) as ffmpeg:
        for time_s in wanted_s:
            frame = read_frame(ffmpeg, width, height, _LIMIT_S)
            if frame is None:
                ffmpeg.finish(_LIMIT_S)
                raise MediaError(f"{source.path.name} has no frame at {time_s:.3f} s that decodes.", HINT)
            yield frame

"""Reads clips and imported videos: what is in a file, and its frames at given times. The file may be hostile."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ltx_mcp.errors import MediaError
from ltx_mcp.media.colour import TO_RGB, scale_filter
from ltx_mcp.media.ffmpeg import FFmpeg, input_args
from ltx_mcp.media.framecrc import HINT, first_frame, list_packets
from ltx_mcp.media.resize import size_within
from ltx_mcp.types.frames import Frame

_LIMIT_S = 60.0  # for each frame; longer means a file made to stall us
_BATCH = 64  # frames for one ffmpeg run: keeps the select expression short, and skips far between them


@dataclass(frozen=True)
class Probe:
    """What a video file holds. Sizes in pixels as shown: upright, the pixels made square; `frames` is an exact count.

    `end_s` is when the last frame is over, on the clock that starts with the file.
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


def probe(path: Path, until_s: float | None = None) -> Probe:
    """Count the packets, those before `until_s` only if it is given, and decode one frame.

    Raises MediaError for anything but a video that opens.
    """
    video, audio = list_packets(path, until_s)
    shown = first_frame(path)
    times_s, audio_times_s = video.times_s, audio.times_s if audio else []
    fps = _rate(times_s, float(1 / shown.tick_s))
    last_s = max(times_s)
    return Probe(
        width=shown.size_shown[0],
        height=shown.size_shown[1],
        fps=fps,
        frames=len(times_s),
        duration_s=len(times_s) / fps,
        end_s=video.end_s if video.end_s > last_s else last_s + 1 / fps,
        has_audio=audio is not None,
        audio_duration_s=audio.end_s - max(0.0, min(audio_times_s)) if audio else 0.0,
        codec=video.codec,
        audio_codec=audio.codec if audio else None,
    )


def read_frames(path: Path, times_s: Sequence[float], max_side: int | None = None) -> Iterator[tuple[float, Frame]]:
    """(its own time in seconds, frame) of the frames shown at `times_s`, each once, in order of time.

    A time past the end means the last frame. `max_side` in pixels shrinks, never grows, keeping the shape.
    Raises MediaError. Frames are decoded while they are pulled.
    """
    shown_at = sorted(list_packets(path)[0].times_s)
    size = size_within(first_frame(path).size_shown, max_side)
    # Half a millisecond of grace: a time that was printed with three decimals still means its own frame.
    wanted = sorted({max(0, bisect_right(shown_at, time_s + 0.0005) - 1) for time_s in times_s})
    for start in range(0, len(wanted), _BATCH):
        batch = wanted[start : start + _BATCH]
        for index, frame in zip(batch, _decode(path, shown_at, batch, size), strict=True):
            yield shown_at[index], frame


def _rate(times_s: Sequence[float], declared: float) -> float:
    """The declared frame rate where the frames keep to it, else their average: the rate may vary."""
    if len(times_s) < 2:
        return declared
    lasting = max(times_s) - min(times_s)
    measured = (len(times_s) - 1) / lasting if lasting else declared
    return declared if abs(measured - declared) < 0.01 * declared else measured


def _decode(path: Path, shown_at: Sequence[float], wanted: Sequence[int], size: tuple[int, int]) -> Iterator[Frame]:
    """Frames of these indices, ascending: seek to the first, decode on to the last."""
    first, (width, height) = wanted[0], size
    # Between the first wanted frame and the one before it: then the first frame that comes is the wanted one.
    seek = ["-ss", f"{(shown_at[first - 1] + shown_at[first]) / 2:.6f}"] if first else []
    chosen = "+".join(f"eq(n,{index - first})" for index in wanted)
    filters = f"select='{chosen}',{scale_filter(width, height)},{TO_RGB}"
    args = [*seek, *input_args(path), "-map", "0:V:0", "-vf", filters, "-fps_mode", "passthrough"]
    args += ["-frames:v", str(len(wanted)), "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
    with FFmpeg(args, pipe_out=True) as ffmpeg:
        for index in wanted:
            with ffmpeg.within(_LIMIT_S):
                pixels = ffmpeg.stdout.read(width * height * 3)
            if len(pixels) < width * height * 3:
                ffmpeg.finish(_LIMIT_S)
                raise MediaError(f"{path.name} has no frame at {shown_at[index]:.3f} s that decodes.", HINT)
            yield np.frombuffer(bytearray(pixels), dtype=np.uint8).reshape(height, width, 3)  # writable: torch wants it

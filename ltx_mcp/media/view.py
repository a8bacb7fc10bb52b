"""Looks at a stretch of video: a JPEG of frames with their times, its loudness and its cuts as numbers.

What an agent sees of a clip between its contact sheet and watching it. The file may be hostile.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ltx_mcp.errors import MediaError
from ltx_mcp.media.contact_sheet import draw_frames, draw_one
from ltx_mcp.media.ffmpeg import FFmpeg, input_args
from ltx_mcp.media.footage import open_footage, read_video
from ltx_mcp.media.probe import read_frames
from ltx_mcp.media.resize import contain, size_within
from ltx_mcp.media.shot_detection import NEIGHBOURHOOD_S, ShotDetector
from ltx_mcp.types.clip_requests import MAX_VIEWED, ViewSize
from ltx_mcp.types.frames import Frame

MAX_SCAN_S = 600.0  # of a stretch that is listened to and searched for cuts: a minute's work at 1080p
SILENCE_DB = -100.0  # what digital silence counts as: JSON has no infinity
SILENCE_LUFS = -70.0  # the gate of EBU R128: nothing quieter counts
SIDES: dict[ViewSize, int] = {"small": 768, "medium": 1280, "large": 1920}  # pixels of the image's longer side
MAX_VIEW_BYTES = 600_000  # 800,000 in base64: with its text, a result stays under the 900 KB that hosts take

_LIMIT_S = 300.0  # for one pass over the stretch
_SCANNED_SIDE = 128  # pixels of the frames that are searched for cuts
_LOUDNESS_RATE = 48_000


@dataclass(frozen=True)
class Stretch:
    """Part of a video file, in seconds, or a `photo`. `label` stands before the times of its frames where there are
    several.
    """

    path: Path
    start_s: float
    end_s: float
    has_audio: bool
    label: str = ""
    photo: Frame | None = None


@dataclass(frozen=True)
class Loudness:
    """Of a stretch: `integrated_lufs` by EBU R128, and the RMS level of each second in dB of full scale."""

    integrated_lufs: float
    per_second_db: tuple[float, ...]


def spread(start_s: float, end_s: float, count: int) -> list[float]:
    """`count` times over a stretch, in the middle of equal parts: neither the first frame nor the one after the end."""
    return [start_s + (end_s - start_s) * (place + 0.5) / count for place in range(count)]


def view_frames(wanted: Sequence[tuple[Stretch, Sequence[float]]], size: ViewSize = "medium") -> bytes:
    """A JPEG of the frames at these times of each stretch, each above its time; a single one is shown whole.

    At most `MAX_VIEWED` frames, under `MAX_VIEW_BYTES`. Raises MediaError.
    """
    count = sum(len(times_s) for _, times_s in wanted)
    if not 1 <= count <= MAX_VIEWED:
        raise MediaError(f"{count} frames cannot be shown at once.", f"Ask for 1 to {MAX_VIEWED}.")
    side = SIDES[size] if count == 1 else SIDES[size] // 2
    shown = [frame for stretch, times_s in wanted for frame in _labelled(stretch, times_s, side)]
    if len(shown) == 1:
        return draw_one(*shown[0], MAX_VIEW_BYTES)
    return draw_frames(shown, SIDES[size], MAX_VIEW_BYTES)


def measure_loudness(stretch: Stretch) -> Loudness | None:
    """How loud it is, for at most `MAX_SCAN_S`; None where there is no audio. Raises MediaError."""
    if not stretch.has_audio:
        return None
    # One value a second, exact to the sample; ebur128 looks at windows that overlap, so it gives the whole alone.
    seconds = (
        f"aresample={_LOUDNESS_RATE},asetnsamples=n={_LOUDNESS_RATE}:p=0,astats=metadata=1:reset=1,"
        "ametadata=mode=print:key=lavfi.astats.Overall.RMS_level:file='pipe\\:1'"
    )
    levels = [max(SILENCE_DB, value) for value in _printed(stretch, "-map 0:a:0", "-af", seconds, "RMS_level")]
    whole = "ebur128=metadata=1,ametadata=mode=print:key=lavfi.r128.I:file='pipe\\:1'"
    *_, integrated = SILENCE_DB, *_printed(stretch, "-map 0:a:0", "-af", whole, "r128.I")
    return Loudness(round(max(SILENCE_LUFS, integrated), 1), tuple(round(level, 1) for level in levels))


def find_cuts(stretch: Stretch) -> tuple[float, ...]:
    """When a new shot begins, in seconds of the file, for at most `MAX_SCAN_S`. Dissolves are not seen.

    Raises MediaError.
    """
    end_s = min(stretch.end_s, stretch.start_s + MAX_SCAN_S)
    known_late_s = 2 * NEIGHBOURHOOD_S  # a cut is known only a little after it
    footage = open_footage(stretch.path, stretch.path.name, (stretch.start_s, end_s + known_late_s), MAX_SCAN_S + 1)
    width, height = size_within((footage.width, footage.height), _SCANNED_SIDE)
    detector = ShotDetector(footage.fps)
    frames = max(1, round(footage.duration_s * footage.fps))
    for index, frame in enumerate(read_video(footage, width, height, footage.fps, frames)):
        detector.see(index, frame)
    found = (round(stretch.start_s + at_s, 3) for at_s in detector.cuts_s)
    return tuple(at_s for at_s in found if at_s < end_s)


def _labelled(stretch: Stretch, times_s: Sequence[float], side: int) -> Iterator[tuple[Frame, str]]:
    if stretch.photo is not None:
        yield contain(stretch.photo, side, side), stretch.label.removesuffix("@").strip() or "photo"
        return
    for at_s, frame in read_frames(stretch.path, times_s, max_side=side):
        yield frame, f"{stretch.label} {at_s:.2f} s".strip()


def _printed(stretch: Stretch, stream: str, option: str, filters: str, key: str) -> Iterator[float]:
    """The numbers that a filter prints for a key, in order."""
    length_s = min(stretch.end_s - stretch.start_s, MAX_SCAN_S)
    args = [
        *("-ss", f"{stretch.start_s:.6f}", "-t", f"{length_s:.6f}", *input_args(stretch.path)),
        *(*stream.split(), option, filters, "-f", "null", "-"),
    ]
    pattern = re.compile(rf"{re.escape(key)}=(\S+)".encode())
    with FFmpeg(args, pipe_out=True) as ffmpeg:
        with ffmpeg.within(_LIMIT_S):
            for line in ffmpeg.stdout:
                if found := pattern.search(line):
                    value = float(found[1])
                    yield SILENCE_DB if math.isnan(value) or math.isinf(value) else value
        ffmpeg.finish(_LIMIT_S)

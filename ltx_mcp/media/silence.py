"""Whether an audio track sounds at all."""

import re
from collections.abc import Sequence
from pathlib import Path

from ltx_mcp.errors import MediaError
from ltx_mcp.media.ffmpeg import FFmpeg, input_args

SILENT_DB = -70.0  # of the loudest sample: below what 12 bits hold, and the noise that a codec makes of silence
_LISTENED_S = 60.0  # of a track: the longest clip there is
_LIMIT_S = 60.0
_LOUDEST = re.compile(r"max_volume: (-?[\d.]+|-inf) dB")


def first_that_sounds(path: Path, tracks: Sequence[int]) -> int | None:
    """The first of these streams that is more than silence in its first minute; None where none is."""
    return next((index for index in tracks if not is_silent(path, index)), None)


def is_silent(path: Path, track: int, start_s: float = 0.0, length_s: float = _LISTENED_S) -> bool:
    """Whether a stream is silent from a time on ffmpeg's clock on. What does not decode is not said to be silent."""
    found: list[float] = []

    def read(line: str) -> None:
        if said := _LOUDEST.search(line):
            found.append(float(said[1]))

    seek = ["-ss", f"{start_s:.6f}"] if start_s > 0 else []
    args = [*seek, "-t", f"{length_s:.6f}", *input_args(path), "-map", f"0:{track}", "-vn"]
    try:
        with FFmpeg([*args, "-af", "volumedetect", "-f", "null", "-"], on_info=read) as ffmpeg:
            ffmpeg.finish(_LIMIT_S)
    except MediaError:
        return False
    return bool(found) and found[-1] < SILENT_DB

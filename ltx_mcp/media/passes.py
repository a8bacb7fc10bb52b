"""One pass over a source: every frame with its time on the player's clock, in constant memory, however long it is."""

import os
from collections.abc import Generator, Sequence
from typing import IO

import numpy as np

from ltx_mcp.errors import MediaError
from ltx_mcp.media.decoding import DEINTERLACED, frame_filters, open_at, same_clock
from ltx_mcp.media.ffmpeg import FFmpeg
from ltx_mcp.media.framecrc import HINT
from ltx_mcp.media.source import Source
from ltx_mcp.types.frames import Frame

_STALL_S = 120.0  # for any one frame; longer means a file made to stall us


def frames_with_times(
    source: Source,
    size: tuple[int, int],
    start_s: float = 0.0,
    end_s: float | None = None,
    select: Sequence[str] = (),
) -> Generator[tuple[Frame, float]]:
    """(frame, the time in seconds of the player's clock at which it appears), in order, as they are pulled.

    The first is the one on screen at `start_s`, or one before it, from a key frame on; none is from `end_s` on.
    `size` is (width, height), to which the whole frame is brought. `select` are ffmpeg filters that choose frames, such
    as `fps=2`; dropped frames cost decoding alone. Variable rates keep their times. Raises MediaError.
    """
    opened, lead_s = open_at(source, start_s)
    shift_s = lead_s - start_s
    width, height = size
    filters = [*([DEINTERLACED] if source.video.interlaced else []), "settb=AVTB"]
    if end_s is not None:
        filters.append(f"trim=end={max(0.0, end_s + shift_s):.6f}")
    filters += [*select, *frame_filters(source.video, width, height)]
    reader, writer = os.pipe()
    args = [*opened, "-map", f"0:{source.video.index}", "-vf", ",".join(filters), "-fps_mode", "passthrough"]
    args += ["-enc_time_base", "1:1000000", "-stats_enc_pre", f"pipe:{writer}", "-stats_enc_pre_fmt", "{pts} {tb}"]
    args += ["-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1", *same_clock(source)]
    with os.fdopen(reader, "rb") as times:
        try:
            ffmpeg = FFmpeg(args, pipe_out=True, pass_fds=(writer,))
        finally:
            os.close(writer)
        with ffmpeg:
            while (frame := read_frame(ffmpeg, width, height, _STALL_S)) is not None:
                yield frame, _time(ffmpeg, times) - shift_s
            try:
                ffmpeg.finish(_STALL_S)
            except MediaError as error:
                raise MediaError(f"{source.path.name} cannot be read to its end. {error.message}", HINT) from error


def read_frame(ffmpeg: FFmpeg, width: int, height: int, limit_s: float) -> Frame | None:
    """The next frame of what ffmpeg writes as rgb24, waited for that long; None at the end."""
    with ffmpeg.within(limit_s):
        pixels = bytearray(ffmpeg.stdout.read(width * height * 3))  # writable: torch wants it
    if len(pixels) < width * height * 3:
        return None
    return np.frombuffer(pixels, dtype=np.uint8).reshape(height, width, 3)


def _time(ffmpeg: FFmpeg, times: IO[bytes]) -> float:
    with ffmpeg.within(_STALL_S):
        ticks, base = times.readline().split()  # ffmpeg writes it before the frame
    numerator, denominator = base.split(b"/")
    return int(ticks) * int(numerator) / int(denominator)

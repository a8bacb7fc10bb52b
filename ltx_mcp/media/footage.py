"""Footage: a span of a video file, probed once, then read at the size and rate that is needed. It may be hostile.

ffmpeg does the resampling in one pass, so that neither a long file nor a fast one fills the memory.
"""

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ltx_mcp.errors import MediaError
from ltx_mcp.media.audio import SAMPLE_RATE
from ltx_mcp.media.colour import TO_RGB, scale_filter
from ltx_mcp.media.ffmpeg import FFmpeg, input_args
from ltx_mcp.media.framecrc import HINT
from ltx_mcp.media.probe import probe
from ltx_mcp.types.frames import Audio, Frame

MAX_DURATION_S = 60.0  # of one span: the longest clip there is; what comes after it in a file is not used
_READ_LIMIT_S = 600.0  # of waiting for ffmpeg over a whole span; longer means a file made to stall us
_GRACE_US = 500  # times are handed out with three decimals: one that was rounded down still means its own frame


@dataclass(frozen=True)
class Footage:
    """A span of a video that opens. `width` and `height` in pixels as shown: upright, with square pixels.

    `fps` is the average where the rate varies. `end_s` is None where the span ends with the file; of a reference
    that names no span, a set one says that there was more than `MAX_DURATION_S`.
    """

    path: Path
    reference: str
    start_s: float
    end_s: float | None
    width: int
    height: int
    fps: float
    duration_s: float
    has_audio: bool


def open_footage(
    path: Path, reference: str, span_s: tuple[float, float] | None = None, longest_s: float = MAX_DURATION_S
) -> Footage:
    """The span (start, end) of a video in seconds, or all of it, but no more than `longest_s`.

    Raises MediaError for what does not open as a video, or is over before the span begins.
    """
    start_s, asked_end_s = span_s or (0.0, None)
    latest_s = start_s + longest_s
    found = probe(path, until_s=latest_s + 1.0)  # a second more, to see whether there is more
    if start_s >= found.end_s:
        raise MediaError(f"{path.name} ends after {found.end_s:.3f} s.", "Name a span that begins before that.")
    end_s = min(asked_end_s or found.end_s, found.end_s, latest_s)
    return Footage(
        path=path,
        reference=reference,
        start_s=start_s,
        end_s=end_s if end_s < found.end_s else None,
        width=found.width,
        height=found.height,
        fps=found.fps,
        duration_s=end_s - start_s,
        has_audio=found.has_audio,
    )


def read_video(
    footage: Footage, width: int, height: int, fps: float, frames: int, frame_filter: str = ""
) -> Iterator[Frame]:
    """Exactly `frames` frames of (height, width, 3): the k-th is what is on screen k / fps seconds into the span.

    The video covers the frame and is cropped from the centre, as `framing.fit` says. Where the span is shorter, its
    last frame stays. `frame_filter` is an ffmpeg filter for each of them. Frames are decoded while they are pulled.
    Raises MediaError.
    """
    args = [
        # From the key frame before the start: the frame on screen at the start may have appeared before it.
        *("-noaccurate_seek", "-ss", f"{footage.start_s:.6f}", *input_args(footage.path), "-map", "0:V:0"),
        *("-vf", _filters(footage, width, height, fps, frames, frame_filter)),
        *("-fps_mode", "passthrough", "-frames:v", str(frames)),
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"),
    ]
    came, last = 0, None
    for pixels in _pieces(args, width * height * 3, footage.path):
        came, last = came + 1, np.frombuffer(pixels, dtype=np.uint8).reshape(height, width, 3)
        yield last
    if last is None:
        raise MediaError(f"{footage.path.name} has no frame at {footage.start_s:.3f} s that decodes.", HINT)
    for _ in range(frames - came):
        yield last.copy()


def read_audio(footage: Footage, sample_rate: int = SAMPLE_RATE) -> Audio | None:
    """(2, samples), as long as the span; None where the file has no audio.

    What is not there, before the audio begins or after it ends, is silence. Raises MediaError.
    """
    if not footage.has_audio:
        return None
    samples = round(footage.duration_s * sample_rate)
    # Audio that begins late, or pauses, keeps its times: silence fills them.
    resampled = f"aresample={sample_rate}:async=1:first_pts=0,aformat=channel_layouts=stereo,apad=whole_len={samples}"
    args = [
        *("-ss", f"{footage.start_s:.6f}", "-t", f"{footage.duration_s:.6f}", *input_args(footage.path)),
        *("-map", "0:a:0", "-af", resampled, "-f", "f32le", "pipe:1"),
    ]
    pieces = _pieces(args, samples * 2 * 4, footage.path)
    raw = next(pieces, None)
    pieces.close()
    if raw is None:
        raise MediaError(
            f"The audio of {footage.path.name} does not decode.",
            "Use a video whose audio decodes, or one without audio.",
        )
    audio = np.frombuffer(raw, dtype="<f4").reshape(samples, 2).T
    return np.ascontiguousarray(np.clip(np.nan_to_num(audio), -1.0, 1.0), dtype=np.float32)


def _filters(footage: Footage, width: int, height: int, fps: float, frames: int, frame_filter: str) -> str:
    """Cut, then choose frames, then crop, then scale: each step has less to do than the one before.

    fps=...:round=up shows at each tick the last frame that began before it; start_time=0 begins with the one on
    screen at the start; end_frame keeps it from filling a gap of years with frames that nobody asked for. The crop
    is in terms of each frame's own size and pixel shape, which may change within a file.
    """
    length_us = round(footage.duration_s * 1e6)
    cut = f"settb=AVTB,setpts=PTS-{_GRACE_US}"
    if footage.end_s is not None:
        cut += f",trim=end_pts={max(1, length_us - 2 * _GRACE_US)}"
    rate = Fraction(fps).limit_denominator(1001)  # 29.97 is 30000/1001
    aspect = f"{width}/{height}"
    crop = f"crop='max(1,min(iw,ih*{aspect}/sar))':'max(1,min(ih,iw*sar/({aspect})))':exact=1"
    chosen = f"fps=fps={rate}:start_time=0:round=up,trim=end_frame={frames}"
    return ",".join(part for part in (cut, chosen, crop, scale_filter(width, height), frame_filter, TO_RGB) if part)


def _pieces(args: list[str], size: int, path: Path) -> Generator[bytearray, None, None]:
    """What ffmpeg writes, in pieces of `size` bytes; what is left over is not one. Raises MediaError if it fails."""
    patience_s = _READ_LIMIT_S
    with FFmpeg(args, pipe_out=True) as ffmpeg:
        while True:
            asked = time.monotonic()
            with ffmpeg.within(max(0.0, patience_s)):
                piece = bytearray(ffmpeg.stdout.read(size))  # writable: torch wants it
            patience_s -= time.monotonic() - asked
            if len(piece) < size:
                break
            yield piece
        try:
            ffmpeg.finish(_READ_LIMIT_S)
        except MediaError as error:
            raise MediaError(f"{path.name} cannot be read to its end. {error.message}", HINT) from error

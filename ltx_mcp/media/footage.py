"""Footage: a span of a video file, probed once, then read at the size and rate that is needed. It may be hostile.

ffmpeg does the resampling in one pass, so that neither a long file nor a fast one fills the memory.
"""

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ltx_mcp.errors import MediaError
from ltx_mcp.media.audio import SAMPLE_RATE
from ltx_mcp.media.colour import TO_RGB
from ltx_mcp.media.decoding import DEINTERLACED, covering_crop, frame_filters, open_at, same_clock
from ltx_mcp.media.ffmpeg import FFmpeg
from ltx_mcp.media.framecrc import HINT
from ltx_mcp.media.raw_audio import decode_source
from ltx_mcp.media.read_source import read_source
from ltx_mcp.media.source import Source
from ltx_mcp.types.frames import Audio, Frame

MAX_DURATION_S = 60.0  # of one span: the longest clip there is; what comes after it in a file is not used
ANY_LENGTH_S = 1e6  # eleven days: for footage that is looked through whole
_READ_LIMIT_S = 600.0  # of waiting for ffmpeg over a whole span; longer means a file made to stall us
_ON_GRID = 0.05  # of an interval: a span that begins so near a frame's place begins on it
_GRACE_US = 500  # times are handed out with three decimals: one that was rounded down still means its own frame


@dataclass(frozen=True)
class Footage:
    """A span of a video that opens, in seconds of the player's clock.

    `end_s` is None where the span ends with the file; of a reference that names no span, a set one says that there was
    more than `MAX_DURATION_S`.
    """

    source: Source
    reference: str
    start_s: float
    end_s: float | None
    duration_s: float

    @property
    def path(self) -> Path:
        return self.source.path

    @property
    def width(self) -> int:
        """In pixels as shown: upright, with square pixels."""
        return self.source.video.size[0]

    @property
    def height(self) -> int:
        return self.source.video.size[1]

    @property
    def fps(self) -> float:
        """By the commonest interval between frames."""
        return self.source.fps

    @property
    def has_audio(self) -> bool:
        return self.source.audio is not None


def open_footage(
    path: Path, reference: str, span_s: tuple[float, float] | None = None, longest_s: float = MAX_DURATION_S
) -> Footage:
    """The span (start, end) of a video in seconds, or all of it, but no more than `longest_s`.

    Raises MediaError for what does not open as a video, or is over before the span begins.
    """
    start_s, asked_end_s = span_s or (0.0, None)
    latest_s = start_s + longest_s
    found = read_source(path, until_s=latest_s + 1.0)  # a second more, to see whether there is more
    if start_s >= found.end_s:
        raise MediaError(f"{path.name} ends after {found.end_s:.3f} s.", "Name a span that begins before that.")
    end_s = min(asked_end_s or found.end_s, found.end_s, latest_s)
    return Footage(found, reference, start_s, end_s if end_s < found.end_s else None, end_s - start_s)


def read_video(
    footage: Footage, width: int, height: int, fps: float, frames: int, frame_filter: str = ""
) -> Iterator[Frame]:
    """Exactly `frames` frames of (height, width, 3): the k-th is what is on screen k / fps seconds into the span.

    On the source's own grid of frames it is the nearest, so that a frame which comes a little late is not a whole one
    late. The video covers the frame and is cropped from the centre, as `framing.fit` says. Where the span is shorter,
    its last frame stays. `frame_filter` is an ffmpeg filter for each of them. Frames are decoded while they are pulled.
    Raises MediaError.
    """
    source = footage.source
    # From the key frame before the start: the frame on screen at the start may have appeared before it.
    opened, lead_s = open_at(source, footage.start_s)
    args = [
        *(*opened, "-map", f"0:{source.video.index}"),
        *("-vf", ",".join(_filters(footage, lead_s, width, height, fps, frames, frame_filter))),
        *("-fps_mode", "passthrough", "-frames:v", str(frames)),
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1", *same_clock(source)),
    ]
    came, last = 0, None
    for pixels in _pieces(args, width * height * 3, footage.path, _READ_LIMIT_S + footage.duration_s):
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
    sound = footage.source.audio
    if sound is None:
        return None
    samples = round(footage.duration_s * sample_rate)
    raw = bytearray(samples * 2 * 4)
    came = 0
    with closing(decode_source(footage.source, footage.start_s, footage.duration_s, _go_on, (), sample_rate)) as pieces:
        for piece in pieces:
            fitting = piece[: len(raw) - came]
            raw[came : came + len(fitting)] = fitting
            came += len(fitting)
    if not came and footage.start_s < sound.end_s:
        raise MediaError(
            f"The audio of {footage.path.name} does not decode.",
            "Use a video whose audio decodes, or one without audio.",
        )
    audio = np.frombuffer(raw, dtype="<f4").reshape(samples, 2).T
    return np.ascontiguousarray(np.clip(audio, -1.0, 1.0), dtype=np.float32)


def _go_on() -> None:
    """Nothing asks for an end."""


def _filters(
    footage: Footage, lead_s: float, width: int, height: int, fps: float, frames: int, frame_filter: str
) -> list[str]:
    """Cut, then choose frames, then crop, then scale: each step has less to do than the one before.

    fps=...:round=up shows at each tick the last frame that began before it; start_time=0 begins with the one on
    screen at the start; end_frame keeps it from filling a gap of years with frames that nobody asked for.
    """
    video = footage.source.video
    grace_us, moved_us = _tick_us(footage, fps)
    cut = [f"settb=AVTB,setpts=PTS-{grace_us + round(lead_s * 1e6) - moved_us}"]
    if footage.end_s is not None:
        cut.append(f"trim=end_pts={max(1, round(footage.duration_s * 1e6) - grace_us - _GRACE_US)}")
    rate = Fraction(fps).limit_denominator(1001)  # 29.97 is 30000/1001
    return [
        *([DEINTERLACED] if video.interlaced else []),
        *(["tpad=stop=1:stop_mode=clone"] if video.of_fields else []),  # the last frame is said to last for a field
        *cut,
        f"fps=fps={rate}:start_time=0:round=up,trim=end_frame={frames}",
        covering_crop(width, height),
        *frame_filters(video, width, height),
        *([frame_filter, TO_RGB] if frame_filter else []),
    ]


def _tick_us(footage: Footage, fps: float) -> tuple[int, int]:
    """(how much later than its tick a frame may appear, by how much frames move) in microseconds.

    On the source's own grid: half an interval, and what brings them onto the ticks.
    """
    place = footage.start_s * fps
    if abs(fps - footage.fps) < 1e-3 * fps and abs(place - round(place)) < _ON_GRID:
        return round(0.5e6 / fps), round(footage.source.video.shift_s * 1e6)
    return _GRACE_US, 0


def _pieces(
    args: list[str], size: int, path: Path, patience_s: float = _READ_LIMIT_S
) -> Generator[bytearray, None, None]:
    """What ffmpeg writes, in pieces of `size` bytes; what is left over is not one.

    Raises MediaError if it fails, or has been waited for longer than `patience_s`.
    """
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

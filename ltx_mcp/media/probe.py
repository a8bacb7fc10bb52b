"""Reads clips and imported videos: what is in a file, and its frames at given times. The file may be hostile.

ffmpeg's `framecrc` output is the source of every number: one line a packet or frame, made for machines.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from ltx_mcp.errors import MediaError
from ltx_mcp.media.ffmpeg import MAX_PIXELS, FFmpeg, input_args
from ltx_mcp.types.frames import Frame

_LIMIT_S = 60.0  # for reading through a file, and for each frame; longer means a file made to stall us
_LISTING_BYTES = 64 * 2**20  # at some 60 bytes a packet: hours of video
_BATCH = 64  # frames for one ffmpeg run: keeps the select expression short, and skips far between them
HINT = "Use a whole MP4, MOV, MKV, WebM, AVI or GIF file."  # for what is no video
_NO_TIME = -(2**63)
_DISCARDED = 4  # AV_PKT_FLAG_DISCARD: before the start of an edit list, decoded and never shown


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
    video, audio = _packets(path, until_s)
    shown = _first_frame(path)
    fps = _rate(video.times_s, float(1 / shown.tick_s))
    last_s = max(video.times_s)
    return Probe(
        width=shown.size_shown[0],
        height=shown.size_shown[1],
        fps=fps,
        frames=len(video.times_s),
        duration_s=len(video.times_s) / fps,
        end_s=video.end_s if video.end_s > last_s else last_s + 1 / fps,
        has_audio=audio is not None,
        audio_duration_s=audio.end_s - max(0.0, min(audio.times_s)) if audio else 0.0,
        codec=video.codec,
        audio_codec=audio.codec if audio else None,
    )


def read_frames(path: Path, times_s: Sequence[float], max_side: int | None = None) -> Iterator[tuple[float, Frame]]:
    """(its own time in seconds, frame) of the frames shown at `times_s`, each once, in order of time.

    A time past the end means the last frame. `max_side` in pixels shrinks, never grows, keeping the shape.
    Raises MediaError. Frames are decoded while they are pulled.
    """
    shown_at = sorted(_packets(path)[0].times_s)
    size = _fit(_first_frame(path).size_shown, max_side)
    # Half a millisecond of grace: a time that was printed with three decimals still means its own frame.
    wanted = sorted({max(0, bisect_right(shown_at, time_s + 0.0005) - 1) for time_s in times_s})
    for start in range(0, len(wanted), _BATCH):
        batch = wanted[start : start + _BATCH]
        for index, frame in zip(batch, _decode(path, shown_at, batch, size), strict=True):
            yield shown_at[index], frame


@dataclass
class _Track:
    """One stream of a framecrc listing."""

    tick_s: Fraction = Fraction(1)
    codec: str = ""
    kind: str = ""
    size: tuple[int, int] = (0, 0)
    pixel_aspect: Fraction = Fraction(1)
    times_s: list[float] = field(default_factory=list)
    end_s: float = 0.0

    @property
    def size_shown(self) -> tuple[int, int]:
        """With square pixels; the height is kept."""
        return max(1, round(self.size[0] * self.pixel_aspect)), self.size[1]

    def add(self, fields: list[str]) -> None:
        """One packet: stream, dts, pts, duration, bytes, checksum, and its flags if it is not a key frame."""
        if (
            len(fields) > 6
            and fields[6].startswith("F=")
            and int(fields[6][2:], 16) & _DISCARDED
            and self.kind == "video"
        ):
            return
        dts, pts, duration = (int(text) for text in fields[1:4])
        start = dts if pts == _NO_TIME else pts  # AVI has no pts
        self.times_s.append(float(start * self.tick_s))
        self.end_s = max(self.end_s, float((start + duration) * self.tick_s))


def _packets(path: Path, until_s: float | None = None) -> tuple[_Track, _Track | None]:
    """The first video stream that is not a cover picture, and the first audio stream, without decoding."""
    limit = [] if until_s is None else ["-t", str(until_s)]
    tracks = _listing([*limit, *input_args(path), "-map", "0:V:0", "-map", "0:a:0?", "-c", "copy"], path)
    video, audio = tracks[0], tracks[1] if len(tracks) > 1 and tracks[1].times_s else None
    if not video.times_s:
        raise MediaError(f"{path.name} cannot be read as a video: it holds no frames.", HINT)
    return video, audio


def _first_frame(path: Path) -> _Track:
    """The size as shown, the frame rate as declared, and proof that it decodes."""
    shown = _listing([*input_args(path), "-map", "0:V:0", "-frames:v", "1"], path)[0]
    if not shown.times_s:
        raise MediaError(f"{path.name} cannot be read as a video: it holds no frame that decodes.", HINT)
    width, height = shown.size_shown
    if width * height > MAX_PIXELS:  # by its pixels' shape alone: what is stored was held to the limit by ffmpeg
        raise MediaError(f"{path.name} has {width}x{height} pixels.", f"The largest has {MAX_PIXELS // 10**6} million.")
    return shown


def _listing(args: Sequence[str], path: Path) -> list[_Track]:
    with FFmpeg([*args, "-f", "framecrc", "pipe:1"], pipe_out=True) as ffmpeg:
        with ffmpeg.within(_LIMIT_S):
            text = ffmpeg.stdout.read(_LISTING_BYTES)
        if len(text) == _LISTING_BYTES:
            raise MediaError(f"{path.name} is too long to be read.", "Cut it into shorter files.")
        try:
            ffmpeg.finish(_LIMIT_S)
        except MediaError as error:
            raise MediaError(f"{path.name} cannot be read as a video. {error.message}", HINT) from error
    return _parse_listing(text.decode(errors="replace"))


def _parse_listing(text: str) -> list[_Track]:
    """Lines are `#name stream: value`, then one of numbers for each packet."""
    tracks: dict[int, _Track] = {}
    for line in text.splitlines():
        fields = [part.strip() for part in line.split(",")]
        if not line.startswith("#"):
            tracks[int(fields[0])].add(fields)
            continue
        name, _, value = line[1:].partition(": ")
        match name.split():
            case ["tb", stream]:
                tracks[int(stream)] = _Track(tick_s=Fraction(value))
            case ["media_type", stream]:
                tracks[int(stream)].kind = value
            case ["codec_id", stream]:
                tracks[int(stream)].codec = value
            case ["dimensions", stream]:
                width, height = value.split("x")
                tracks[int(stream)].size = (int(width), int(height))
            case ["sar", stream] if not value.startswith("0/"):  # which means: not known
                tracks[int(stream)].pixel_aspect = Fraction(value)
    return [tracks[stream] for stream in sorted(tracks)]


def _rate(times_s: Sequence[float], declared: float) -> float:
    """The declared frame rate where the frames keep to it, else their average: the rate may vary."""
    if len(times_s) < 2:
        return declared
    lasting = max(times_s) - min(times_s)
    measured = (len(times_s) - 1) / lasting if lasting else declared
    return declared if abs(measured - declared) < 0.01 * declared else measured


def _fit(size: tuple[int, int], max_side: int | None) -> tuple[int, int]:
    shrink = min(1.0, (max_side or max(size)) / max(size))
    return max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink))


def _decode(path: Path, shown_at: Sequence[float], wanted: Sequence[int], size: tuple[int, int]) -> Iterator[Frame]:
    """Frames of these indices, ascending: seek to the first, decode on to the last."""
    first, (width, height) = wanted[0], size
    # Between the first wanted frame and the one before it: then the first frame that comes is the wanted one.
    seek = ["-ss", f"{(shown_at[first - 1] + shown_at[first]) / 2:.6f}"] if first else []
    chosen = "+".join(f"eq(n,{index - first})" for index in wanted)
    filters = f"select='{chosen}',scale={width}:{height}:flags=bicubic+accurate_rnd+full_chroma_int,format=rgb24"
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

"""Lists the packets of a file, or its first decoded frame, from ffmpeg's `framecrc` output. The file may be hostile.

`framecrc` is made for machines: headers (`#name stream: value`), then one line of numbers for each packet.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import IO, NamedTuple

from ltx_mcp.errors import MediaError
from ltx_mcp.media.ffmpeg import AUDIO_CONTAINERS, FFmpeg, input_args
from ltx_mcp.media.file_kinds import HEAD_BYTES, kind_of

HINT = "Use a whole MP4, MOV, MKV, WebM, AVI, MPEG-TS, MPEG-PS, WMV, FLV, OGG or GIF file, or convert it to MP4."
AUDIO_HINT = "Name one audio file (WAV, FLAC, MP3, M4A, OGG, AIFF) or a video with audio; playlists are not read."
_LIMIT_S = 60.0  # for reading through a file; longer means a file made to stall us
_MAX_LISTING_BYTES = 64 * 2**20  # at some 60 bytes a packet: hours of video
_CAUSES = {
    "matches no streams": ": it holds none",
    "moov atom not found": ": it is cut off, or not what its name says",
}
_NO_TIME = -(2**63)  # AV_NOPTS_VALUE
_KEY, _DISCARD = 1, 4  # AV_PKT_FLAG_KEY, AV_PKT_FLAG_DISCARD


class Packet(NamedTuple):
    """Times in ticks of its stream. `pts` is the dts where the container stores none (AVI)."""

    dts: int
    pts: int
    duration: int
    bytes: int
    checksum: int
    flags: int
    side_data: str = ""  # as listed

    @property
    def is_key(self) -> bool:
        return self.flags == _KEY


@dataclass(frozen=True)
class Stream:
    """One stream. All but the packets is what a decoder has to know before the first of them.

    `size` is the stored (width, height) in pixels, (0, 0) for audio. `pixel_aspect` is 1 where it is not known.
    """

    tick_s: Fraction = Fraction(1)
    kind: str = ""  # video or audio
    codec: str = ""
    extradata: str = ""  # bytes and checksum
    size: tuple[int, int] = (0, 0)
    pixel_aspect: Fraction = Fraction(1)
    packets: tuple[Packet, ...] = ()

    @property
    def times_s(self) -> list[float]:
        """When each packet is shown or heard, in decoding order."""
        return [float(packet.pts * self.tick_s) for packet in self.shown]

    @property
    def end_s(self) -> float:
        return max((float((packet.pts + packet.duration) * self.tick_s) for packet in self.shown), default=0.0)

    @property
    def shown(self) -> Iterator[Packet]:
        """Without the video packets before the start of an edit list, which are decoded and never shown."""
        discarded = _DISCARD if self.kind == "video" else 0
        return (packet for packet in self.packets if not packet.flags & discarded)


def list_streams(path: Path, until_s: float | None, on_info: Callable[[str], None]) -> list[Stream]:
    """The video streams that are not cover images, then the audio streams, without decoding. Raises MediaError.

    Packets from `until_s` on are left out. `on_info` gets ffmpeg's description of the file, line by line.
    """
    # genpts: MPEG program streams and AVI store no time of presentation for some frames.
    limit = ["-fflags", "+genpts", *(() if until_s is None else ("-t", str(until_s)))]
    return _list([*limit, *input_args(path), "-map", "0:V", "-map", "0:a?", "-c", "copy"], path, on_info=on_info)


def list_rest(opened: Sequence[str], indexes: Sequence[int], path: Path) -> list[Stream]:
    """Streams of a file that is opened with these arguments, from there to its end, without decoding.

    Raises MediaError.
    """
    maps = [part for index in indexes for part in ("-map", f"0:{index}")]
    return _list(["-fflags", "+genpts", *opened, *maps, "-c", "copy"], path)


def list_times(
    opened: Sequence[str], index: int, length_s: float | None, path: Path, after: Sequence[str]
) -> list[float]:
    """When the packets of a stream are shown, by the clock of a file that is opened with these arguments, unsorted.

    Without decoding, up to `length_s` after where it is opened. Raises MediaError.
    """
    limit = [] if length_s is None else ["-t", f"{length_s:.6f}"]
    args = ["-fflags", "+genpts", *limit, *opened, "-map", f"0:{index}", "-c", "copy"]
    return _list(args, path, after=after)[0].times_s


def list_frame_times(path: Path, index: int, length_s: float) -> list[float]:
    """When the frames of a stream are shown that decode in its first seconds. Raises MediaError."""
    args = ["-t", f"{length_s:.6f}", *input_args(path), "-map", f"0:{index}", "-vf", "scale=16:16"]
    return _list([*args, "-fps_mode", "passthrough"], path)[0].times_s


def list_packets(path: Path) -> tuple[Stream, Stream | None]:
    """The first video stream that is not a cover image, and the first audio stream, without decoding.

    Raises MediaError for what does not open as a video.
    """
    streams = _list([*input_args(path), "-map", "0:V:0", "-map", "0:a:0?", "-c", "copy"], path)
    video, audio = streams[0], streams[1] if len(streams) > 1 and streams[1].packets else None
    if not video.times_s:
        raise MediaError(f"{path.name} cannot be read as a video: it holds no frames.", HINT)
    return video, audio


def list_audio(path: Path) -> Stream:
    """The first audio stream of an audio file or a video, without decoding. Raises MediaError where there is none."""
    args = [*input_args(path, AUDIO_CONTAINERS), "-map", "0:a:0", "-c", "copy"]
    audio = _list(args, path, "as audio", AUDIO_HINT)[0]
    if not audio.packets:
        raise MediaError(f"{path.name} cannot be read as audio: it holds none.", AUDIO_HINT)
    return audio


def _list(
    args: Sequence[str],
    path: Path,
    kind: str = "as a video",
    hint: str = HINT,
    on_info: Callable[[str], None] | None = None,
    after: Sequence[str] = (),
) -> list[Stream]:
    with FFmpeg([*args, "-f", "framecrc", "pipe:1", *after], pipe_out=True, on_info=on_info) as ffmpeg:
        with ffmpeg.within(_LIMIT_S):
            streams = _parse(_lines(ffmpeg.stdout, path))
        try:
            ffmpeg.finish(_LIMIT_S)
        except MediaError as error:
            raise MediaError(f"{path.name} cannot be read {kind}{_reason(error.message, path)}.", hint) from error
    return streams


def _reason(said: str, path: Path) -> str:
    """What is wrong, in words: what the file is where it is of another format, or what ffmpeg found first."""
    cause = said.partition(" | ")[0].removeprefix("ffmpeg failed: ").rstrip(".")
    for part, words in _CAUSES.items():
        if part in cause:
            return words
    if "whitelist" in cause or "Invalid data" in cause:
        try:
            with path.open("rb") as file:
                kind = kind_of(file.read(HEAD_BYTES))
        except OSError:
            kind = None
        return f": it is {kind.name}" if kind else ": it is of another format, or broken"
    return f": {cause}"


def _lines(listing: IO[bytes], path: Path) -> Iterator[str]:
    left = _MAX_LISTING_BYTES
    for line in listing:
        left -= len(line)
        if left < 0:
            raise MediaError(f"{path.name} is too long to be read.", "Cut it into shorter files.")
        yield line.decode(errors="replace")


def _parse(lines: Iterable[str]) -> list[Stream]:
    streams: dict[int, Stream] = {}
    packets: dict[int, list[Packet]] = {}
    for line in lines:
        if line.startswith("#"):
            name, _, value = line[1:].partition(":")
            match name.split():
                case [header, number]:
                    streams[int(number)] = _with_header(streams.get(int(number), Stream()), header, value.strip())
        else:
            number, *fields = (field.strip() for field in line.split(","))
            packets.setdefault(int(number), []).append(_packet(fields))
    return [replace(streams[number], packets=tuple(packets.get(number, ()))) for number in sorted(streams)]


def _packet(fields: Sequence[str]) -> Packet:
    """Of dts, pts, duration, bytes, checksum; then flags (`F=0x...`) unless it is a plain key frame, then side data."""
    dts, pts, duration, size = (int(text) for text in fields[:4])
    checksum, *more = fields[4:]
    flags = int(more.pop(0)[2:], 16) if more and more[0].startswith("F=") else _KEY
    return Packet(dts, dts if pts == _NO_TIME else pts, duration, size, int(checksum, 16), flags, ",".join(more))


def _with_header(stream: Stream, name: str, value: str) -> Stream:
    match name:
        case "tb":
            return replace(stream, tick_s=Fraction(value))
        case "media_type":
            return replace(stream, kind=value)
        case "codec_id":
            return replace(stream, codec=value)
        case "extradata":
            return replace(stream, extradata=value)
        case "dimensions":
            width, height = value.split("x")
            return replace(stream, size=(int(width), int(height)))
        case "sar" if not value.startswith("0/"):
            return replace(stream, pixel_aspect=Fraction(value))
    return stream

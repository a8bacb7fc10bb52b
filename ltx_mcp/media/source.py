"""What is in a video file: its streams, when each begins, how its frames are coded, and which of them are used.

Times in seconds are on the player's clock, which starts with the first frame or sound, unless their name says
otherwise. The file may be hostile: what it says of itself is data here.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

UNKNOWN = "unknown"
HDR_TRANSFERS = frozenset({"smpte2084", "arib-std-b67"})  # PQ and HLG
WIDE_PRIMARIES = frozenset({"bt2020", "smpte431", "smpte432"})  # BT.2020, DCI-P3, Display P3
_RGB = ("rgb", "bgr", "gbr", "arg", "abg", "0rg", "0bg", "x2r", "x2b", "pal")
_WITH_ALPHA = ("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16", "pal8", "ayuv", "vuya")
_HD_SIZE = (1280, 720)  # untagged video with at least one of these sides is BT.709, as in players; else BT.601


@dataclass(frozen=True)
class Colour:
    """In ffmpeg's names, "unknown" where the file does not say."""

    primaries: str = UNKNOWN
    transfer: str = UNKNOWN
    matrix: str = UNKNOWN
    range: str = UNKNOWN

    @property
    def is_hdr(self) -> bool:
        return self.transfer in HDR_TRANSFERS

    @property
    def is_wide(self) -> bool:
        """Whether its gamut is larger than BT.709's."""
        return self.primaries in WIDE_PRIMARIES or (self.primaries == UNKNOWN and self.matrix.startswith("bt2020"))


@dataclass(frozen=True)
class VideoStream:
    """The video stream that is used.

    `size` is (width, height) in pixels as shown: upright, the pixels made square. `stored_size` is that of the decoded
    frames, upright. `rate` is by the commonest interval, in frames a second; `steady` where all frames keep to it.
    `frames` counts those that were listed; `of_fields` where packets hold single fields, two to a frame. `tick_s` is
    the time base. By `shift_s` frames move to lie on the ticks of a clip of that rate.
    """

    index: int
    codec: str
    size: tuple[int, int]
    stored_size: tuple[int, int]
    pixel_aspect: Fraction
    pixel_format: str
    colour: Colour
    interlaced: bool
    of_fields: bool
    has_alpha: bool
    rotation: float
    tick_s: Fraction
    rate: Fraction
    steady: bool
    frames: int
    start_s: float
    end_s: float
    shift_s: float = 0.0
    is_default: bool = False
    language: str | None = None

    @property
    def is_rgb(self) -> bool:
        return self.pixel_format.startswith(_RGB)

    @property
    def is_hd(self) -> bool:
        long_side, short_side = max(self.stored_size), min(self.stored_size)
        return long_side >= _HD_SIZE[0] or short_side >= _HD_SIZE[1]


@dataclass(frozen=True)
class AudioStream:
    """The audio stream that is used. `layout` in ffmpeg's names, such as "stereo" and "5.1(side)"."""

    index: int
    codec: str
    sample_rate: int
    layout: str
    tick_s: Fraction
    start_s: float
    end_s: float
    is_default: bool = False
    language: str | None = None


@dataclass(frozen=True)
class Track:
    """Any stream of the file, as it is listed. `kind` is video, audio or subtitle."""

    index: int
    kind: str
    codec: str
    is_default: bool = False
    language: str | None = None
    title: str | None = None


@dataclass(frozen=True)
class Source:
    """A video file that opens.

    `zero_s` is where the player's clock begins on ffmpeg's, which starts with the file's first stream. `end_s` is
    when the last frame or sound is over, of what was listed; `is_whole` tells whether that is where the file ends.
    `declared_s` is the length that the file says it has, None where it says none.
    """

    path: Path
    container: str
    tracks: tuple[Track, ...]
    video: VideoStream
    audio: AudioStream | None
    zero_s: float
    end_s: float
    is_whole: bool
    declared_s: float | None

    @property
    def texts(self) -> tuple[Track, ...]:
        return tuple(track for track in self.tracks if track.kind == "subtitle")

    @property
    def fps(self) -> float:
        return float(self.video.rate)

    def others(self, kind: str) -> tuple[Track, ...]:
        """The tracks of a kind that are not used."""
        used = {self.video.index, None if self.audio is None else self.audio.index}
        return tuple(track for track in self.tracks if track.kind == kind and track.index not in used)


def has_alpha(pixel_format: str) -> bool:
    return pixel_format.startswith(_WITH_ALPHA)

"""What ffmpeg says of a file: its streams before it reads them, and the first frame and sound that it decodes.

Both take lines of its information, as they come, which may be a hostile file's own words.
"""

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction

from ltx_mcp.media.source import Colour, Track

_MAX_LINES = 20_000  # of a description
_STREAM = re.compile(r"^  Stream #0:(\d+)(?:\[0x[0-9a-f]+\])?(?:\((\w+)\))?: (Video|Audio|Subtitle): (\w+)(.*)$")
_TITLE = re.compile(r"^      title +: (.*)$")
_ALPHA = re.compile(r"^      alpha_mode +: 1$", re.IGNORECASE)
_ROTATION = re.compile(r"rotation of (-?[\d.]+) degrees")
_FIELDS = re.compile(r"\b(top|bottom) (coded )?first\b")
_LENGTH = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+)")
_INPUT = re.compile(r"^Input #0, (.+), from ")
_TIME = re.compile(r"config in time_base: (\d+)/(\d+), frame_rate: (\d+)/(\d+)")
_FRAME = re.compile(r"n: *0 pts: *(-?\d+) .*fmt:(\S+) .*sar:(\d+)/(\d+) s:(\d+)x(\d+) i:([PTB]) ")
_COLOUR = re.compile(r"color_range:(\S+) color_space:(\S+) color_primaries:(\S+) color_trc:(\S+)")
_SOUND = re.compile(r"n:0 pts:(-?\d+) .*chlayout:([^\[\]]+) rate:(\d+) nb_samples")


@dataclass
class Described:
    """What ffmpeg says of its input, as lines come."""

    container: str = ""
    declared_s: float | None = None
    tracks: list[Track] = field(default_factory=list)
    covers: set[int] = field(default_factory=set)
    interlaced: set[int] = field(default_factory=set)
    rotations: dict[int, float] = field(default_factory=dict)
    alpha: set[int] = field(default_factory=set)
    lines: int = 0
    over: bool = False

    def read(self, line: str) -> None:
        self.lines += 1
        self.over = self.over or self.lines > _MAX_LINES or line.startswith(("Output #", "Stream mapping"))
        if self.over:
            return
        if found := _STREAM.match(line):
            self._stream(int(found[1]), found[2], found[3].lower(), found[4], found[5])
        elif found := _INPUT.match(line):
            self.container = found[1]
        elif found := _LENGTH.match(line):
            self.declared_s = int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])
        elif self.tracks:
            track = self.tracks[-1]
            if found := _TITLE.match(line):
                self.tracks[-1] = replace(track, title=found[1][:80])
            elif _ALPHA.match(line):
                self.alpha.add(track.index)
            elif found := _ROTATION.search(line):
                self.rotations[track.index] = float(found[1])

    def _stream(self, index: int, language: str | None, kind: str, codec: str, details: str) -> None:
        known = None if language in (None, "und") else language
        self.tracks.append(Track(index, kind, codec, "(default)" in details, known))
        if _FIELDS.search(details):
            self.interlaced.add(index)
        if "(attached pic)" in details:
            self.covers.add(index)

    def of(self, kind: str) -> list[Track]:
        return [track for track in self.tracks if track.kind == kind and track.index not in self.covers]


@dataclass
class FirstFrames:
    """What the first frame and the first sound are, in ffmpeg's time."""

    tick_s: Fraction = Fraction(0)
    declared: Fraction = Fraction(0)
    pts: int = 0
    pixel_format: str = ""
    pixel_aspect: Fraction = Fraction(1)
    stored_size: tuple[int, int] = (0, 0)
    interlaced: bool = False
    colour: Colour | None = None
    sample_rate: int = 0
    layout: str = ""
    sound_s: float | None = None

    def read(self, line: str) -> None:
        if not self.tick_s and (found := _TIME.search(line)):
            self.tick_s = Fraction(int(found[1]), int(found[2]))
            self.declared = Fraction(int(found[3]), int(found[4])) if int(found[4]) else Fraction(0)
        elif not self.pixel_format and (found := _FRAME.search(line)):
            self.pts, self.pixel_format = int(found[1]), found[2]
            if int(found[3]) and int(found[4]):
                self.pixel_aspect = Fraction(int(found[3]), int(found[4]))
            self.stored_size, self.interlaced = (int(found[5]), int(found[6])), found[7] != "P"
        elif self.pixel_format and self.colour is None and (found := _COLOUR.search(line)):
            self.colour = Colour(range=found[1], matrix=found[2], primaries=found[3], transfer=found[4])
        elif self.sound_s is None and (found := _SOUND.search(line)):
            self.layout, self.sample_rate = found[2], int(found[3])
            self.sound_s = int(found[1]) / self.sample_rate

    @property
    def size(self) -> tuple[int, int]:
        """With square pixels; the height is kept."""
        return max(1, round(self.stored_size[0] * self.pixel_aspect)), self.stored_size[1]

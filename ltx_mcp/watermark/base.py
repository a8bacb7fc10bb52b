"""The seam of the watermark: frames are marked on their way to the encoder, and read again from any file."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from ltx_mcp.types.frames import Audio, Frame
from ltx_mcp.types.value import Value

Medium = Literal["frames", "audio"]

INSTALLATION_BITS, CLIP_BITS = 32, 24
PAYLOAD_BITS = INSTALLATION_BITS + CLIP_BITS

FrameMarker = Callable[[int, Frame], Frame]
"""(the number of a frame, from 0 and in order; the frame) to the marked frame, which has the same shape."""


@dataclass(frozen=True)
class Mark:
    """What a mark says: `installation`, a number drawn at random once, and `clip`. Neither names anybody."""

    installation: int
    clip: int

    @property
    def text(self) -> str:
        """14 hexadecimal digits, the installation's first, with a hyphen between the two."""
        return f"{self.installation:08x}-{self.clip:06x}"


class FoundMark(Value):
    """A mark in a file, seen from `start_s` to `end_s` by the second. `text` is `Mark.text`.

    `agreement` is the share of the code's symbols that were read as they were written, 0.5..1; `medium` is where.
    """

    text: str
    start_s: float
    end_s: float
    agreement: float
    medium: Medium = "frames"


@dataclass(frozen=True)
class ClipMarker:
    """Marks one clip: its frames, and its audio, (channels, samples) at 48 kHz."""

    frame: FrameMarker
    audio: Callable[[Audio], Audio]


class MarkReader(Protocol):
    """Reads the marks of one video, whose frames it is shown in order. `size`, (width, height), is enough for it."""

    size: tuple[int, int]

    def see(self, frame: Frame, until_s: float) -> None:
        """The next frame, of any size, which is on screen until this time; the video begins at 0."""

    def found(self) -> tuple[FoundMark, ...]:
        """Every mark, by the time at which it begins, once all frames were seen."""


class Watermarker(Protocol):
    """Its methods block; any thread may call them."""

    def marker(self, mark: Mark, width: int, height: int, fps: float) -> FrameMarker:
        """For the frames of one clip, whose sizes are in pixels."""

    def reader(self, width: int, height: int) -> MarkReader:
        """For the frames of one video, whose shape in pixels this is."""

    def mark_audio(self, mark: Mark, audio: Audio, made: range) -> Audio:
        """(channels, samples) at 48 kHz with the mark in the samples that are `made`; the others are as they were."""

    def read_audio(self, pieces: Iterable[Audio]) -> tuple[FoundMark, ...]:
        """Every mark in audio at 48 kHz, which comes in pieces of (2, samples), by the time at which it begins."""

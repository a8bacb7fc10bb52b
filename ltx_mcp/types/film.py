"""What a film's timeline resolves to: its texts, its audio, its shots and sources. All frozen; times in seconds."""

from pathlib import Path
from typing import Literal

from ltx_mcp.types.timeline import Position
from ltx_mcp.types.value import Value

TextStyle = Literal["title", "lower_third", "caption", "subtitle"]
AudioRole = Literal["shot", "speech", "music"]


class TimedText(Value):
    """A text and when it is shown, in seconds of the film. `position` None is the style's own place."""

    text: str
    start_s: float
    end_s: float
    style: TextStyle = "title"
    position: Position | None = None


class AudioPlacement(Value):
    """A piece of audio on the film's timeline.

    It begins at `at_s` of the film and lasts `duration_s` there; it is read from `source_start_s` of the file on, at
    `speed` with its pitch kept. Fades are within its duration. `loop` repeats the file until `duration_s` is full.
    A file that ends earlier is followed by silence. `is_video`: times of the file are on the clock of its frames.
    """

    path: Path
    role: AudioRole
    at_s: float
    duration_s: float
    source_start_s: float = 0.0
    speed: float = 1.0
    gain_db: float = 0.0
    fade_in_s: float = 0.0
    fade_out_s: float = 0.0
    loop: bool = False
    is_video: bool = False


class ShotTime(Value):
    """Where a shot stands in the finished film, and what it shows. Frames are exact and count from 0.

    A shot begins with the first frame of its transition and ends with the last frame of the next one's. `middle_frame`
    is the middle of what is seen of it alone.
    """

    shot: int
    source: str
    start_s: float
    end_s: float
    start_frame: int
    frames: int
    middle_frame: int


class Loudness(Value):
    """Of a finished mix, by EBU R128."""

    integrated_lufs: float
    true_peak_dbtp: float


class SourceUse(Value):
    """A source of a film: its reference and the span that was used, in seconds of the source. A still has none."""

    reference: str
    start_s: float | None = None
    end_s: float | None = None

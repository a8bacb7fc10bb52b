"""A source video as the clip made from it shows it: frames at one size and rate, and its audio."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ltx_mcp.engine.base import Watch
from ltx_mcp.media.footage import Footage, read_audio, read_video
from ltx_mcp.types.frames import Audio, Frame


@dataclass(frozen=True)
class SourceVideo:
    """`frames` frames of (height, width, 3) at `fps`."""

    footage: Footage
    width: int
    height: int
    fps: float
    frames: int

    def stream(self, first: int = 0, count: int | None = None) -> Iterator[Frame]:
        """`count` frames from number `first` on, decoded as they are pulled; all the rest if None."""
        begin_s = first / self.fps
        part = replace(
            self.footage, start_s=self.footage.start_s + begin_s, duration_s=self.footage.duration_s - begin_s
        )
        return read_video(part, self.width, self.height, self.fps, self.frames - first if count is None else count)

    def read(self, first: int, count: int, watch: Watch) -> list[Frame]:
        """The same, decoded now; for a few frames. Empty for none."""
        frames = []
        for frame in self.stream(first, count) if count else ():
            watch.check()
            frames.append(frame)
        return frames

    def audio(self) -> Audio | None:
        """At `audio.SAMPLE_RATE`; None where it has none. Raises MediaError."""
        return read_audio(self.footage)

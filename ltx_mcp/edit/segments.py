"""A film in segments: the body of a shot, or the transition between two. One ffmpeg process makes the frames of each.

Memory does not grow with the film: at any time at most two processes are open, the one that is read and the next,
which decodes its first frames meanwhile.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ltx_mcp.edit.film import Film, FilmShot
from ltx_mcp.edit.graph import shot_input
from ltx_mcp.edit.sources import naming
from ltx_mcp.edit.stills import StillFiles
from ltx_mcp.errors import MediaError
from ltx_mcp.media.ffmpeg import FFmpeg
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.timeline import Transition

_FRAME_LIMIT_S = 120.0  # for any one frame, however far into its file it lies; longer means a file made to stall us

_AHEAD = 1  # processes that are open beside the one that is read

_XFADE: dict[Transition, str] = {
    "dissolve": "fade",  # xfade's own "dissolve" is one of single pixels
    "fade_black": "fadeblack",
    "fade_white": "fadewhite",
    "wipe_left": "wipeleft",
    "slide_left": "slideleft",
}

TextFilter = Callable[[float, float], str | None]
"""The filter that draws what is shown between two times of the film in seconds, given frames that carry the film's
times; None where nothing is."""


@dataclass(frozen=True)
class Segment:
    """`frames` frames of the film from `start` on: of `shot` alone, or of its transition from `before`."""

    start: int
    frames: int
    shot: FilmShot
    before: FilmShot | None = None

    @property
    def numbers(self) -> tuple[int, ...]:
        return (self.shot.number,) if self.before is None else (self.before.number, self.shot.number)


def segments(film: Film) -> list[Segment]:
    """In order, without gap or overlap: together they are the film."""
    found: list[Segment] = []
    for before, shot in zip((None, *film.shots), film.shots, strict=False):
        if shot.lead_in:
            found.append(Segment(shot.start, shot.lead_in, shot, before))
        if (alone := shot.frames - shot.lead_in - shot.lead_out) > 0:
            found.append(Segment(shot.start + shot.lead_in, alone, shot))
    return found


def film_frames(film: Film, work: Path, text: TextFilter = lambda start_s, end_s: None) -> Generator[Frame]:
    """Every frame of the film, (height, width, 3), as they are pulled. `work` is a folder for raw stills.

    Raises what reading a still raises, and MediaError; both name the shot.
    """
    stills = StillFiles(film, work)
    opened: deque[tuple[Segment, FFmpeg]] = deque()
    try:
        for segment in (*segments(film), None):
            if segment is not None:
                with naming(*segment.numbers):
                    opened.append((segment, FFmpeg(_args(film, segment, stills, text), pipe_out=True)))
            if len(opened) > _AHEAD or segment is None:
                yield from _read_next(film, opened, stills)
        while opened:
            yield from _read_next(film, opened, stills)
    finally:
        for _, process in opened:
            process.__exit__(None, None, None)
        stills.forget()


def _read_next(film: Film, opened: deque[tuple[Segment, FFmpeg]], stills: StillFiles) -> Iterator[Frame]:
    if opened:
        segment, process = opened[0]
        with naming(*segment.numbers):
            yield from _read(process, segment, (film.height, film.width, 3))
        process.__exit__(None, None, None)
        opened.popleft()
        stills.forget(before=segment.shot.number)


def _read(process: FFmpeg, segment: Segment, shape: tuple[int, int, int]) -> Iterator[Frame]:
    for place in range(segment.frames):
        frame = np.empty(shape, dtype=np.uint8)
        with process.within(_FRAME_LIMIT_S):
            came = process.stdout.readinto(frame.data.cast("B"))  # type: ignore[attr-defined]
        if came < frame.nbytes:
            process.finish(_FRAME_LIMIT_S)
            raise MediaError(f"only {place} of its {segment.frames} frames decode.", "Use a whole file.")
        yield frame
    process.finish(_FRAME_LIMIT_S)


def _args(film: Film, segment: Segment, stills: StillFiles, text: TextFilter) -> list[str]:
    """ffmpeg's arguments that write the segment's frames, raw RGB, to standard output."""
    label = "0" if segment.before is None else "1"
    inputs = [shot_input(film, segment.shot, segment.start - segment.shot.start, label, stills.of(segment.shot))]
    if segment.before is not None:
        first = segment.start - segment.before.start
        inputs.insert(0, shot_input(film, segment.before, first, "0", stills.of(segment.before)))
    chains = [f"[{place}:{each.index}]{each.filters}" for place, each in enumerate(inputs)]
    graph = chains[0]
    if segment.before is not None:
        kind, seconds = _XFADE[segment.shot.shot.transition], float(segment.frames / film.rate)
        joined = f"[x0][x1]xfade=transition={kind}:duration={seconds:.6f}:offset=0"
        graph = ";".join([f"{chains[0]}[x0]", f"{chains[1]}[x1]", joined])
    drawn = text(segment.start / film.fps, (segment.start + segment.frames) / film.fps)
    if drawn is not None:
        graph += f",format=rgb24,setpts=PTS+{segment.start}/({film.rate})/TB,{drawn}"
    return [
        *(arg for each in inputs for arg in each.args),
        *("-filter_complex", f"{graph},format=rgb24[out]", "-map", "[out]", "-fps_mode", "passthrough"),
        *("-frames:v", str(segment.frames), "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"),
        *(arg for each in inputs for arg in each.after),
    ]

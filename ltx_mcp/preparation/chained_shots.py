"""Films: clips that are more than one render, or more than what is rendered, joined as the frames stream by.

A new shot begins with the last frames before it as its condition, so it moves on as they moved. Those frames are all
that is held: memory does not grow with a film. The model makes them once more, with their sound, a little changed by
its VAE: the picture is blended over to that, and the sound crosses over.
"""

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from ltx_mcp.engine.base import Condition, Engine, Materials, Rendering, Watch
from ltx_mcp.errors import MediaError
from ltx_mcp.jobs.lane import PartsWatch, Render
from ltx_mcp.media.audio import CROSSFADE_S, DECLICK_S, SAMPLE_RATE, crossfade, place
from ltx_mcp.media.footage import Footage, read_audio, read_video
from ltx_mcp.types.frames import Audio, Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.sizes import TEMPORAL_STRIDE

LEAD_S = 0.75
"""Of the film before a shot that the model is shown. At 24 fps 17 frames are nearest, three latent frames: their two
differences tell a movement and its change. More would take from the 20 s that the model sees at once."""


BLEND_FRAMES = 8
"""Frames before a new shot that pass, step by step, into the model's own version of them: one latent frame. On the
micro model, after a real film, the jump at the join falls from 29 to 17 levels of 255 so (mean of six; from frame to
frame the film itself changes by 4)."""


def lead_frames(fps: float, available: int) -> int:
    """How many frames of `available` ones to show the model: the 8k+1 nearest to LEAD_S, 0 of none."""
    wanted = max(1, round(LEAD_S * fps / TEMPORAL_STRIDE)) * TEMPORAL_STRIDE + 1
    return min(wanted, (available - 1) // TEMPORAL_STRIDE * TEMPORAL_STRIDE + 1) if available else 0


def blended_frames(lead: int) -> int:
    """How many of the frames before a shot are blended, where it is shown `lead` of them."""
    return max(0, min(BLEND_FRAMES, lead - 1))


@dataclass(frozen=True)
class Source:
    """Footage as a film shows it: `frames` frames of (height, width, 3) at `fps`."""

    footage: Footage
    width: int
    height: int
    fps: float
    frames: int

    def stream(self, first: int = 0, count: int | None = None) -> Iterator[Frame]:
        """`count` frames from number `first` on, decoded as they are pulled; all the rest if none is given."""
        begin_s = first / self.fps
        part = replace(
            self.footage, start_s=self.footage.start_s + begin_s, duration_s=self.footage.duration_s - begin_s
        )
        return read_video(part, self.width, self.height, self.fps, self.frames - first if count is None else count)

    def read(self, first: int, count: int, watch: Watch) -> list[Frame]:
        """The same, now; for a few frames. Empty for none."""
        frames = []
        for frame in self.stream(first, count) if count else ():
            watch.check()
            frames.append(frame)
        return frames

    def sound(self) -> Audio | None:
        """None where it has none. Raises MediaError."""
        try:
            return read_audio(self.footage, SAMPLE_RATE)
        except MediaError as error:
            hint = "Take it in with import_video, or use a video without sound."
            raise MediaError(error.message, hint) from error


@dataclass(frozen=True)
class ChainedShot:
    """One render of a film. The plan counts in the `lead` frames at its start, which the film has already."""

    plan: Plan
    lead: int = 0


def chained(shots: Sequence[ChainedShot], source: Source | None = None) -> Render:
    """The source, then each shot, begun with the last frames of whatever is before it."""

    def render(engine: Engine, watch: PartsWatch) -> Rendering:
        chain = _Chain(engine, watch, shots, source)
        return Rendering(chain.frames(), sample_rate=SAMPLE_RATE, late_audio=lambda: chain.sound)

    return render


class _Chain:
    """One run of a chain: what is before the present shot. Its first shot is denoised at once, as by any engine."""

    def __init__(self, engine: Engine, watch: PartsWatch, shots: Sequence[ChainedShot], source: Source | None) -> None:
        self._engine, self._watch, self._shots, self._source = engine, watch, shots, source
        self._fps = shots[0].plan.fps
        self._before = 0 if source is None else source.frames
        self._samples = _sample(self._before + sum(shot.plan.frames - shot.lead for shot in shots), self._fps)
        sound = None if source is None else source.sound()
        self.sound = None if sound is None else place(sound, SAMPLE_RATE, 0, self._samples)
        self._heard = 0 if sound is None else min(_sample(self._before, self._fps), sound.shape[1])
        lead = [] if source is None else source.read(source.frames - shots[0].lead, shots[0].lead, watch)
        self._last: deque[Frame] = deque(lead, maxlen=max(shot.lead for shot in shots) or 1)
        self._first = self._render(0)

    def frames(self) -> Iterator[Frame]:
        """Every frame of the film, in order. Afterwards `sound` is whole."""
        held: deque[Frame] = deque()
        if self._source is not None:
            held = yield from _all_but(blended_frames(self._shots[0].lead), self._source.stream())
        for number, shot in enumerate(self._shots):
            rendering = self._first if number == 0 else self._render(number)
            coming = self._shots[number + 1 : number + 2]
            spare = blended_frames(coming[0].lead) if coming else 0
            held = yield from _all_but(spare, self._joined(held, rendering, shot))
            self._hear(rendering, shot)
            self._before += shot.plan.frames - shot.lead
        if self.sound is not None and self._heard < self._samples:
            start = max(0, self._heard - round(DECLICK_S * SAMPLE_RATE))
            self.sound = crossfade(self.sound, self.sound * 0, start, self._heard)

    def _joined(self, held: deque[Frame], rendering: Rendering, shot: ChainedShot) -> Iterator[Frame]:
        """The frames before the shot that were held back, passing into the model's own of them, and the shot's."""
        steps = len(held) + 1
        for number, frame in enumerate(islice(rendering.frames, shot.lead - len(held), None), start=1):
            if number < steps:
                yield _mixed(held.popleft(), frame, number / steps)
            else:
                self._last.append(frame)
                yield frame

    def _render(self, number: int) -> Rendering:
        shot = self._shots[number]
        self._watch.part(number, len(self._shots))
        lead = list(self._last)[len(self._last) - shot.lead :]
        return self._engine.render(shot.plan, self._watch, Materials((Condition(lead),) if lead else ()))

    def _hear(self, rendering: Rendering, shot: ChainedShot) -> None:
        """Cross over to the shot's sound just before its first frame, or fade it in there where there was none."""
        made = rendering.final_audio()
        if made is None:
            return
        join = _sample(self._before, self._fps)
        begin = _sample(self._before - shot.lead, self._fps)
        new = place(made, rendering.sample_rate, begin, self._samples)
        fade = round(CROSSFADE_S * SAMPLE_RATE)
        if self.sound is not None:
            end = min(join, self._heard)  # a model's sound ends a little before its pictures
            self.sound = crossfade(self.sound, new, max(begin, end - fade, 0), end)
        else:
            self.sound = crossfade(new * 0, new, join, min(join + fade, self._samples)) if join else new
        self._heard = min(self._samples, begin + round(made.shape[1] * SAMPLE_RATE / rendering.sample_rate))


def retaken(source: Source, window: Plan, first: int, end: int) -> Render:
    """The source, with its frames `first` to before `end` made anew. `window` plans them with what the model is shown
    of the frames before and after: as many after as `lead_frames` says, and the rest of its length before.
    """
    after = lead_frames(source.fps, source.frames - end)
    before = window.frames - (end - first) - after

    def render(engine: Engine, watch: PartsWatch) -> Rendering:
        sound = source.sound()
        around = (
            Condition(source.read(first - before, before, watch)),
            Condition(source.read(end, after, watch), before + end - first),
        )
        made = engine.render(window, watch, Materials(tuple(each for each in around if each.frames)))
        return Rendering(frames(made), _retaken_sound(source, sound, made, first - before, (first, end)), SAMPLE_RATE)

    def frames(made: Rendering) -> Iterator[Frame]:
        new = islice(made.frames, before, None)
        for number, frame in enumerate(source.stream()):
            yield next(new) if first <= number < end else frame
        for _ in new:  # what it was shown of the end: an engine is done only after its last frame
            pass

    return render


def _retaken_sound(
    source: Source, sound: Audio | None, made: Rendering, begin: int, span: tuple[int, int]
) -> Audio | None:
    """The source's own sound, and between the frames of the span the new one. It fades inside the span: what is
    outside stays as it was, to the sample. Without new sound, the source's own goes on.
    """
    new, samples = made.final_audio(), _sample(source.frames, source.fps)
    own = None if sound is None else place(sound, SAMPLE_RATE, 0, samples)
    if new is None:
        return own
    old = place(new[:, :0], SAMPLE_RATE, 0, samples) if own is None else own
    start, end = (_sample(frame, source.fps) for frame in span)
    fade = min(round(CROSSFADE_S * SAMPLE_RATE), (end - start) // 2)
    into = crossfade(
        old, place(new, made.sample_rate, _sample(begin, source.fps), samples), start, start + fade if start else 0
    )
    return crossfade(into, old, end - fade, end) if end < samples else into


def _all_but(spare: int, frames: Iterator[Frame]) -> Generator[Frame, None, deque[Frame]]:
    """Hand on all frames but the last `spare`, which are returned."""
    held: deque[Frame] = deque()
    for frame in frames:
        held.append(frame)
        if len(held) > spare:
            yield held.popleft()
    return held


def _mixed(old: Frame, new: Frame, share: float) -> Frame:
    """`share` is 0..1: how much of the new."""
    return (old + (new.astype(np.float32) - old) * share).round().astype(np.uint8)


def _sample(frame: int, fps: float) -> int:
    """Where a frame begins in the sound."""
    return round(frame * SAMPLE_RATE / fps)

"""Joins shots that continue each other, or a source, into one clip, as the frames stream by.

A shot begins with the last frames before it as its condition, its context, so it moves on as they moved. No more than
those frames is held: memory does not grow with the clip. The model makes them again, with their audio, a little changed
by its VAE: the old frames blend into the new ones, and the audio crossfades.
"""

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from ltx_mcp.engine.base import Condition, Engine, Materials, Rendering
from ltx_mcp.jobs.lane_job import PartsWatch, Render
from ltx_mcp.media.audio import CROSSFADE_S, DECLICK_S, SAMPLE_RATE, crossfade, place
from ltx_mcp.preparation.source_video import SourceVideo
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.sizes import TEMPORAL_STRIDE

CONTEXT_S = 0.75
"""Of the clip before a shot that the model is shown. At 24 fps 17 frames are nearest, three latent frames: their two
differences tell a movement and its change. More would take from the 20 s that the model sees at once."""

BLEND_FRAMES = 8
"""Frames before a new shot that blend, step by step, into the model's own version of them: one latent frame. On the
micro model, after real footage, the jump at the join falls from 29 to 17 levels of 255 so (mean of six; from frame to
frame the footage itself changes by 4)."""


def context_frames(fps: float, available: int) -> int:
    """How many frames of `available` ones to show the model: the 8k+1 nearest to CONTEXT_S, 0 of none."""
    wanted = max(1, round(CONTEXT_S * fps / TEMPORAL_STRIDE)) * TEMPORAL_STRIDE + 1
    return min(wanted, (available - 1) // TEMPORAL_STRIDE * TEMPORAL_STRIDE + 1) if available else 0


def blended_frames(context: int) -> int:
    """How many of the frames before a shot are blended, where it is shown `context` of them."""
    return max(0, min(BLEND_FRAMES, context - 1))


def sample_at(frame: int, fps: float) -> int:
    """The audio sample at which a frame begins."""
    return round(frame * SAMPLE_RATE / fps)


@dataclass(frozen=True)
class ChainedShot:
    """One render of a chain. Its plan counts the `context` frames at its start, which the clip has already."""

    plan: Plan
    context: int = 0


def chained_render(shots: Sequence[ChainedShot], source: SourceVideo | None = None) -> Render:
    """Renders the source, then each shot, begun with the last frames of whatever is before it."""

    def render(engine: Engine, watch: PartsWatch) -> Rendering:
        chain = _Chain(engine, watch, shots, source)
        return Rendering(chain.frames(), sample_rate=SAMPLE_RATE, late_audio=lambda: chain.audio)

    return render


class _Chain:
    """One run of a chain. Its first shot is denoised at once, as by any engine.

    `_before` counts the frames before the present shot, `_audio_end` the samples of audio so far.
    """

    def __init__(
        self, engine: Engine, watch: PartsWatch, shots: Sequence[ChainedShot], source: SourceVideo | None
    ) -> None:
        self._engine, self._watch, self._shots, self._source = engine, watch, shots, source
        self._fps = shots[0].plan.fps
        self._before = 0 if source is None else source.frames
        self._samples = sample_at(self._before + sum(shot.plan.frames - shot.context for shot in shots), self._fps)
        audio = None if source is None else source.audio()
        self.audio = None if audio is None else place(audio, SAMPLE_RATE, 0, self._samples)
        self._audio_end = 0 if audio is None else min(sample_at(self._before, self._fps), audio.shape[1])
        first = shots[0].context
        context = [] if source is None else source.read(source.frames - first, first, watch)
        self._last: deque[Frame] = deque(context, maxlen=max(shot.context for shot in shots) or 1)
        self._first = self._render(0)

    def frames(self) -> Iterator[Frame]:
        """Every frame of the clip, in order. Afterwards `audio` is whole."""
        held: deque[Frame] = deque()
        if self._source is not None:
            held = yield from _all_but(blended_frames(self._shots[0].context), self._source.stream())
        for number, shot in enumerate(self._shots):
            rendering = self._first if number == 0 else self._render(number)
            following = self._shots[number + 1 : number + 2]
            to_hold = blended_frames(following[0].context) if following else 0
            held = yield from _all_but(to_hold, self._blended(held, rendering, shot))
            self._add_audio(rendering, shot)
            self._before += shot.plan.frames - shot.context
        self._end_audio()

    def _blended(self, held: deque[Frame], rendering: Rendering, shot: ChainedShot) -> Iterator[Frame]:
        """The frames held back before the shot, blending into the model's version of them; then the shot's own."""
        steps = len(held) + 1
        for number, frame in enumerate(islice(rendering.frames, shot.context - len(held), None), start=1):
            if number < steps:
                yield _mix(held.popleft(), frame, number / steps)
            else:
                self._last.append(frame)
                yield frame

    def _render(self, number: int) -> Rendering:
        shot = self._shots[number]
        self._watch.part(number, len(self._shots))
        context = list(self._last)[len(self._last) - shot.context :]
        return self._engine.render(shot.plan, self._watch, Materials((Condition(context),) if context else ()))

    def _add_audio(self, rendering: Rendering, shot: ChainedShot) -> None:
        """Crossfade to the shot's audio just before its first frame, or fade it in there where there was none."""
        made = rendering.final_audio()
        if made is None:
            return
        join = sample_at(self._before, self._fps)
        begin = sample_at(self._before - shot.context, self._fps)
        new = place(made, rendering.sample_rate, begin, self._samples)
        fade = round(CROSSFADE_S * SAMPLE_RATE)
        if self.audio is not None:
            end = min(join, self._audio_end)  # a model's audio ends a little before its frames
            self.audio = crossfade(self.audio, new, max(begin, end - fade, 0), end)
        else:
            self.audio = crossfade(new * 0, new, join, min(join + fade, self._samples)) if join else new
        self._audio_end = min(self._samples, begin + round(made.shape[1] * SAMPLE_RATE / rendering.sample_rate))

    def _end_audio(self) -> None:
        """Fade out where the last shots have no audio."""
        if self.audio is not None and self._audio_end < self._samples:
            start = max(0, self._audio_end - round(DECLICK_S * SAMPLE_RATE))
            self.audio = crossfade(self.audio, self.audio * 0, start, self._audio_end)


def _all_but(count: int, frames: Iterator[Frame]) -> Generator[Frame, None, deque[Frame]]:
    """Yield all frames but the last `count`, which are returned."""
    held: deque[Frame] = deque()
    for frame in frames:
        held.append(frame)
        if len(held) > count:
            yield held.popleft()
    return held


def _mix(old: Frame, new: Frame, share: float) -> Frame:
    """`share` is 0..1: how much of the new."""
    return (old + (new.astype(np.float32) - old) * share).round().astype(np.uint8)

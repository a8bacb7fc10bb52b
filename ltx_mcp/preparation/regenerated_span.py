"""Renders a source with one span of it regenerated: frames and audio outside the span stay as they are."""

from collections.abc import Iterator
from itertools import islice

from ltx_mcp.engine.base import Condition, Engine, Materials, Rendering
from ltx_mcp.jobs.lane_job import PartsWatch, Render
from ltx_mcp.media.audio import CROSSFADE_S, SAMPLE_RATE, crossfade, place
from ltx_mcp.preparation.chained_shots import context_frames, sample_at
from ltx_mcp.preparation.source_video import SourceVideo
from ltx_mcp.types.frames import Audio, Frame
from ltx_mcp.types.plans import Plan


def regenerated_render(source: SourceVideo, window: Plan, first: int, end: int) -> Render:
    """Renders the source with its frames `first` to before `end` regenerated.

    `window` plans them with their context: after the span as many frames as `context_frames` says, before it the rest
    of the window's length.
    """
    after = context_frames(source.fps, source.frames - end)
    before = window.frames - (end - first) - after

    def render(engine: Engine, watch: PartsWatch) -> Rendering:
        audio = source.audio()
        context = (
            Condition(source.read(first - before, before, watch)),
            Condition(source.read(end, after, watch), before + end - first),
        )
        made = engine.render(window, watch, Materials(tuple(each for each in context if each.frames)))
        return Rendering(frames(made), _replaced_audio(source, audio, made, first - before, (first, end)), SAMPLE_RATE)

    def frames(made: Rendering) -> Iterator[Frame]:
        new = islice(made.frames, before, None)
        for number, frame in enumerate(source.stream()):
            yield next(new) if first <= number < end else frame
        for _ in new:  # its context at the end: an engine is done only after its last frame
            pass

    return render


def _replaced_audio(
    source: SourceVideo, audio: Audio | None, made: Rendering, begin: int, span: tuple[int, int]
) -> Audio | None:
    """The source's own audio, with the new between the frames of the span; without any new, the source's own.

    It fades inside the span: what is outside stays as it was, to the sample. `begin` is the window's first frame.
    """
    new, samples = made.final_audio(), sample_at(source.frames, source.fps)
    own = None if audio is None else place(audio, SAMPLE_RATE, 0, samples)
    if new is None:
        return own
    old = place(new[:, :0], SAMPLE_RATE, 0, samples) if own is None else own
    start, end = (sample_at(frame, source.fps) for frame in span)
    fade = min(round(CROSSFADE_S * SAMPLE_RATE), (end - start) // 2)
    placed = place(new, made.sample_rate, sample_at(begin, source.fps), samples)
    begun = crossfade(old, placed, start, start + fade if start else 0)
    return crossfade(begun, old, end - fade, end) if end < samples else begun

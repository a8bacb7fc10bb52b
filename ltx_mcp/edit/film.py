"""A film resolved to whole frames: where each shot stands, how long it is, how far it overlaps its neighbours.

Times are rounded once, on the film's own clock, so lengths never drift: a cut asked for at t falls on frame
round(t * fps), whatever came before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ltx_mcp.edit.sources import Source, StillSource, VideoSource, naming
from ltx_mcp.errors import BadInput
from ltx_mcp.types.film import AudioPlacement, ShotTime, SourceUse, TimedText
from ltx_mcp.types.timeline import DEFAULT_STILL_S, DEFAULT_TRANSITION_S, MAX_EDIT_S, FrameFit, Shot

_SPARE_FRAMES = 0.5  # of a source that ends this little before the shot does, its last frame stays


@dataclass(frozen=True)
class FilmShot:
    """A shot on the timeline. Frames of the film: it begins at `start` and has `frames`.

    Its first `lead_in` frames overlap the shot before, its last `lead_out` the one after.
    """

    number: int  # from 1
    shot: Shot
    source: Source
    start: int
    frames: int
    lead_in: int = 0
    lead_out: int = 0

    @property
    def end(self) -> int:
        return self.start + self.frames


@dataclass(frozen=True)
class Film:
    """Everything that its frames depend on. Sizes in pixels."""

    width: int
    height: int
    fps: float
    fit: FrameFit
    shots: tuple[FilmShot, ...]
    texts: tuple[TimedText, ...] = ()

    @property
    def frames(self) -> int:
        return self.shots[-1].end

    @property
    def rate(self) -> Fraction:
        """29.97 is 30000/1001."""
        return Fraction(self.fps).limit_denominator(1001)


def lay_out(shots: Sequence[Shot], sources: Sequence[Source], fps: float) -> tuple[FilmShot, ...]:
    """The shots on one timeline. Raises BadInput, which names the shot."""
    laid: list[FilmShot] = []
    start, end_s = 0, 0.0
    for number, (shot, source) in enumerate(zip(shots, sources, strict=True), 1):
        with naming(number):
            duration_s = _duration(shot, source)
            _check_source(shot, source, duration_s, fps)
            overlap_s = _overlap(shot) if laid else 0.0
            overlap = max(1, round(overlap_s * fps)) if overlap_s else 0
            start = laid[-1].end - overlap if laid else 0
            end_s += duration_s - overlap_s
            frames = max(1, round(end_s * fps) - start)
            _check_length(duration_s, fps, end_s)
            if laid:
                _check_overlap(shot, laid[-1], overlap, frames, fps)
        if laid:
            laid[-1] = _before(laid[-1], overlap)
        laid.append(FilmShot(number, shot, source, start, frames, overlap))
    return tuple(laid)


def _before(shot: FilmShot, overlap: int) -> FilmShot:
    return FilmShot(shot.number, shot.shot, shot.source, shot.start, shot.frames, shot.lead_in, overlap)


def _duration(shot: Shot, source: Source) -> float:
    if shot.duration_s is not None:
        return shot.duration_s
    match source:
        case StillSource():
            return DEFAULT_STILL_S
        case VideoSource(footage):
            return (footage.duration_s - (shot.start_s or 0.0)) / shot.speed


def _overlap(shot: Shot) -> float:
    if shot.transition == "cut":
        return 0.0
    return shot.transition_s or DEFAULT_TRANSITION_S


def _check_length(duration_s: float, fps: float, end_s: float) -> None:
    if duration_s * fps < 0.5:
        raise BadInput(f"{duration_s:g} s is less than one frame at {fps:g} fps.", f"Use at least {1 / fps:.3f} s.")
    if end_s > MAX_EDIT_S:
        raise BadInput(f"with it the film is longer than {MAX_EDIT_S:g} s.", "Make it in parts.")


def _check_source(shot: Shot, source: Source, duration_s: float, fps: float) -> None:
    """Whether the source lasts as long as the shot shows it."""
    if isinstance(source, StillSource):
        if shot.speed != 1 or shot.start_s is not None:
            raise BadInput("a still has no speed and no start_s.", "Leave them out.")
        return
    if shot.motion != "none":
        raise BadInput(f"motion {shot.motion} is for stills, and this is a video.", "Leave motion out.")
    has_s = (source.footage.duration_s - (shot.start_s or 0.0)) / shot.speed
    if has_s <= 0:
        raise BadInput(f"start_s {shot.start_s:g} is past its end: the source lasts {source.footage.duration_s:.3f} s.")
    if duration_s > has_s + _SPARE_FRAMES / fps:
        raise BadInput(
            f"it is asked to last {duration_s:g} s, and its source lasts {has_s:.3f} s at speed {shot.speed:g}.",
            f"Use at most {has_s:.3f} s, or a lower speed.",
        )


def _check_overlap(shot: Shot, before: FilmShot, overlap: int, frames: int, fps: float) -> None:
    """Two shots overlap within both, and no third joins in."""
    if overlap > frames:
        raise BadInput(
            f"its {shot.transition} of {overlap / fps:.3f} s is longer than the shot of {frames / fps:.3f} s.",
            "Shorten transition_s, or make the shot longer.",
        )
    if overlap > before.frames - before.lead_in:
        room = (before.frames - before.lead_in) / fps
        shorter = f"Shorten transition_s to {room:.3f} at most" if room else "Use a cut"
        raise BadInput(
            f"its {shot.transition} of {overlap / fps:.3f} s does not fit into shot {before.number}, which has "
            f"{room:.3f} s left for it.",
            f"{shorter}, or make shot {before.number} longer.",
        )


def shot_texts(shots: Sequence[FilmShot], fps: float) -> tuple[TimedText, ...]:
    """The shots' own titles: each is shown while its shot is seen alone, or throughout where it never is."""
    texts = []
    for each in shots:
        if each.shot.title:
            alone = each.frames > each.lead_in + each.lead_out
            first, last = (each.start + each.lead_in, each.end - each.lead_out) if alone else (each.start, each.end)
            texts.append(TimedText(text=each.shot.title, start_s=first / fps, end_s=last / fps, style="title"))
    return tuple(texts)


def shot_times(shots: Sequence[FilmShot], fps: float) -> tuple[ShotTime, ...]:
    return tuple(
        ShotTime(
            shot=each.number,
            source=each.shot.source,
            start_s=round(each.start / fps, 3),
            end_s=round(each.end / fps, 3),
            start_frame=each.start,
            frames=each.frames,
            middle_frame=_middle(each),
        )
        for each in shots
    )


def _middle(shot: FilmShot) -> int:
    first, last = shot.start + shot.lead_in, shot.end - shot.lead_out
    return (first + last - 1) // 2 if last > first else (shot.start + shot.end - 1) // 2


def shot_audio(shots: Sequence[FilmShot], fps: float) -> tuple[AudioPlacement, ...]:
    """The shots' own audio, faded where they overlap. A shot without audio has none, which is silence."""
    return tuple(
        AudioPlacement(
            path=each.source.footage.path,
            role="shot",
            at_s=each.start / fps,
            duration_s=each.frames / fps,
            source_start_s=each.source.footage.start_s + (each.shot.start_s or 0.0),
            speed=each.shot.speed,
            gain_db=each.shot.volume_db,
            fade_in_s=each.lead_in / fps,
            fade_out_s=each.lead_out / fps,
            is_video=True,
        )
        for each in shots
        if isinstance(each.source, VideoSource) and each.source.footage.has_audio and each.shot.volume_db > -60
    )


def source_uses(shots: Sequence[FilmShot], fps: float) -> tuple[SourceUse, ...]:
    """What was used of each source, in the order of the shots."""
    uses = []
    for each in shots:
        if isinstance(each.source, StillSource):
            uses.append(SourceUse(reference=each.shot.source))
            continue
        start_s = each.source.footage.start_s + (each.shot.start_s or 0.0)
        end_s = start_s + each.frames / fps * each.shot.speed
        uses.append(SourceUse(reference=each.shot.source, start_s=round(start_s, 3), end_s=round(end_s, 3)))
    return tuple(uses)

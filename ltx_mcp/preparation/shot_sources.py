"""The sources of a film's shots: references become videos and stills, each looked at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ltx_mcp.edit.film import FilmShot
from ltx_mcp.edit.sources import BLACK_STILL, Source, StillSource, VideoSource, naming
from ltx_mcp.errors import BadInput, MediaError
from ltx_mcp.media.framecrc import HINT
from ltx_mcp.media.probe import read_frames
from ltx_mcp.media.resize import shrink
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.origins import Origin, origin_of
from ltx_mcp.preparation.reference_grammar import ClipRef
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.timeline import BLACK, MAX_SHOT_S, Shot

LOOKS_PER_SHOT = 4  # of footage from outside the archive; the finished film is watched at two frames a second
LOOK_SIDE = 256  # pixels of the short side: what open_nsfw resizes to


@dataclass(frozen=True)
class ShotSource:
    """What a shot is made from. `clip` is that of the archive, None for a file; `look` is a still's, in small, and
    `notes` are what was changed of it. `origin` is set where a model made it.
    """

    source: Source
    clip: Clip | None
    look: Frame | None = None
    origin: Origin | None = None
    notes: tuple[str, ...] = ()


def shot_sources(shots: Sequence[Shot], inputs: Inputs) -> list[ShotSource]:
    """One for each shot. Raises BadInput, NotFound, MediaError, which name the shot."""
    known: dict[str, ShotSource] = {}
    for number, shot in enumerate(shots, 1):
        if shot.source == BLACK:
            known[BLACK] = ShotSource(BLACK_STILL, None, BLACK_STILL.load())
        elif shot.source not in known:
            with naming(number):
                clip = inputs.original(shot.source)
                origin = origin_of(shot.source, clip, inputs)
                known[shot.source] = replace(_source(shot.source, inputs), clip=clip, origin=origin)
    return [known[shot.source] for shot in shots]


def _source(reference: str, inputs: Inputs) -> ShotSource:
    parsed = inputs.parse(reference)
    clip = inputs.clip(reference)
    if isinstance(parsed, ClipRef) and (parsed.at_s is not None or (clip is not None and clip.kind == "photo")):
        return _still(reference, inputs)
    try:
        footage = inputs.video(reference, MAX_SHOT_S)
    except MediaError:
        if isinstance(parsed, ClipRef):
            raise
        return _still_or_neither(reference, inputs)
    return ShotSource(VideoSource(footage), None)


def _still_or_neither(reference: str, inputs: Inputs) -> ShotSource:
    try:
        return _still(reference, inputs)
    except BadInput as error:
        if "cannot be read as" not in error.message:
            raise
        hint = f"{error.hint} Of videos: {HINT}"
        raise BadInput(f"{reference} can be read neither as a video nor as an image.", hint) from error


def _still(reference: str, inputs: Inputs) -> ShotSource:
    """It is read again when it is rendered: a hundred photographs are too much to hold."""
    image = inputs.image(reference)
    height, width, _ = image.frame.shape
    source = StillSource((width, height), lambda: inputs.still(reference))
    return ShotSource(source, None, shrink(image.frame, LOOK_SIDE), notes=image.notes)


def looks(shots: Sequence[FilmShot], sources: Sequence[ShotSource], fps: float) -> list[tuple[int, Frame]]:
    """(shot number, frame) of what moderation looks at before anything is rendered: whatever is not of the archive.

    Raises MediaError, BadInput, which name the shot.
    """
    seen: list[tuple[int, Frame]] = []
    for shot, found in zip(shots, sources, strict=True):
        if found.clip is None:
            with naming(shot.number):
                seen += [(shot.number, frame) for frame in _looks(shot, found, fps)]
    return seen


def _looks(shot: FilmShot, found: ShotSource, fps: float) -> list[Frame]:
    if found.look is not None:
        return [found.look]
    assert isinstance(found.source, VideoSource)
    footage = found.source.footage
    start_s = footage.start_s + (shot.shot.start_s or 0.0)
    times_s = np.linspace(start_s, start_s + shot.frames / fps * shot.shot.speed, LOOKS_PER_SHOT)
    return [shrink(frame, LOOK_SIDE) for _, frame in read_frames(footage.source, list(times_s))]

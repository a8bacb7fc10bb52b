"""Sources for films, and films of them, small enough to render whole."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ltx_mcp.edit.film import Film, lay_out, shot_texts
from ltx_mcp.edit.segments import film_frames
from ltx_mcp.edit.sources import Source, StillSource, VideoSource
from ltx_mcp.media.footage import open_footage
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.timeline import FrameFit, Shot


def video(path: Path, span_s: tuple[float, float] | None = None) -> VideoSource:
    return VideoSource(open_footage(path, str(path), span_s))


def still(frame: Frame) -> StillSource:
    return StillSource((frame.shape[1], frame.shape[0]), lambda: frame)


def plain(colour: int | tuple[int, int, int], size: tuple[int, int] = (64, 48)) -> StillSource:
    return still(np.full((size[1], size[0], 3), colour, dtype=np.uint8))


def a_film(
    *shots: tuple[Source, Mapping[str, object]],
    fps: float = 10.0,
    size: tuple[int, int] = (64, 48),
    fit: FrameFit = "crop",
) -> Film:
    """A film of (source, what its Shot says)."""
    described = [Shot.model_validate({"source": "unused", **fields}) for _, fields in shots]
    laid = lay_out(described, [source for source, _ in shots], fps)
    return Film(*size, fps, fit, laid, shot_texts(laid, fps))


def rendered(film: Film, work: Path) -> list[Frame]:
    """All its frames; the folder is left as empty as it was."""
    work.mkdir(exist_ok=True)
    frames = list(film_frames(film, work))
    assert not list(work.iterdir())
    return frames


def greys(frames: list[Frame]) -> list[int]:
    return [round(float(frame.mean())) for frame in frames]

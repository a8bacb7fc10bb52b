"""Stills as raw files that ffmpeg reads: written when their first segment is opened, deleted when the last is done."""

from dataclasses import dataclass
from pathlib import Path

from ltx_mcp.edit.film import Film, FilmShot
from ltx_mcp.edit.sources import StillSource
from ltx_mcp.errors import MediaError
from ltx_mcp.media.resize import covering
from ltx_mcp.types.timeline import MAX_SHOTS

_AT_MOST = 2  # times what the film can show of it: a photograph of 64 megapixels need not be read for every segment


@dataclass(frozen=True)
class StillFile:
    """One frame, rgb24 without a header. Sizes in pixels."""

    path: Path
    width: int
    height: int


class StillFiles:
    """The stills of a film, in a folder of its own."""

    def __init__(self, film: Film, work: Path) -> None:
        self._film, self._work = film, work
        self._files: dict[int, StillFile] = {}

    def of(self, shot: FilmShot) -> StillFile | None:
        """The shot's still, None for a video. Raises what reading it raises, and MediaError."""
        if not isinstance(shot.source, StillSource):
            return None
        if shot.number not in self._files:
            frame = covering(shot.source.load(), self._film.width * _AT_MOST, self._film.height * _AT_MOST)
            path = self._work / f"still-{shot.number}.rgb"
            try:
                path.write_bytes(frame.data)
            except OSError as error:
                raise MediaError(f"The still could not be stored: {error}.", "Free some disk space.") from error
            self._files[shot.number] = StillFile(path, frame.shape[1], frame.shape[0])
        return self._files[shot.number]

    def forget(self, before: int = MAX_SHOTS + 1) -> None:
        """Delete those of shots with lower numbers; all of them if no number is given."""
        for number in [number for number in self._files if number < before]:
            self._files.pop(number).path.unlink(missing_ok=True)

"""What a tool argument names, opened: a clip of the archive, its frame or span, or a file inside an allowed folder."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ltx_mcp.archive.clip_frames import frame_at
from ltx_mcp.archive.library import Library
from ltx_mcp.archive.originals import playable
from ltx_mcp.archive.uploads import Uploads
from ltx_mcp.errors import BadInput, MediaError, NotFound, StudioError
from ltx_mcp.media.file_kinds import HEAD_BYTES, FileKind, kind_of
from ltx_mcp.media.footage import ANY_LENGTH_S, MAX_DURATION_S, Footage, open_footage
from ltx_mcp.media.framecrc import HINT as VIDEO_HINT
from ltx_mcp.media.images import Still, read_still
from ltx_mcp.media.still_formats import HINT as IMAGE_HINT
from ltx_mcp.preparation.allowed_files import AllowedFiles
from ltx_mcp.preparation.reference_grammar import ClipRef, FileRef, ReferenceGrammar
from ltx_mcp.provenance.base import Manifest, Signer
from ltx_mcp.provenance.stand_in import Unsigned
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.frames import Frame

MAX_IMAGE_BYTES = 50_000_000
MAX_VIDEO_BYTES = 2_000_000_000
ANY_SIZE = sys.maxsize  # of footage that is looked through and not copied
_TOLERANCE_S = 0.001  # times are handed out with three decimals


class Inputs:
    """Reads references. `roots` are the folders that files may come from; whoever can write there is trusted.

    None lifts the confinement, for a person who can read those files anyway.
    """

    def __init__(
        self,
        library: Library,
        roots: Sequence[Path] | None,
        uploads: Uploads | None = None,
        signer: Signer | None = None,
    ) -> None:
        self.roots = None if roots is None else tuple(roots)
        self._library, self._uploads, self._signer = library, uploads, signer or Unsigned()
        self._files = AllowedFiles(roots, library.clips_dir.parent, uploads)
        self._grammar = ReferenceGrammar(library, self._files)

    def with_roots(self, roots: Sequence[Path] | None) -> "Inputs":
        """The same archive, and files from other folders."""
        return Inputs(self._library, roots, self._uploads, self._signer)

    def parse(self, text: str) -> ClipRef | FileRef:
        """By its form alone: the clip or file need not exist. Raises BadInput with the grammar."""
        return self._grammar.parse(text)

    def clip_id(self, reference: str) -> str:
        """Of a whole clip of the archive. Raises BadInput for anything else, NotFound for a clip that is not there."""
        match self.parse(reference):
            case ClipRef(clip_id, at_s=None, span_s=None):
                return self._library.get(clip_id).clip_id
            case ClipRef(clip_id):
                raise BadInput(f"{reference!r} is a part of a clip; the whole is needed.", f"Use {clip_id}.")
            case FileRef():
                raise BadInput(f"{reference!r} is a file; a clip of the archive is needed.", "Name it by its clip_id.")

    def still(self, reference: str) -> Frame:
        """The frame of `image`."""
        return self.image(reference).frame

    def image(self, reference: str) -> Still:
        """One frame: a clip's (its middle one if no time is given), or an image file (media/still_formats.py).

        Raises BadInput for what cannot be used, NotFound for a clip that is not there.
        """
        match self.parse(reference):
            case ClipRef(span_s=(start_s, _)) as span:
                raise BadInput(f"{reference!r} is a span; a still is one frame.", f"Use {span.clip_id}@{start_s:g}.")
            case ClipRef(clip_id, at_s):
                return Still(self._frame(clip_id, at_s))
            case FileRef(path):
                with self._files.opened(path, MAX_IMAGE_BYTES, _not_an_image) as file:
                    return read_still(file.read(MAX_IMAGE_BYTES), path.name)

    def video(self, reference: str, longest_s: float = MAX_DURATION_S) -> Footage:
        """Footage: a whole clip, its span, or a video file, of each at most `longest_s`.

        Raises BadInput for what cannot be used, NotFound for a clip that is not there, MediaError for what does not
        open as a video.
        """
        match self.parse(reference):
            case ClipRef(clip_id, at_s=float(at_s)):
                hint = f"Use {clip_id}, or a span such as {clip_id}@{at_s:g}-{at_s + 2:g}."
                raise BadInput(f"{reference!r} is one frame; a video is a clip or its span.", hint)
            case ClipRef(clip_id, span_s=span_s):
                _check_moves(self._library.get(clip_id))
                return open_footage(playable(self._spanning(clip_id, span_s)), reference, span_s, longest_s)
            case FileRef(path):
                with self._files.opened(path, MAX_VIDEO_BYTES, _not_a_video) as file:
                    return open_footage(Path(file.name), reference, longest_s=longest_s)

    def footage(self, reference: str) -> Footage:
        """The whole of a clip or of a video file, of any length and size. Raises as `video`."""
        match self.parse(reference):
            case ClipRef():
                return self.video(reference, longest_s=ANY_LENGTH_S)
            case FileRef(path):
                with self._files.opened(path, ANY_SIZE, _not_a_video) as file:
                    return open_footage(Path(file.name), reference, longest_s=ANY_LENGTH_S)

    def photo(self, reference: str) -> tuple[Path, Still] | None:
        """The image that a file holds, with where it lies; None for a clip, and for what is not a still image.

        Raises BadInput.
        """
        match self.parse(reference):
            case ClipRef():
                return None
            case FileRef(path):
                with self._files.opened(path, ANY_SIZE) as file:
                    kind = kind_of(file.read(HEAD_BYTES))
                if kind is None or kind.family != "image" or kind.name == "a GIF image":
                    return None
                with self._files.opened(path, MAX_IMAGE_BYTES) as file:
                    return Path(file.name), read_still(file.read(MAX_IMAGE_BYTES), path.name)

    def media_path(self, reference: str, max_bytes: int = MAX_VIDEO_BYTES) -> Path:
        """Where a whole clip's video, or a media file inside a root, lies. Raises BadInput, NotFound."""
        match self.parse(reference):
            case ClipRef(clip_id, at_s=None, span_s=None):
                return playable(self._library.get(clip_id))
            case ClipRef(clip_id):
                raise BadInput(f"{reference!r} is a part of a clip; the whole is needed.", f"Use {clip_id}.")
            case FileRef(path):
                with self._files.opened(path, max_bytes) as file:
                    return Path(file.name)

    def text(self, reference: str, max_bytes: int) -> bytes:
        """The bytes of a text file. Raises BadInput for what is not a file inside a root."""
        match self.parse(reference):
            case ClipRef():
                raise BadInput(f"{reference!r} is a clip; a text file is needed.", "Name it by its absolute path.")
            case FileRef(path):
                with self._files.opened(path, max_bytes) as file:
                    return file.read(max_bytes)

    def original(self, reference: str) -> Clip | None:
        """As `clip`, and for a file the clip that it is a copy of: what was made here stays what it is."""
        match self.parse(reference):
            case ClipRef(clip_id):
                return self._library.get(clip_id)
            case FileRef(path):
                with self._files.opened(path, ANY_SIZE) as file:
                    return self._library.with_content(Path(file.name))

    def exported(self, reference: str) -> Clip | None:
        """The clip that a file was exported from, if the file is as it was written. Raises as `original`."""
        match self.parse(reference):
            case ClipRef():
                return None
            case FileRef(path):
                with self._files.opened(path, ANY_SIZE) as file:
                    clip_id = self._library.exports.clip_id_of(Path(file.name))
                with suppress(NotFound):  # it was deleted, or is another owner's
                    return self._library.get(clip_id) if clip_id else None
                return None

    def archived(self) -> list[Clip]:
        """The caller's clips, the newest first."""
        return self._library.own()

    def manifest(self, reference: str) -> Manifest:
        """What a clip's or a file's own provenance says. Raises as `original`."""
        match self.parse(reference):
            case ClipRef(clip_id):
                return self._signer.read(playable(self._library.get(clip_id)))
            case FileRef(path):
                with self._files.opened(path, ANY_SIZE) as file:
                    return self._signer.read(Path(file.name))

    def clip(self, reference: str) -> Clip | None:
        """The clip of the archive that a reference names in whole or in part, None for a file. Raises as `video`."""
        parsed = self.parse(reference)
        return self._library.get(parsed.clip_id) if isinstance(parsed, ClipRef) else None

    def folder(self, text: str) -> Path:
        """An existing folder inside a root, as an absolute path or a file:// URI. Raises BadInput."""
        return self._files.folder(self._grammar.path(text))

    def _frame(self, clip_id: str, at_s: float | None) -> Frame:
        clip = self._library.get(clip_id)
        if at_s is not None:
            _check_time(clip, at_s)
        return frame_at(clip, clip.duration_s / 2 if at_s is None else at_s)

    def _spanning(self, clip_id: str, span_s: tuple[float, float] | None) -> Clip:
        clip = self._library.get(clip_id)
        if span_s is None:
            return clip
        _check_time(clip, span_s[1])
        if span_s[1] - span_s[0] < 1 / clip.fps - _TOLERANCE_S:
            least = f"One frame of it takes {1 / clip.fps:.3f} s."
            raise BadInput(f"The span {span_s[0]:g}-{span_s[1]:g} of {clip_id} is shorter than a frame.", least)
        return clip


def _not_an_image(name: str, kind: FileKind) -> StudioError | None:
    if kind.family != "video":
        return None
    frames = "import_video takes a video into the archive; then name one of its frames as clip_id@seconds."
    return BadInput(f"{name} is {kind.name}; an image is needed here.", f"{IMAGE_HINT} {frames}")


def _not_a_video(name: str, kind: FileKind) -> StudioError | None:
    if kind.family == "video" or kind.name == "a GIF image":
        return None
    moving = " animate_image makes a clip of an image, and edit_video a shot." if kind.family == "image" else ""
    return MediaError(f"{name} is {kind.name}; a video is needed here.", f"{VIDEO_HINT}{moving}")


def _check_moves(clip: Clip) -> None:
    if clip.kind == "photo":
        hint = "animate_image makes a clip of it, and edit_video a shot."
        raise BadInput(f"{clip.clip_id} is a photo; a video is needed here.", hint)


def _check_time(clip: Clip, time_s: float) -> None:
    if time_s > clip.duration_s + _TOLERANCE_S:
        raise BadInput(
            f"{clip.clip_id} has no frame at {time_s:g} s.", f"Its times go from 0 to {clip.duration_s:.3f}."
        )

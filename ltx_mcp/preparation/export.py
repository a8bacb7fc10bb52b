"""Prepares export_clip: what is to be written, where, and how a lane writes it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ltx_mcp.archive.originals import playable
from ltx_mcp.engine.base import Engine, Rendering, Watch
from ltx_mcp.errors import BadInput
from ltx_mcp.media.export import Export, export
from ltx_mcp.preparation.clip_parts import clip_part
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.exports import ExportRequest
from ltx_mcp.types.stages import Stage

_STEPS = 1000  # of progress


@dataclass(frozen=True)
class PreparedExport:
    """An export that a lane can run: `write` does all of it. `finish` is given the file before anybody can see it."""

    clip_id: str
    asked: Export
    folder: Path
    name: str
    finish: Callable[[Path], None]

    def render(self, engine: Engine, watch: Watch) -> Rendering:
        """There is nothing to render."""
        return Rendering(iter(()))

    def write(self, rendering: Rendering, watch: Watch) -> Path:
        """The file that was written. Raises Cancelled, BadInput, MediaError; then none is left."""
        watch.stage(Stage.EXPORTING)
        path = export(self.asked, self.folder, self.name, partial(_step, watch), self.finish)
        try:
            watch.check()
        except BaseException:  # cancelled while the file was given its name
            path.unlink(missing_ok=True)
            raise
        return path


def _step(watch: Watch, share: float) -> None:
    watch.step(round(share * _STEPS), _STEPS)


def prepare_export(request: ExportRequest, inputs: Inputs, finish: Callable[[Clip, Path], None]) -> PreparedExport:
    """Raises BadInput, NotFound, ArchiveError."""
    ref, clip = clip_part(request.clip, inputs)
    if clip.kind == "photo":
        raise BadInput(f"{clip.clip_id} is a photo.", f"Its file is {clip.path}.")
    if ref.at_s is not None and request.format != "png":
        raise BadInput(f"{request.clip!r} is one frame.", "Export it as png, or name a clip or a span.")
    folder = inputs.folder(request.folder)
    asked = Export(playable(clip), request.format, ref.span_s, ref.at_s)
    return PreparedExport(clip.clip_id, asked, folder, request.name or clip.clip_id, partial(finish, clip))

"""Prepares export_clip: what is to be written, where, and how a lane writes it."""

from dataclasses import dataclass
from pathlib import Path

from ltx_mcp.archive.originals import playable
from ltx_mcp.engine.base import Engine, Rendering, Watch
from ltx_mcp.errors import BadInput
from ltx_mcp.media.export import Export, export
from ltx_mcp.preparation.clip_parts import clip_part
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.types.exports import ExportRequest
from ltx_mcp.types.stages import Stage

_STEPS = 1000  # of progress


@dataclass(frozen=True)
class PreparedExport:
    """An export that a lane can run: `write` does all of it."""

    clip_id: str
    asked: Export
    folder: Path
    name: str

    def render(self, engine: Engine, watch: Watch) -> Rendering:
        """There is nothing to render."""
        return Rendering(iter(()))

    def write(self, rendering: Rendering, watch: Watch) -> Path:
        """The file that was written. Raises Cancelled, BadInput, MediaError; then none is left."""
        watch.stage(Stage.EXPORTING)
        path = export(self.asked, self.folder, self.name, lambda share: watch.step(round(share * _STEPS), _STEPS))
        try:
            watch.check()
        except BaseException:  # cancelled while the file was given its name
            path.unlink(missing_ok=True)
            raise
        return path


def prepare_export(request: ExportRequest, inputs: Inputs) -> PreparedExport:
    """Raises BadInput, NotFound, ArchiveError."""
    ref, clip = clip_part(request.clip, inputs)
    if clip.kind == "photo":
        raise BadInput(f"{clip.clip_id} is a photo.", f"Its file is {clip.path}.")
    if ref.at_s is not None and request.format != "png":
        raise BadInput(f"{request.clip!r} is one frame.", "Export it as png, or name a clip or a span.")
    folder = inputs.folder(request.folder)
    return PreparedExport(
        clip.clip_id, Export(playable(clip), request.format, ref.span_s, ref.at_s), folder, request.name or clip.clip_id
    )

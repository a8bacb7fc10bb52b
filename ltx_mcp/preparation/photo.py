"""Prepares import_video for a photograph, so that stills are found beside moments: one frame, and no duration."""

from dataclasses import replace
from pathlib import Path

from ltx_mcp.archive.originals import read_original
from ltx_mcp.archive.sidecar import PHOTO
from ltx_mcp.engine.base import Materials, Rendering, Watch
from ltx_mcp.media.images import Still
from ltx_mcp.preparation.clip_writer import View, WrittenClip
from ltx_mcp.preparation.origins import Origin
from ltx_mcp.preparation.prepared_job import PreparedJob
from ltx_mcp.types.clips import Provenance
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import ImportRequest
from ltx_mcp.types.sizes import resolution_of
from ltx_mcp.types.stages import Stage

_QUALITY = 95  # of the JPEG


def prepare_photo(request: ImportRequest, path: Path, still: Still, model: str, origin: Origin | None) -> PreparedJob:
    """It is copied as a JPEG unless the request says otherwise. `model` is what stands there if it has no `origin`."""
    height, width, _ = still.frame.shape
    in_place = request.copy_file is False
    plan = Plan(
        prompt=request.prompt,
        width=width,
        height=height,
        frames=1,
        fps=1.0,
        duration_s=0.0,
        resolution=resolution_of(width, height),
        quality="final",
        audio=False,
        seed=0,
        model=model if origin is None else origin.model,
        made_width=width,
        made_height=height,
        made_frames=1,
        notes=(f"The file stays where it is: {path}.",) if in_place else still.notes,
    )
    return PreparedJob(
        "photo",
        plan,
        request.video,
        recipe="import",
        gather=lambda plan, watch: Materials(finished=Rendering(iter([still.frame]))),
        provenance=Provenance(digital_source_type=None if origin is None else origin.digital_source_type),
        lane="imports",
        original=path,
        in_place=in_place,
    )


def write_photo(
    rendering: Rendering, watch: Watch, folder: Path, view: View, path: Path, in_place: bool
) -> WrittenClip:
    """Look at the one frame, and copy it unless it stays in place. Raises ModerationUnavailable, Cancelled."""
    from PIL import Image

    viewing = view()
    (frame,) = rendering.frames
    viewing.see(0, frame)
    watch.stage(Stage.MODERATING)
    verdict = viewing.verdict()
    watch.check()
    if not in_place:
        Image.fromarray(frame).save(folder / PHOTO, "JPEG", quality=_QUALITY, subsampling=0)
    written = viewing.written(None if in_place else folder / PHOTO, verdict, has_audio=False)
    return replace(written, original=read_original(path), codec="jpeg")

"""Prepares import_video: a file is copied into the archive as it is, within the archive's sizes.

A clip of the archive, by reference or as a copy of its file, becomes an edit that keeps its model and its AI mark:
taking it out and in again must not make it footage of unknown origin.
"""

from ltx_mcp.engine.base import Materials, Rendering, Watch
from ltx_mcp.media.footage import Footage, read_audio, read_video
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.prepared_job import PreparedJob
from ltx_mcp.preparation.source_notes import source_notes
from ltx_mcp.types.clips import Provenance
from ltx_mcp.types.film import SourceUse
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import MAX_FPS, ImportRequest
from ltx_mcp.types.sizes import RESOLUTIONS, delivered_size, frame_count, short_side

IMPORT_MODEL = "none (imported)"


def prepare_import(request: ImportRequest, inputs: Inputs) -> PreparedJob:
    """Raises BadInput, NotFound, MediaError."""
    footage, original = inputs.video(request.video), inputs.original(request.video)
    width, height = _archived_size(footage)
    fps = min(max(footage.fps, 1.0), MAX_FPS)
    frames = frame_count(footage.duration_s, fps)
    plan = Plan(
        prompt=request.title,
        width=width,
        height=height,
        frames=frames,
        fps=fps,
        duration_s=frames / fps,
        resolution=next(name for name in RESOLUTIONS if min(width, height) <= short_side(name)),
        quality="final",
        audio=footage.has_audio,
        seed=0,
        model=IMPORT_MODEL if original is None else original.model,
        made_width=width,
        made_height=height,
        made_frames=frames,
        notes=_notes(footage, (width, height), fps, frames, made_here=original is not None),
    )

    def gather(plan: Plan, watch: Watch) -> Materials:
        return Materials(finished=Rendering(read_video(footage, width, height, fps, frames), read_audio(footage)))

    return PreparedJob(
        "imported" if original is None else "edited",
        plan,
        request.video if original is None else original.clip_id,
        recipe="import",
        gather=gather,
        provenance=Provenance(
            digital_source_type=None if original is None else original.provenance.digital_source_type
        ),
        lane="imports",
        sources=() if original is None else (_use(footage),),
    )


def _notes(footage: Footage, size: tuple[int, int], fps: float, frames: int, made_here: bool) -> tuple[str, ...]:
    shortened = (f"Only its first {frames / fps:.0f} s were imported.",) if footage.end_s is not None else ()
    return shortened if made_here else (*shortened, *source_notes(footage, size, fps))


def _use(footage: Footage) -> SourceUse:
    end_s = footage.start_s + footage.duration_s
    return SourceUse(reference=footage.reference, start_s=round(footage.start_s, 3), end_s=round(end_s, 3))


def _archived_size(footage: Footage) -> tuple[int, int]:
    """Even (width, height) in pixels: the video's own, within 1080p."""
    max_long, max_short = delivered_size("16:9", "1080p")
    long_side, short = max(footage.width, footage.height), min(footage.width, footage.height)
    scale = min(1.0, max_long / long_side, max_short / short)
    return max(2, round(footage.width * scale / 2) * 2), max(2, round(footage.height * scale / 2) * 2)

"""Prepares import_video: a file is copied into the archive, within the archive's sizes, or stays where it is.

A clip of the archive, by reference or as a copy of its file, becomes an edit that keeps its model and its AI mark:
taking it out and in again must not make it footage of unknown origin. A file that was exported from one keeps both
too, and any file whose manifest says that a model made it.
"""

from math import floor
from pathlib import Path
from tempfile import TemporaryDirectory

from ltx_mcp.engine.base import Materials, Rendering, Watch
from ltx_mcp.index.sample import sampled_size
from ltx_mcp.media.audio import SAMPLE_RATE
from ltx_mcp.media.footage import MAX_DURATION_S, Footage, read_audio, read_video
from ltx_mcp.media.raw_audio import RawAudio, decode_source
from ltx_mcp.preparation.inputs import ANY_SIZE, Inputs
from ltx_mcp.preparation.origins import origin_of, seen_origin
from ltx_mcp.preparation.photo import prepare_photo
from ltx_mcp.preparation.prepared_job import PreparedJob
from ltx_mcp.preparation.source_notes import source_notes
from ltx_mcp.preparation.speech import read_speech_of
from ltx_mcp.types.clips import Clip, Provenance
from ltx_mcp.types.film import SourceUse
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import MAX_FPS, ImportRequest
from ltx_mcp.types.sizes import delivered_size, frame_count, resolution_of

IMPORT_MODEL = "none (imported)"


def prepare_import(request: ImportRequest, inputs: Inputs) -> PreparedJob:
    """Raises BadInput, NotFound, MediaError."""
    if (photo := inputs.photo(request.video)) is not None:
        return prepare_photo(request, *photo, IMPORT_MODEL, origin_of(request.video, None, inputs))
    footage, source = inputs.footage(request.video), inputs.original(request.video)
    origin, seen = origin_of(request.video, source, inputs), ""
    if source is None and origin is None:
        origin, seen = seen_origin(footage, inputs)
    copied = footage.duration_s <= MAX_DURATION_S if request.copy_file is None else request.copy_file
    in_place = source is None and not copied
    width, height = (footage.width, footage.height) if in_place else _archived_size(footage)
    read_at = sampled_size(footage.width, footage.height) if in_place else (width, height)
    lines, heard = read_speech_of(footage, inputs) if source is None else ((), "")
    fps = min(max(footage.fps, 1.0), MAX_FPS)
    frames = frame_count(footage.duration_s, fps)
    plan = Plan(
        prompt=request.prompt,
        width=width,
        height=height,
        frames=frames,
        fps=fps,
        duration_s=frames / fps,
        resolution=resolution_of(width, height),
        quality="final",
        audio=footage.has_audio,
        seed=0,
        model=IMPORT_MODEL if origin is None else origin.model,
        made_width=width,
        made_height=height,
        made_frames=frames,
        notes=(
            *_notes(footage, (width, height), fps, in_place, made_here=source is not None),
            *filter(None, [heard, seen]),
        ),
    )

    def gather(plan: Plan, watch: Watch) -> Materials:
        frames = read_video(footage, *read_at, plan.fps, plan.frames)
        if in_place or not footage.has_audio:
            return Materials(finished=Rendering(frames, said=lines))
        if footage.duration_s <= MAX_DURATION_S:
            return Materials(finished=Rendering(frames, read_audio(footage), said=lines))
        folder = TemporaryDirectory()  # an hour of audio takes 1.4 GB, which is too much for memory
        try:
            audio = RawAudio(Path(folder.name) / "audio", round(footage.duration_s * SAMPLE_RATE))
            audio.write(0, decode_source(footage.source, 0.0, footage.duration_s, watch.check))
        except BaseException:
            folder.cleanup()
            raise
        return Materials(finished=Rendering(frames, audio_file=audio.path, said=lines, close=folder.cleanup))

    return PreparedJob(
        "imported" if source is None else "edited",
        plan,
        request.video if source is None else source.clip_id,
        recipe="import",
        gather=gather,
        provenance=Provenance(digital_source_type=None if origin is None else origin.digital_source_type),
        lane="imports",
        sources=() if source is None else (_use(footage),),
        original=footage.path if source is None else None,
        original_codec=footage.source.video.codec,
        in_place=in_place,
    )


def imported_before(request: ImportRequest, inputs: Inputs) -> tuple[Clip, Path] | None:
    """The clip that this very file was imported as, wherever it lay then, and where it is now.

    Raises BadInput for what cannot be read.
    """
    source = inputs.original(request.video)
    if source is None or source.kind not in ("imported", "photo") or inputs.clip(request.video) is not None:
        return None
    return source, inputs.media_path(request.video, ANY_SIZE)


def _notes(footage: Footage, size: tuple[int, int], fps: float, in_place: bool, made_here: bool) -> tuple[str, ...]:
    if in_place:
        return (f"The file stays where it is: {footage.path}.",)
    return () if made_here else source_notes(footage, size, fps)


def _use(footage: Footage) -> SourceUse:
    end_s = footage.start_s + footage.duration_s
    return SourceUse(reference=footage.reference, start_s=round(footage.start_s, 3), end_s=round(end_s, 3))


def _archived_size(footage: Footage) -> tuple[int, int]:
    """Even (width, height) in pixels: the video's own, within 1080p."""
    max_long, max_short = delivered_size("16:9", "1080p")
    long_side, short = max(footage.width, footage.height), min(footage.width, footage.height)
    scale = min(1.0, max_long / long_side, max_short / short)
    even = floor if scale == 1.0 else round  # a line is cropped, and not drawn
    return max(2, even(footage.width * scale / 2) * 2), max(2, even(footage.height * scale / 2) * 2)

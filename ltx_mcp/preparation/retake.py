"""Orders of generate_video with `retake`: one span of a clip is made anew, and the rest stays."""

from ltx_mcp.errors import BadInput
from ltx_mcp.media.splice import UnchangedFrames
from ltx_mcp.preparation.chained_shots import Source, lead_frames, retaken
from ltx_mcp.preparation.extend import fitting, provenance_of, resolution_of, settled
from ltx_mcp.preparation.inputs import ClipRef, Inputs
from ltx_mcp.preparation.moderated_frames import look
from ltx_mcp.preparation.prepared_job import Planned, PlanShot, PreparedJob
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.requests import MAX_DURATION_S, MIN_DURATION_S, MIN_FPS, GenerateRequest


def retake(request: GenerateRequest, reference: str, inputs: Inputs) -> PreparedJob:
    """Raises BadInput, NotFound, MediaError."""
    if "duration_s" in request.model_fields_set:
        raise BadInput("A retake is as long as the span that it replaces.", "Leave duration_s out.")
    clip, (start_s, end_s) = _span(reference, inputs)
    footage = inputs.video(clip.clip_id)
    settled(request, footage, clip)
    source = Source(footage, footage.width, footage.height, clip.fps, clip.frames)
    first = min(round(start_s * clip.fps), clip.frames - 1)
    end = min(max(first + 1, round(end_s * clip.fps)), clip.frames)
    before, after = lead_frames(clip.fps, first), lead_frames(clip.fps, clip.frames - end)
    _check(clip, reference, first, end, before + after)

    def script(plan_shot: PlanShot) -> Planned:
        shot = request.model_copy(
            update={
                "fps": clip.fps,
                "duration_s": (before + end - first + after) / clip.fps,
                "resolution": resolution_of(footage),
                "codec": request.codec or clip.codec,
            }
        )
        window = fitting(plan_shot, shot, before + after, 0, (source.width, source.height))
        around = f"the {before} frames before it and the {after} after it"
        plan = window.model_copy(
            update={
                "audio": request.audio or footage.has_audio,
                "frames": clip.frames,
                "duration_s": clip.frames / clip.fps,
                "notes": (
                    *window.notes,
                    f"Made anew from {first / clip.fps:.3f} to {end / clip.fps:.3f} s, between {around}.",
                ),
            }
        )
        return Planned(plan, retaken(source, window, first, end), UnchangedFrames(clip.path, first, end))

    return PreparedJob(
        "generated",
        script,
        reference,
        recipe="retake",
        inputs=lambda: look(footage),
        provenance=provenance_of(clip),
    )


def _span(reference: str, inputs: Inputs) -> tuple[Clip, tuple[float, float]]:
    parsed, clip = inputs.parse(reference), inputs.clip(reference)
    if not isinstance(parsed, ClipRef) or clip is None:
        raise BadInput("Only clips of the archive can be retaken.", "Take the file in with import_video first.")
    if parsed.span_s is None:
        hint = (
            f"Name the span to make anew, such as {clip.clip_id}@{min(1.0, clip.duration_s / 2):g}-{clip.duration_s:g}."
        )
        raise BadInput(f"{reference!r} names no span.", hint)
    inputs.video(reference)  # says what is wrong with its times
    return clip, parsed.span_s


def _check(clip: Clip, reference: str, first: int, end: int, shown: int) -> None:
    if not shown:
        raise BadInput(f"{reference} is the whole clip.", "Make a new one: leave retake out.")
    if clip.fps < MIN_FPS:
        raise BadInput(f"{clip.clip_id} has {clip.fps:g} fps; a model makes {MIN_FPS:g} at least.")
    window_s = (shown + end - first) / clip.fps
    if window_s > MAX_DURATION_S:
        most_s = MAX_DURATION_S - shown / clip.fps
        hint = f"At most {most_s:.1f} s can be retaken here: name a shorter span."
        raise BadInput(f"The model sees {MAX_DURATION_S:g} s at once, with what is before and after the span.", hint)
    if window_s < MIN_DURATION_S:
        raise BadInput(f"{clip.clip_id} has {clip.duration_s:.2f} s; at least {MIN_DURATION_S:g} s are needed.")

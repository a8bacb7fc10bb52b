"""Prepares generate_video with `retake`: one span of a clip is regenerated, and the rest stays."""

from ltx_mcp.errors import BadInput
from ltx_mcp.media.footage import MAX_DURATION_S as MAX_SPAN_S
from ltx_mcp.media.splice import UnchangedFrames
from ltx_mcp.preparation.chained_shots import context_frames
from ltx_mcp.preparation.continuation import check_size_and_rate, own_codec, plan_with_context, provenance_of
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.moderated_frames import frames_to_moderate
from ltx_mcp.preparation.prepared_job import Planned, PlanShot, PreparedJob
from ltx_mcp.preparation.reference_grammar import ClipRef
from ltx_mcp.preparation.regenerated_span import regenerated_render
from ltx_mcp.preparation.source_video import SourceVideo
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.requests import MAX_DURATION_S, MIN_DURATION_S, MIN_FPS, GenerateRequest
from ltx_mcp.types.sizes import resolution_of


def prepare_retake(request: GenerateRequest, reference: str, inputs: Inputs) -> PreparedJob:
    """Raises BadInput, NotFound, MediaError."""
    if "duration_s" in request.model_fields_set:
        raise BadInput("A retake is as long as the span that it replaces.", "Leave duration_s out.")
    clip, (start_s, end_s) = _clip_and_span(reference, inputs)
    footage = inputs.video(clip.clip_id)
    check_size_and_rate(request, footage, clip)
    source = SourceVideo(footage, footage.width, footage.height, clip.fps, clip.frames)
    first = min(round(start_s * clip.fps), clip.frames - 1)
    end = min(max(first + 1, round(end_s * clip.fps)), clip.frames)
    before, after = context_frames(clip.fps, first), context_frames(clip.fps, clip.frames - end)
    _check_window(clip, reference, first, end, before + after)

    def plan_retake(plan_shot: PlanShot) -> Planned:
        shot = request.model_copy(
            update={
                "fps": clip.fps,
                "duration_s": (before + end - first + after) / clip.fps,
                "resolution": resolution_of(footage.width, footage.height),
                "codec": request.codec or own_codec(clip),
            }
        )
        window = plan_with_context(plan_shot, shot, before + after, 0, (source.width, source.height))
        plan = window.model_copy(
            update={
                "audio": request.audio or footage.has_audio,
                "frames": clip.frames,
                "duration_s": clip.frames / clip.fps,
                "notes": (
                    *window.notes,
                    f"Regenerated from {first / clip.fps:.3f} to {end / clip.fps:.3f} s, continuing the {before} frames"
                    f" before it and leading into the {after} after it.",
                ),
            }
        )
        return Planned(
            plan,
            regenerated_render(source, window, first, end),
            None if clip.in_place else UnchangedFrames(clip.path, first, end),
            range(first, end),
        )

    return PreparedJob(
        "generated",
        plan_retake,
        reference,
        recipe="retake",
        input_video=lambda: frames_to_moderate(footage, clip),
        provenance=provenance_of(clip),
    )


def _clip_and_span(reference: str, inputs: Inputs) -> tuple[Clip, tuple[float, float]]:
    parsed, clip = inputs.parse(reference), inputs.clip(reference)
    if not isinstance(parsed, ClipRef) or clip is None:
        raise BadInput("Only clips of the archive can be retaken.", "Import the file with import_video first.")
    if parsed.span_s is None:
        example = f"{clip.clip_id}@{min(1.0, clip.duration_s / 2):g}-{clip.duration_s:g}"
        raise BadInput(f"{reference!r} names no span.", f"Name the span to regenerate, such as {example}.")
    if clip.duration_s > MAX_SPAN_S:
        raise BadInput(
            f"{clip.clip_id} lasts {clip.duration_s:.0f} s; what is retaken lasts at most {MAX_SPAN_S:g} s.",
            "Cut the part that matters out of it with edit_video, and retake a span of that.",
        )
    inputs.video(reference)  # says what is wrong with its times
    return clip, parsed.span_s


def _check_window(clip: Clip, reference: str, first: int, end: int, context: int) -> None:
    """The window is the span with its context, which the model makes together."""
    if not context:
        raise BadInput(f"{reference} is the whole clip.", "Generate a new clip: leave retake out.")
    if clip.fps < MIN_FPS:
        hint = "Generate a new clip: leave retake out."
        raise BadInput(f"{clip.clip_id} has {clip.fps:g} fps; a model makes {MIN_FPS:g} at least.", hint)
    window_s = (context + end - first) / clip.fps
    if window_s > MAX_DURATION_S:
        most_s = MAX_DURATION_S - context / clip.fps
        hint = f"At most {most_s:.1f} s can be retaken here: name a shorter span."
        raise BadInput(f"The model sees {MAX_DURATION_S:g} s at once, with what is before and after the span.", hint)
    if window_s < MIN_DURATION_S:
        hint = "Generate a new clip: leave retake out."
        raise BadInput(f"{clip.clip_id} has {clip.duration_s:.2f} s; at least {MIN_DURATION_S:g} s are needed.", hint)

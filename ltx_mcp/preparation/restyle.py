"""Prepares restyle_video: what stays of the source, and what the model is given of it."""

from dataclasses import replace
from functools import cache

from ltx_mcp.controls.base import Controls
from ltx_mcp.engine.base import Materials, Watch
from ltx_mcp.engine.plan.layout import Uses
from ltx_mcp.errors import BadInput, MediaError
from ltx_mcp.media.footage import Footage, read_audio, read_video
from ltx_mcp.media.framing import nearest_aspect
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.moderated_frames import frames_to_moderate
from ltx_mcp.preparation.prepared_job import PreparedJob, cropping_note
from ltx_mcp.preparation.restyle_methods import RestyleMethod
from ltx_mcp.preparation.source_notes import frame_notes
from ltx_mcp.types.frames import Audio, Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import MAX_DURATION_S, MAX_FPS, MIN_DURATION_S, MIN_FPS, GenerateRequest, RestyleRequest


def prepare_restyle(request: RestyleRequest, inputs: Inputs, method: RestyleMethod, controls: Controls) -> PreparedJob:
    """Raises BadInput, NotFound, MediaError, and ModelUnavailable where a control signal cannot be made."""
    if method.control is not None:
        controls[method.control].ready()
    footage = _within_limits(request.video, inputs.video(request.video))
    shot = GenerateRequest(
        prompt=request.prompt,
        duration_s=footage.duration_s,
        aspect=nearest_aspect(footage.width, footage.height),
        resolution=request.resolution,
        fps=min(max(footage.fps, MIN_FPS), MAX_FPS),
        quality=request.quality,
        audio=not request.keep_audio,
        seed=request.seed,
        loras=request.loras,
        codec=request.codec,
    )

    @cache
    def source_audio() -> Audio | None:
        return _read_audio(footage) if request.keep_audio else None

    def gather(plan: Plan, watch: Watch) -> Materials:
        source_audio()  # before the render: audio that does not decode must not cost one
        if plan.reference is None:
            source = _read_video(footage, plan.width, plan.height, plan, watch)
            return Materials(repaint=source, repaint_strength=request.strength)
        width, height = plan.reference.width, plan.reference.height
        if plan.reference.control is None:
            return Materials(reference=_read_video(footage, width, height, plan, watch))
        maker = controls[plan.reference.control]
        return Materials(reference=maker.read(footage, width, height, plan.fps, plan.frames, watch.check))

    def notes(plan: Plan) -> tuple[str, ...]:
        cropped = cropping_note((footage.width, footage.height), (plan.width, plan.height))
        return (*method.notes, *cropped, *_shortened_note(footage), *frame_notes(footage.source))

    return PreparedJob(
        "restyled",
        shot,
        request.video,
        recipe=method.recipe,
        # A repaint's new audio is made for the finished frames, all of which are then a condition.
        uses=Uses(conditions=method.rework is not None or shot.audio, source=method.rework is None),
        gather=gather,
        input_video=lambda: frames_to_moderate(footage, inputs.clip(request.video)),
        replacement_audio=source_audio,
        notes=notes,
    )


def _within_limits(reference: str, footage: Footage) -> Footage:
    """No longer than a model makes at once. Raises BadInput for what is too short."""
    if footage.duration_s < MIN_DURATION_S:
        raise BadInput(
            f"{reference} has {footage.duration_s:.2f} s; at least {MIN_DURATION_S:g} s are needed.",
            "Name a longer span, or another video.",
        )
    if footage.duration_s <= MAX_DURATION_S:
        return footage
    return replace(footage, end_s=footage.start_s + MAX_DURATION_S, duration_s=MAX_DURATION_S)


def _shortened_note(footage: Footage) -> tuple[str, ...]:
    if footage.duration_s < MAX_DURATION_S or footage.end_s is None:
        return ()
    return (f"Only its first {MAX_DURATION_S:g} s were used; name a span for another part.",)


def _read_video(footage: Footage, width: int, height: int, plan: Plan, watch: Watch) -> list[Frame]:
    frames = []
    for frame in read_video(footage, width, height, plan.fps, plan.frames):
        watch.check()
        frames.append(frame)
    return frames


def _read_audio(footage: Footage) -> Audio | None:
    try:
        return read_audio(footage)
    except MediaError as error:
        raise MediaError(error.message, "Do without the source's audio: keep_audio=false.") from error

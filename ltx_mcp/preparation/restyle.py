"""Orders of restyle_video: what is kept of the source, and what the model is given of it."""

from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.controls.base import Controls
from ltx_mcp.engine.base import Materials, Watch
from ltx_mcp.engine.plan.layout import Uses
from ltx_mcp.errors import BadInput, MediaError
from ltx_mcp.media.footage import Footage, read_audio, read_video
from ltx_mcp.media.framing import nearest_aspect
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.moderated_frames import look
from ltx_mcp.preparation.prepared_job import PreparedJob, cropping
from ltx_mcp.preparation.restyle_methods import RestyleMethod
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import MAX_DURATION_S, MAX_FPS, MIN_DURATION_S, MIN_FPS, GenerateRequest, RestyleRequest


def restyled(request: RestyleRequest, inputs: Inputs, way: RestyleMethod, controls: Controls) -> PreparedJob:
    """Raises BadInput, NotFound, MediaError, and ModelUnavailable where a control signal cannot be made."""
    if way.control is not None:
        controls[way.control].ready()
    footage = inputs.video(request.video)
    if footage.duration_s < MIN_DURATION_S:
        raise BadInput(f"{request.video} has {footage.duration_s:.2f} s; at least {MIN_DURATION_S:g} s are needed.")
    footage = _cut(footage)
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
    def sound() -> NDArray[np.float32] | None:
        return _kept_sound(footage) if request.keep_audio else None

    def gather(plan: Plan, watch: Watch) -> Materials:
        sound()  # what cannot be kept must not cost a render
        if plan.reference is None:
            source = _read(footage, plan.width, plan.height, plan, watch)
            return Materials(repaint=source, repaint_strength=request.strength)
        width, height = plan.reference.width, plan.reference.height
        if plan.reference.control is None:
            return Materials(reference=_read(footage, width, height, plan, watch))
        maker = controls[plan.reference.control]
        return Materials(reference=maker.read(footage, width, height, plan.fps, plan.frames, watch.check))

    return PreparedJob(
        "restyled",
        shot,
        request.video,
        recipe=way.recipe,
        # A repaint's sound is made for the finished picture, all of which is then a condition.
        uses=Uses(conditions=way.rework is not None or shot.audio, source=way.rework is None),
        gather=gather,
        inputs=lambda: look(footage),
        sound=sound,
        notes=lambda plan: (*way.notes, *cropping(footage.width, footage.height)(plan), *_cut_note(footage)),
    )


def _read(footage: Footage, width: int, height: int, plan: Plan, watch: Watch) -> list[Frame]:
    frames = []
    for frame in read_video(footage, width, height, plan.fps, plan.frames):
        watch.check()
        frames.append(frame)
    return frames


def _kept_sound(footage: Footage) -> NDArray[np.float32] | None:
    try:
        return read_audio(footage)
    except MediaError as error:
        raise MediaError(error.message, "Do without the source's sound: keep_audio=false.") from error


def _cut(footage: Footage) -> Footage:
    if footage.duration_s <= MAX_DURATION_S:
        return footage
    return replace(footage, end_s=footage.start_s + MAX_DURATION_S, duration_s=MAX_DURATION_S)


def _cut_note(footage: Footage) -> tuple[str, ...]:
    if footage.duration_s < MAX_DURATION_S or footage.end_s is None:
        return ()
    return (f"Only its first {MAX_DURATION_S:g} s were used; name a span for another part.",)

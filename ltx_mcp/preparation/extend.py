"""Orders of generate_video that go on from a clip or from shot to shot: `extend` and `then`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ltx_mcp.engine.plan.layout import Uses
from ltx_mcp.errors import BadInput, TooLarge
from ltx_mcp.media.footage import Footage
from ltx_mcp.media.framing import nearest_aspect
from ltx_mcp.media.splice import UnchangedFrames
from ltx_mcp.preparation.chained_shots import ChainedShot, Source, blended_frames, chained, lead_frames
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.moderated_frames import look
from ltx_mcp.preparation.prepared_job import Planned, PlanShot, PreparedJob, cropping
from ltx_mcp.types.clips import COMPOSITE, MODEL_MADE, Clip, Provenance
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import (
    MAX_DURATION_S,
    MAX_FILM_S,
    MAX_FPS,
    MIN_DURATION_S,
    MIN_FPS,
    Codec,
    GenerateRequest,
    prompts_of,
)
from ltx_mcp.types.sizes import RESOLUTIONS, Resolution, delivered_size, frame_count, short_side

_EPSILON_S = 1e-6


@dataclass(frozen=True)
class Beginning:
    """What a film takes on from: the source, and the resolution class and codec that its clip will have."""

    source: Source
    resolution: Resolution
    codec: Codec | None
    unchanged: UnchangedFrames | None
    provenance: Provenance
    notes: tuple[str, ...]


def filmed(request: GenerateRequest, inputs: Inputs) -> PreparedJob:
    """One shot of words alone, or a chain of shots. Raises BadInput, NotFound, MediaError."""
    if request.extend is None and not request.then:
        return PreparedJob("generated", request)
    beginning = None if request.extend is None else _beginning(request, request.extend, inputs)
    footage = None if beginning is None else beginning.source.footage
    return PreparedJob(
        "generated",
        lambda plan_shot: _planned(request, beginning, plan_shot),
        request.extend,
        recipe="chain" if beginning is None else "extend",
        inputs=tuple if footage is None else lambda: look(footage),
        provenance=Provenance() if beginning is None else beginning.provenance,
    )


def settled(request: GenerateRequest, footage: Footage, clip: Clip) -> None:
    """Raise BadInput if the request asks for another size or rate than the clip's, which stay."""
    own = {"aspect": nearest_aspect(footage.width, footage.height), "resolution": resolution_of(footage)}
    other = [f"{name}={value}" for name, value in own.items() if getattr(request, name) not in (None, value)]
    asked = request.model_fields_set
    wrong = [each for each in other if each.partition("=")[0] in asked]
    if "fps" in asked and abs(request.fps - clip.fps) > 0.01:
        wrong.append(f"fps={clip.fps:g}")
    if wrong:
        raise BadInput(
            f"Size and rate stay those of {clip.clip_id}: {', '.join(wrong)}.",
            "Leave aspect, resolution and fps out.",
        )


def resolution_of(footage: Footage) -> Resolution:
    """The smallest class that holds it."""
    side = min(footage.width, footage.height)
    return next((name for name in RESOLUTIONS if side <= short_side(name)), RESOLUTIONS[-1])


def provenance_of(clip: Clip | None) -> Provenance:
    """Of what is made in part from this clip, or from a file: who made that is not known."""
    model_made = clip is not None and clip.provenance.digital_source_type == MODEL_MADE
    return Provenance(digital_source_type=MODEL_MADE if model_made else COMPOSITE)


def _beginning(request: GenerateRequest, reference: str, inputs: Inputs) -> Beginning:
    footage, clip = inputs.video(reference), inputs.clip(reference)
    if clip is None:
        return _from_file(request, footage)
    settled(request, footage, clip)
    fps = min(max(clip.fps, MIN_FPS), MAX_FPS)
    whole = footage.start_s == 0 and footage.end_s is None and fps == clip.fps
    frames = clip.frames if whole else frame_count(footage.duration_s, fps)
    return Beginning(
        source=Source(footage, footage.width, footage.height, fps, frames),
        resolution=resolution_of(footage),
        codec=clip.codec,
        unchanged=UnchangedFrames(clip.path, frames - blended_frames(lead_frames(fps, frames)))
        if footage.start_s == 0 and fps == clip.fps
        else None,
        provenance=provenance_of(clip),
        notes=() if fps == clip.fps else (f"The clip had {clip.fps:g} fps; a model makes {MIN_FPS:g} at least.",),
    )


def _from_file(request: GenerateRequest, footage: Footage) -> Beginning:
    """At the nearest shape, class and rate, where none is asked for."""
    side, asked = min(footage.width, footage.height), request.model_fields_set
    aspect = request.aspect if "aspect" in asked else nearest_aspect(footage.width, footage.height)
    nearest = min(RESOLUTIONS, key=lambda name: abs(math.log(short_side(name) / side)))
    resolution = request.resolution or nearest
    width, height = delivered_size(aspect, resolution)
    fps = request.fps if "fps" in asked else min(max(footage.fps, MIN_FPS), MAX_FPS)
    source = Source(footage, width, height, fps, frame_count(footage.duration_s, fps))
    shown = Plan.model_construct(width=width, height=height)
    return Beginning(
        source, resolution, None, None, provenance_of(None), cropping(footage.width, footage.height)(shown)
    )


def _planned(request: GenerateRequest, beginning: Beginning | None, plan_shot: PlanShot) -> Planned:
    """Raises BadInput for too long a film or shot, TooLarge for one that does not fit."""
    fps = request.fps if beginning is None else beginning.source.fps
    before = 0 if beginning is None else beginning.source.frames
    frames, prompts = frame_count(request.duration_s, fps), prompts_of(request)
    total = before + frames * len(prompts)
    _check_length(total, before, frames, len(prompts), fps)
    shots = []
    for part, prompt in enumerate(prompts):
        lead = lead_frames(fps, before + part * frames)
        shot = request.model_copy(
            update={
                "prompt": prompt,
                "fps": fps,
                "duration_s": (lead + frames) / fps,
                **_beginnings_own(request, beginning),
            }
        )
        size = None if beginning is None else (beginning.source.width, beginning.source.height)
        shots.append(ChainedShot(fitting(plan_shot, shot, lead, part, size), lead))
    plans = [shot.plan for shot in shots]
    plan = plans[0].model_copy(
        update={
            "prompt": "\n".join(plan.prompt for plan in plans),
            "audio": request.audio or (beginning is not None and beginning.source.footage.has_audio),
            "frames": total,
            "duration_s": total / fps,
            "made_frames": sum(plan.made_frames for plan in plans),
            "notes": (*_together(plans), *_story(shots, frames, beginning)),
        }
    )
    if beginning is None:
        return Planned(plan, chained(shots))
    return Planned(plan, chained(shots, beginning.source), beginning.unchanged)


def _beginnings_own(request: GenerateRequest, beginning: Beginning | None) -> dict[str, object]:
    if beginning is None:
        return {}
    return {"resolution": beginning.resolution, "codec": request.codec or beginning.codec}


def _check_length(total: int, before: int, frames: int, shots: int, fps: float) -> None:
    if total / fps > MAX_FILM_S + _EPSILON_S:
        room_s = math.floor((MAX_FILM_S * fps - before) / shots / fps * 10) / 10
        fits = (
            f"A duration_s of {room_s:g} fits." if room_s >= MIN_DURATION_S else "Fewer prompts fit, or a span of it."
        )
        raise BadInput(f"The film would last {total / fps:.1f} s; {MAX_FILM_S:g} s is the most.", fits)
    lead = lead_frames(fps, before + (shots - 1) * frames)
    if (lead + frames) / fps > MAX_DURATION_S + _EPSILON_S:
        most_s = math.floor((MAX_DURATION_S * fps - lead) / fps * 10) / 10
        raise BadInput(
            f"The model sees {MAX_DURATION_S:g} s at once, and {lead / fps:.2f} s of them are what is continued.",
            f"duration_s={most_s:g} is the most here; give more prompts in then for a longer film.",
        )


def fitting(plan_shot: PlanShot, shot: GenerateRequest, shown: int, part: int, size: tuple[int, int] | None) -> Plan:
    """Plan a shot of which the model is shown `shown` frames. Raises TooLarge with the lengths that are asked for."""
    uses = Uses(conditions=shown > 0)
    try:
        return plan_shot(shot, part, size, uses)
    except TooLarge as error:
        if not shown:
            raise
        shown_s, most_s = shown / shot.fps, 0.0
        for tenths in range(round(MIN_DURATION_S * 10), int((shot.duration_s - shown_s) * 10) + 1):
            try:
                plan_shot(shot.model_copy(update={"duration_s": tenths / 10 + shown_s}), part, size, uses)
            except TooLarge:
                break
            most_s = tenths / 10
        most = f"At most {most_s:g} s at a time fit at this size." if most_s else "Not even half a second fits."
        said = f"{error.message} That counts the {shown_s:.2f} s that the model is shown."
        raise TooLarge(said, f"{most} Use a smaller clip for more.") from error


def _together(plans: Sequence[Plan]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(note for plan in plans for note in plan.notes))


def _story(shots: Sequence[ChainedShot], frames: int, beginning: Beginning | None) -> tuple[str, ...]:
    """What was joined, in one sentence, and what is to be said of the source."""
    fps = shots[0].plan.fps
    made = f"{len(shots)} new shot{'s' if len(shots) > 1 else ''} of {frames / fps:.2f} s"
    shown = " or ".join(str(lead) for lead in sorted({shot.lead for shot in shots if shot.lead}))
    lead = f"begun with the last {shown} frames before it"
    if beginning is None:
        return (f"{made}, each but the first {lead}.",)
    source_s = beginning.source.frames / fps
    return (
        *beginning.notes,
        f"{source_s:.2f} s of the source, then {made}, {'each ' if len(shots) > 1 else ''}{lead}.",
    )

"""Prepares generate_video with `extend` or `then`: shots that continue a clip, a file, or each other."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ltx_mcp.errors import BadInput
from ltx_mcp.media.footage import Footage
from ltx_mcp.media.framing import nearest_aspect
from ltx_mcp.media.splice import UnchangedFrames
from ltx_mcp.preparation.chained_shots import ChainedShot, blended_frames, chained_render, context_frames
from ltx_mcp.preparation.continuation import check_size_and_rate, own_codec, plan_with_context, provenance_of
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.moderated_frames import InputFrames, frames_to_moderate
from ltx_mcp.preparation.prepared_job import Planned, PlanShot, PreparedJob, cropping_note
from ltx_mcp.preparation.source_notes import frame_notes
from ltx_mcp.preparation.source_video import SourceVideo
from ltx_mcp.types.clips import Clip, Provenance
from ltx_mcp.types.codecs import Codec
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.request_texts import prompts_of
from ltx_mcp.types.requests import MAX_DURATION_S, MAX_FILM_S, MAX_FPS, MIN_DURATION_S, MIN_FPS, GenerateRequest
from ltx_mcp.types.sizes import RESOLUTIONS, Resolution, delivered_size, frame_count, resolution_of, short_side

_EPSILON_S = 1e-6


@dataclass(frozen=True)
class Extended:
    """The source that is extended; `resolution` class and `codec` are those of the new clip.

    `unchanged` is what of the source's file is spliced back, if anything.
    """

    source: SourceVideo
    resolution: Resolution
    codec: Codec | None
    unchanged: UnchangedFrames | None
    provenance: Provenance
    notes: tuple[str, ...]
    clip: Clip | None = None

    def to_moderate(self) -> InputFrames:
        return frames_to_moderate(self.source.footage, self.clip)


def prepare_extend(request: GenerateRequest, inputs: Inputs) -> PreparedJob:
    """Raises BadInput, NotFound, MediaError."""
    extended = None if request.extend is None else _extended(request, request.extend, inputs)
    return PreparedJob(
        "generated",
        lambda plan_shot: _plan_chain(request, extended, plan_shot),
        request.extend,
        recipe="chain" if extended is None else "extend",
        input_video=None if extended is None else extended.to_moderate,
        provenance=Provenance() if extended is None else extended.provenance,
    )


def _extended(request: GenerateRequest, reference: str, inputs: Inputs) -> Extended:
    footage, clip = inputs.video(reference), inputs.clip(reference)
    if clip is None:
        return _extended_file(request, footage)
    check_size_and_rate(request, footage, clip)
    fps = min(max(clip.fps, MIN_FPS), MAX_FPS)
    from_start = footage.start_s == 0 and fps == clip.fps
    frames = clip.frames if from_start and footage.end_s is None else frame_count(footage.duration_s, fps)
    before_blend = frames - blended_frames(context_frames(fps, frames))
    return Extended(
        source=SourceVideo(footage, footage.width, footage.height, fps, frames),
        resolution=resolution_of(footage.width, footage.height),
        codec=own_codec(clip),
        unchanged=UnchangedFrames(clip.path, before_blend) if from_start and not clip.in_place else None,
        provenance=provenance_of(clip),
        notes=() if fps == clip.fps else (f"The clip had {clip.fps:g} fps; a model makes {MIN_FPS:g} at least.",),
        clip=clip,
    )


def _extended_file(request: GenerateRequest, footage: Footage) -> Extended:
    """At the nearest aspect, resolution and rate, where none is asked for."""
    side, asked = min(footage.width, footage.height), request.model_fields_set
    aspect = request.aspect if "aspect" in asked else nearest_aspect(footage.width, footage.height)
    nearest = min(RESOLUTIONS, key=lambda name: abs(math.log(short_side(name) / side)))
    resolution = request.resolution or nearest
    width, height = delivered_size(aspect, resolution)
    fps = request.fps if "fps" in asked else min(max(footage.fps, MIN_FPS), MAX_FPS)
    return Extended(
        source=SourceVideo(footage, width, height, fps, frame_count(footage.duration_s, fps)),
        resolution=resolution,
        codec=None,
        unchanged=None,
        provenance=provenance_of(None),
        notes=(*cropping_note((footage.width, footage.height), (width, height)), *frame_notes(footage.source)),
    )


def _plan_chain(request: GenerateRequest, extended: Extended | None, plan_shot: PlanShot) -> Planned:
    """Raises BadInput for too long a clip or shot, TooLarge for one that does not fit."""
    own, size, before = request, None, 0
    if extended is not None:
        source, codec = extended.source, request.codec or extended.codec
        own = request.model_copy(update={"fps": source.fps, "resolution": extended.resolution, "codec": codec})
        size, before = (source.width, source.height), source.frames
    fps = own.fps
    frames, prompts = frame_count(request.duration_s, fps), prompts_of(request)
    total = before + frames * len(prompts)
    _check_length(total, before, frames, len(prompts), fps)
    shots = []
    for part, prompt in enumerate(prompts):
        context = context_frames(fps, before + part * frames)
        shot = own.model_copy(update={"prompt": prompt, "duration_s": (context + frames) / fps})
        shots.append(ChainedShot(plan_with_context(plan_shot, shot, context, part, size), context))
    plans = [shot.plan for shot in shots]
    plan = plans[0].model_copy(
        update={
            "prompt": "\n".join(plan.prompt for plan in plans),
            "audio": request.audio or (extended is not None and extended.source.footage.has_audio),
            "frames": total,
            "duration_s": total / fps,
            "made_frames": sum(plan.made_frames for plan in plans),
            "notes": (*_distinct_notes(plans), *_joining_notes(shots, frames, extended)),
        }
    )
    if extended is None:
        return Planned(plan, chained_render(shots))
    made = range(before - blended_frames(context_frames(fps, before)), total)
    return Planned(plan, chained_render(shots, extended.source), extended.unchanged, made)


def _check_length(total: int, before: int, frames: int, shots: int, fps: float) -> None:
    if total / fps > MAX_FILM_S + _EPSILON_S:
        room_s = math.floor((MAX_FILM_S * fps - before) / shots / fps * 10) / 10
        hint = (
            f"A duration_s of {room_s:g} fits."
            if room_s >= MIN_DURATION_S
            else "Give fewer prompts in then, or extend a span of the source."
        )
        raise BadInput(f"The clip would last {total / fps:.1f} s; {MAX_FILM_S:g} s is the most.", hint)
    context = context_frames(fps, before + (shots - 1) * frames)
    if (context + frames) / fps > MAX_DURATION_S + _EPSILON_S:
        most_s = math.floor((MAX_DURATION_S * fps - context) / fps * 10) / 10
        raise BadInput(
            f"The model sees {MAX_DURATION_S:g} s at once, and {context / fps:.2f} s of them are what is continued.",
            f"duration_s={most_s:g} is the most here; give more prompts in then for a longer clip.",
        )


def _distinct_notes(plans: Sequence[Plan]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(note for plan in plans for note in plan.notes))


def _joining_notes(shots: Sequence[ChainedShot], frames: int, extended: Extended | None) -> tuple[str, ...]:
    """What was joined, in one sentence, and what is to be said of the source."""
    fps = shots[0].plan.fps
    made = f"{len(shots)} new shot{'s' if len(shots) > 1 else ''} of {frames / fps:.2f} s"
    context = " or ".join(str(count) for count in sorted({shot.context for shot in shots if shot.context}))
    begun = f"begun with the last {context} frames before it"
    if extended is None:
        return (f"{made}, each but the first {begun}.",)
    source_s = extended.source.frames / fps
    return (
        *extended.notes,
        f"{source_s:.2f} s of the source, then {made}, {'each ' if len(shots) > 1 else ''}{begun}.",
    )

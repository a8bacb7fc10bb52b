"""From a request to an order: what to plan, what to moderate beside the words, and how the lane gets its materials.

Blocks on files; nothing of a video is read here but the frames that moderation looks at.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.clips import (
    MAX_DURATION_S,
    MAX_FPS,
    MIN_DURATION_S,
    MIN_FPS,
    AnimateRequest,
    GenerateRequest,
    ImportRequest,
    Kind,
    Plan,
    Request,
    RestyleRequest,
)
from ltx_mcp.engine.base import Condition, Frame, Materials, Rendering, Watch
from ltx_mcp.errors import BadInput, MediaError
from ltx_mcp.footage import Footage, read_audio, read_video
from ltx_mcp.framing import fit, nearest_aspect
from ltx_mcp.inputs import Inputs
from ltx_mcp.lane import Gather, nothing
from ltx_mcp.pictures import fit_still
from ltx_mcp.probe import read_frames
from ltx_mcp.sizes import RESOLUTIONS, delivered_size, frame_count, short_side

LOOKS_PER_SECOND = 2.0  # of a source video, as of a finished clip
LOOK_SIDE = 512  # pixels: more than any frame classifier sees
IMPORT_MODEL = "none (imported)"
REPAINTED = "Restyled by repainting: the source, noised by `strength`, then denoised towards the prompt."


@dataclass(frozen=True)
class Order:
    """A request made ready. `shot` is what to plan, or the plan itself where no model is asked.

    `inputs` gives the pictures to moderate; `check` raises BadInput; `gather` reads the materials on the lane's
    thread; `sound` gives audio that replaces the model's own.
    """

    kind: Kind
    shot: GenerateRequest | Plan
    source: str | None = None
    recipe: str | None = None
    gather: Gather = nothing
    inputs: Callable[[], Sequence[Frame]] = tuple
    sound: Callable[[], NDArray[np.float32] | None] = lambda: None
    notes: Callable[[Plan], tuple[str, ...]] = lambda plan: ()
    check: Callable[[Plan], None] = lambda plan: None


def prepare(request: Request, inputs: Inputs) -> Order:
    """Raises BadInput, NotFound, MediaError."""
    match request:
        case GenerateRequest():
            return Order("generated", request)
        case AnimateRequest():
            return _animated(request, inputs)
        case RestyleRequest():
            return _restyled(request, inputs)
        case ImportRequest():
            return _imported(request, inputs)
        case _:
            assert_never(request)


def _animated(request: AnimateRequest, inputs: Inputs) -> Order:
    for keyframe in request.keyframes:
        if keyframe.at_s > request.duration_s:
            raise BadInput(f"The keyframe at {keyframe.at_s:g} s lies past the clip's {request.duration_s:g} s.")
    first = inputs.still(request.image)
    last = None if request.end_image is None else inputs.still(request.end_image)
    keys = [(keyframe.at_s, inputs.still(keyframe.image)) for keyframe in request.keyframes]
    height, width, _ = first.shape
    asked = request.model_dump(exclude={"tool", "image", "end_image", "keyframes", "strength"})
    shot = GenerateRequest(**{**asked, "aspect": request.aspect or nearest_aspect(width, height)})

    def placed(plan: Plan) -> list[tuple[int, Frame]]:
        between = [(min(round(at_s * plan.fps), plan.frames - 1), frame) for at_s, frame in keys]
        return [(0, first), *between, *([] if last is None else [(plan.frames - 1, last)])]

    def check(plan: Plan) -> None:
        places = [at_frame for at_frame, _ in placed(plan)]
        if twice := [place for place in places if places.count(place) > 1]:
            raise BadInput(f"Two pictures ask for the frame at {twice[0] / plan.fps:.2f} s.", "Give it to one of them.")

    def gather(plan: Plan, watch: Watch) -> Materials:
        return Materials(
            tuple(
                Condition([fit_still(frame, plan.width, plan.height)], at_frame, request.strength)
                for at_frame, frame in placed(plan)
            )
        )

    stills = [first, *(frame for _, frame in keys), *([] if last is None else [last])]
    return Order(
        "animated",
        shot,
        request.image,
        gather=gather,
        inputs=lambda: stills,
        notes=_cropping(width, height),
        check=check,
    )


def _restyled(request: RestyleRequest, inputs: Inputs) -> Order:
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
        frames = []
        for frame in read_video(footage, plan.width, plan.height, plan.fps, plan.frames):
            watch.check()
            frames.append(frame)
        return Materials(repaint=frames, repaint_strength=request.strength)

    return Order(
        "restyled",
        shot,
        request.video,
        recipe="repaint",
        gather=gather,
        inputs=lambda: _look(footage),
        sound=sound,
        notes=lambda plan: (REPAINTED, *_cropping(footage.width, footage.height)(plan), *_cut_note(footage)),
    )


def _kept_sound(footage: Footage) -> NDArray[np.float32] | None:
    try:
        return read_audio(footage)
    except MediaError as error:
        raise MediaError(error.message, "Do without the source's sound: keep_audio=false.") from error


def _imported(request: ImportRequest, inputs: Inputs) -> Order:
    footage = inputs.video(request.video)
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
        model=IMPORT_MODEL,
        made_width=width,
        made_height=height,
        made_frames=frames,
        notes=(f"Only its first {frames / fps:.0f} s were taken.",) if footage.end_s is not None else (),
    )

    def gather(plan: Plan, watch: Watch) -> Materials:
        return Materials(finished=Rendering(read_video(footage, width, height, fps, frames), read_audio(footage)))

    return Order("imported", plan, request.video, recipe="import", gather=gather)


def _archived_size(footage: Footage) -> tuple[int, int]:
    """Even (width, height) in pixels: the video's own, within 1080p."""
    most_wide, most_high = delivered_size("16:9", "1080p")
    wide, high = max(footage.width, footage.height), min(footage.width, footage.height)
    scale = min(1.0, most_wide / wide, most_high / high)
    return max(2, round(footage.width * scale / 2) * 2), max(2, round(footage.height * scale / 2) * 2)


def _look(footage: Footage) -> list[Frame]:
    """The frames of a source that moderation looks at: two a second, the first and the last."""
    count = max(2, round(footage.duration_s * LOOKS_PER_SECOND) + 1)
    times_s = np.linspace(footage.start_s, footage.start_s + footage.duration_s, count)
    return [frame for _, frame in read_frames(footage.path, list(times_s), max_side=LOOK_SIDE)]


def _cut(footage: Footage) -> Footage:
    if footage.duration_s <= MAX_DURATION_S:
        return footage
    return replace(footage, end_s=footage.start_s + MAX_DURATION_S, duration_s=MAX_DURATION_S)


def _cut_note(footage: Footage) -> tuple[str, ...]:
    if footage.duration_s < MAX_DURATION_S or footage.end_s is None:
        return ()
    return (f"Only its first {MAX_DURATION_S:g} s were used; name a span for another part.",)


def _cropping(width: int, height: int) -> Callable[[Plan], tuple[str, ...]]:
    def notes(plan: Plan) -> tuple[str, ...]:
        words = fit((width, height), (plan.width, plan.height)).words
        return (words,) if words else ()

    return notes

"""Prepares animate_image: a first image, an end image and keyframes become conditions."""

from ltx_mcp.engine.base import Condition, Materials
from ltx_mcp.engine.plan.layout import Uses
from ltx_mcp.errors import BadInput
from ltx_mcp.media.framing import nearest_aspect
from ltx_mcp.media.resize import cover
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.prepared_job import PreparedJob, cropping_note
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import AnimateRequest, GenerateRequest


def prepare_animate(request: AnimateRequest, inputs: Inputs) -> PreparedJob:
    """Raises BadInput, NotFound."""
    for keyframe in request.keyframes:
        if keyframe.at_s > request.duration_s:
            hint = "Place it earlier, or ask for a longer clip."
            raise BadInput(f"The keyframe at {keyframe.at_s:g} s lies past the clip's {request.duration_s:g} s.", hint)
    notes: list[str] = []

    def read(reference: str) -> Frame:
        still = inputs.image(reference)
        notes.extend(note for note in still.notes if note not in notes)
        return still.frame

    first = read(request.image)
    last = None if request.end_image is None else read(request.end_image)
    keyframes = [(keyframe.at_s, read(keyframe.image)) for keyframe in request.keyframes]
    height, width, _ = first.shape
    asked = request.model_dump(exclude={"tool", "image", "end_image", "keyframes", "strength"})
    shot = GenerateRequest(**{**asked, "aspect": request.aspect or nearest_aspect(width, height)})

    def images_at(plan: Plan) -> list[tuple[int, Frame]]:
        between = [(min(round(at_s * plan.fps), plan.frames - 1), image) for at_s, image in keyframes]
        return [(0, first), *between, *([] if last is None else [(plan.frames - 1, last)])]

    def check(plan: Plan) -> None:
        places = [at_frame for at_frame, _ in images_at(plan)]
        if twice := [place for place in places if places.count(place) > 1]:
            raise BadInput(f"Two images ask for the frame at {twice[0] / plan.fps:.2f} s.", "Give it to one of them.")

    def fit_inputs(plan: Plan) -> Materials:
        return Materials(
            tuple(
                Condition([cover(image, plan.width, plan.height)], at_frame, request.strength)
                for at_frame, image in images_at(plan)
            )
        )

    images = [first, *(image for _, image in keyframes), *([] if last is None else [last])]
    return PreparedJob(
        "animated",
        shot,
        request.image,
        uses=Uses(conditions=True),
        fit_inputs=fit_inputs,
        input_frames=lambda: images,
        notes=lambda plan: (*notes, *cropping_note((width, height), (plan.width, plan.height))),
        check=check,
    )

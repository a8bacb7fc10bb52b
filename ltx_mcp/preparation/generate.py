"""Orders of generate_video: which of its ways is asked for."""

from ltx_mcp.errors import BadInput
from ltx_mcp.preparation.extend import filmed
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.prepared_job import PreparedJob
from ltx_mcp.preparation.retake import retake
from ltx_mcp.types.requests import GenerateRequest


def generated(request: GenerateRequest, inputs: Inputs) -> PreparedJob:
    """Raises BadInput, NotFound, MediaError."""
    if request.retake is None:
        return filmed(request, inputs)
    if request.extend is not None:
        hint = "Extend the clip that the first call makes in a second one."
        raise BadInput("extend and retake cannot be asked for together.", hint)
    if request.then:
        raise BadInput(
            "then continues a film, and a retake ends where its span does.", "Leave then out, or use extend."
        )
    return retake(request, request.retake, inputs)

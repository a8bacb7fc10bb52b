"""Prepares generate_video: one shot from a prompt, or hands on what extends, chains or retakes."""

from ltx_mcp.errors import BadInput
from ltx_mcp.preparation.extend import prepare_extend
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.prepared_job import PreparedJob
from ltx_mcp.preparation.retake import prepare_retake
from ltx_mcp.types.requests import GenerateRequest


def prepare_generate(request: GenerateRequest, inputs: Inputs) -> PreparedJob:
    """Raises BadInput, NotFound, MediaError."""
    if request.retake is not None:
        _check_retake_alone(request)
        return prepare_retake(request, request.retake, inputs)
    if request.extend is not None or request.then:
        return prepare_extend(request, inputs)
    return PreparedJob("generated", request)


def _check_retake_alone(request: GenerateRequest) -> None:
    if request.extend is not None:
        hint = "Retake first, then extend the clip that comes of it in a second call."
        raise BadInput("extend and retake cannot be asked for together.", hint)
    if request.then:
        raise BadInput("then adds shots, and a retake ends where its span does.", "Leave then out, or use extend.")

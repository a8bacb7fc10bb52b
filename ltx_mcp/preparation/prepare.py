"""From a request to its prepared job. Blocks on files; of a video it reads only the frames that moderation looks at."""

from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from ltx_mcp.archive.draft_latents import DraftLatents
from ltx_mcp.controls.base import Controls
from ltx_mcp.engine.base import ModelCard
from ltx_mcp.engine.lora.installed import InstalledLoras
from ltx_mcp.narration.base import Narrator
from ltx_mcp.preparation.animate import prepare_animate
from ltx_mcp.preparation.edit import prepare_edit
from ltx_mcp.preparation.finalize import prepare_finalize
from ltx_mcp.preparation.generate import prepare_generate
from ltx_mcp.preparation.import_file import prepare_import
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.parents import parents_of
from ltx_mcp.preparation.prepared_job import PreparedJob
from ltx_mcp.preparation.restyle import prepare_restyle
from ltx_mcp.preparation.restyle_methods import RestyleMethod, choose_restyle_method
from ltx_mcp.types.requests import (
    AnimateRequest,
    ClipRequest,
    FinalizeRequest,
    GenerateRequest,
    ImportRequest,
    RestyleRequest,
)
from ltx_mcp.types.timeline import EditRequest


def choose_method(request: ClipRequest, installed: InstalledLoras, card: Callable[[], ModelCard]) -> RestyleMethod:
    """The LoRAs that act on what was asked, and how a video is restyled. `card` may take seconds to answer.

    Raises NotFound, BadInput, and ModelUnavailable where a LoRA cannot be had.
    """
    loras = installed.pick(request.loras)
    if isinstance(request, RestyleRequest):
        return choose_restyle_method(request, loras, installed.all(), card())
    return RestyleMethod(loras)


def prepare(
    request: ClipRequest,
    inputs: Inputs,
    method: RestyleMethod,
    controls: Controls,
    draft_latents: DraftLatents,
    narrator: Narrator,
) -> PreparedJob:
    """Raises BadInput, NotFound, MediaError, and ModelUnavailable where a control signal or a voice cannot be had."""
    match request:
        case GenerateRequest():
            prepared = prepare_generate(request, inputs)
        case AnimateRequest():
            prepared = prepare_animate(request, inputs)
        case RestyleRequest():
            prepared = prepare_restyle(request, inputs, method, controls)
        case ImportRequest():
            prepared = prepare_import(request, inputs)
        case FinalizeRequest():
            prepared = prepare_finalize(request, inputs, draft_latents)
        case EditRequest():
            prepared = prepare_edit(request, inputs, narrator)
        case _:
            assert_never(request)
    return replace(prepared, parents=parents_of(request, inputs))

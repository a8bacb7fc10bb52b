"""From a request to its order. Blocks on files; nothing of a video is read here but what moderation looks at."""

from collections.abc import Callable
from typing import assert_never

from ltx_mcp.archive.draft_latents import DraftLatents
from ltx_mcp.controls.base import Controls
from ltx_mcp.engine.base import ModelCard
from ltx_mcp.engine.lora.installed import InstalledLoras
from ltx_mcp.narration.base import Narrator
from ltx_mcp.preparation.animate import animated
from ltx_mcp.preparation.edit import edited
from ltx_mcp.preparation.finalize import finalized
from ltx_mcp.preparation.generate import generated
from ltx_mcp.preparation.import_file import imported
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.prepared_job import PreparedJob
from ltx_mcp.preparation.restyle import restyled
from ltx_mcp.preparation.restyle_methods import RestyleMethod, choose_method
from ltx_mcp.types.requests import (
    AnimateRequest,
    FinalizeRequest,
    GenerateRequest,
    ImportRequest,
    Request,
    RestyleRequest,
)
from ltx_mcp.types.timeline import EditRequest


def equip(request: Request, installed: InstalledLoras, card: Callable[[], ModelCard]) -> RestyleMethod:
    """The LoRAs that act on what was asked, and how a video is restyled. `card` may take seconds to answer.

    Raises NotFound, BadInput, and ModelUnavailable where a LoRA cannot be had.
    """
    picked = installed.pick(request.loras)
    if isinstance(request, RestyleRequest):
        return choose_method(request, picked, installed.all(), card())
    return RestyleMethod(picked)


def prepare(
    request: Request,
    inputs: Inputs,
    way: RestyleMethod,
    controls: Controls,
    draft_latents: DraftLatents,
    narrator: Narrator,
) -> PreparedJob:
    """Raises BadInput, NotFound, MediaError, and ModelUnavailable where a control signal or a voice cannot be had."""
    match request:
        case GenerateRequest():
            return generated(request, inputs)
        case AnimateRequest():
            return animated(request, inputs)
        case RestyleRequest():
            return restyled(request, inputs, way, controls)
        case ImportRequest():
            return imported(request, inputs)
        case FinalizeRequest():
            return finalized(request, inputs, draft_latents)
        case EditRequest():
            return edited(request, inputs, narrator)
        case _:
            assert_never(request)

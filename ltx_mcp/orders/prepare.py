"""From a request to its order. Blocks on files; nothing of a video is read here but what moderation looks at."""

from collections.abc import Callable
from typing import assert_never

from ltx_mcp.clips import AnimateRequest, FinalizeRequest, GenerateRequest, ImportRequest, Request, RestyleRequest
from ltx_mcp.controls.base import Controls
from ltx_mcp.engine.base import ModelCard
from ltx_mcp.engine.loras import LoraShelf
from ltx_mcp.inputs import Inputs
from ltx_mcp.negatives import Negatives
from ltx_mcp.orders.animate import animated
from ltx_mcp.orders.finalize import finalized
from ltx_mcp.orders.generate import generated
from ltx_mcp.orders.imports import imported
from ltx_mcp.orders.order import Order
from ltx_mcp.orders.restyle import restyled
from ltx_mcp.orders.ways import Way, choose_way


def equip(request: Request, shelf: LoraShelf, card: Callable[[], ModelCard]) -> Way:
    """The LoRAs that act on what was asked, and how a video is restyled. `card` may take seconds to answer.

    Raises NotFound, BadInput, and ModelUnavailable where a LoRA cannot be had.
    """
    picked = shelf.pick(request.loras)
    if isinstance(request, RestyleRequest):
        return choose_way(request, picked, shelf.all(), card())
    return Way(picked)


def prepare(request: Request, inputs: Inputs, way: Way, controls: Controls, negatives: Negatives) -> Order:
    """Raises BadInput, NotFound, MediaError, and ModelUnavailable where a control signal cannot be made."""
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
            return finalized(request, inputs, negatives)
        case _:
            assert_never(request)

"""From a request to its order. Blocks on files; nothing of a video is read here but what moderation looks at."""

from typing import assert_never

from ltx_mcp.clips import AnimateRequest, GenerateRequest, ImportRequest, Request, RestyleRequest
from ltx_mcp.inputs import Inputs
from ltx_mcp.orders.animate import animated
from ltx_mcp.orders.imports import imported
from ltx_mcp.orders.order import Order
from ltx_mcp.orders.restyle import restyled


def prepare(request: Request, inputs: Inputs) -> Order:
    """Raises BadInput, NotFound, MediaError."""
    match request:
        case GenerateRequest():
            return Order("generated", request)
        case AnimateRequest():
            return animated(request, inputs)
        case RestyleRequest():
            return restyled(request, inputs)
        case ImportRequest():
            return imported(request, inputs)
        case _:
            assert_never(request)

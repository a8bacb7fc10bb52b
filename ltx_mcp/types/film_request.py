"""A film from plain fields, with errors that name the shot as people count: from 1."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ltx_mcp.errors import BadInput
from ltx_mcp.types.timeline import EditRequest


def film_request(fields: Mapping[str, Any]) -> EditRequest:
    """Raises BadInput, which names what is wrong, and the shot."""
    try:
        return EditRequest.model_validate(fields)
    except ValidationError as error:
        raise BadInput(" ".join(_problem(each) for each in error.errors())) from None


def _problem(detail: ErrorDetails) -> str:
    return f"{_place(detail['loc'])}{detail['msg'].removeprefix('Value error, ')}."


def _place(where: tuple[int | str, ...]) -> str:
    match where:
        case ("shots", int(place), *rest):
            return f"Shot {place + 1}: {'.'.join(map(str, rest))}: " if rest else f"Shot {place + 1}: "
        case ():
            return ""
        case _:
            return f"{'.'.join(map(str, where))}: "

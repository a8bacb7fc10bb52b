"""A film from plain fields, with errors that name the shot as people count: from 1."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ltx_mcp.errors import BadInput
from ltx_mcp.types.meaning import as_meant
from ltx_mcp.types.options import options_schema
from ltx_mcp.types.timeline import EditRequest
from ltx_mcp.types.validation import explain


def film_request(fields: Mapping[str, Any]) -> EditRequest:
    """Raises BadInput, which names what is wrong, and the shot."""
    schema = options_schema(EditRequest)
    try:
        return EditRequest.model_validate(as_meant(fields, schema)[0])
    except ValidationError as error:
        raise BadInput(explain(error, schema)) from None

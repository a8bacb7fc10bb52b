"""The options of `ltx-mcp review`."""

from typing import Annotated, Literal

from pydantic import Field

from ltx_mcp.types.options import Flag
from ltx_mcp.types.value import Value


class ReviewOptions(Value):
    """What to do with what is held; nothing lists it."""

    decision: Annotated[
        Literal["list", "release", "delete"],
        Field(description="list what is held; or publish one, or allow a request once; or delete it for good"),
        Flag("decision"),
    ] = "list"
    held: Annotated[str | None, Field(description="The id that the list shows."), Flag("held")] = None

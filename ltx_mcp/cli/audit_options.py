"""The options of `ltx-mcp audit`."""

from typing import Annotated, Literal

from pydantic import Field

from ltx_mcp.types.value import Value


class AuditOptions(Value):
    """Which refusals are listed."""

    gate: Annotated[Literal["prompt", "frames"] | None, Field(description="Refusals of words, or of frames, only.")] = (
        None
    )
    count: Annotated[int, Field(ge=1, le=100_000, description="How many, the newest first.")] = 50

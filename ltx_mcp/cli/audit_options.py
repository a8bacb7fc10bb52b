"""The options of `ltx-mcp audit`."""

from typing import Annotated, Literal

from pydantic import Field

from ltx_mcp.types.value import Value


class AuditOptions(Value):
    """Which lines are listed."""

    gate: Annotated[
        Literal["prompt", "frames", "review"] | None,
        Field(description="Of words, of frames, or what a person decided."),
    ] = None
    count: Annotated[int, Field(ge=1, le=100_000, description="How many, the newest first.")] = 50

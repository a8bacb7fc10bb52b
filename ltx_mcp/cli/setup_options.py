"""The options of `ltx-mcp setup` and `ltx-mcp reindex`."""

from typing import Annotated

from pydantic import Field

from ltx_mcp.types.value import Value


class SetupOptions(Value):
    """How to fetch what this machine will want."""

    yes: Annotated[bool, Field(description="Fetch it without asking.")] = False
    dry_run: Annotated[bool, Field(description="Only say what would be fetched, how large, under which licence.")] = (
        False
    )


class ReindexOptions(Value):
    """What to do beside matching the index to the clips."""

    prune: Annotated[bool, Field(description="Also drop what search models saw that are not used any more.")] = False

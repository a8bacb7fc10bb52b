"""The options of `ltx-mcp install`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ltx_mcp.types.value import Value

HostName = Literal["claude-code", "claude-desktop", "cursor", "vscode", "codex", "lmstudio"]


class InstallOptions(Value):
    """Which host is to know this server."""

    host: Annotated[HostName, Field(description="the MCP host")]
    roots: Annotated[
        tuple[Path, ...], Field(description="A folder that its agents may name files in; once for each.")
    ] = ()
    remove: Annotated[bool, Field(description="Take the server out again.")] = False
    yes: Annotated[bool, Field(description="Change the host's file without asking.")] = False

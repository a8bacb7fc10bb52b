"""The options of `ltx-mcp serve`."""

from typing import Annotated

from pydantic import Field

from ltx_mcp.http.address import Address
from ltx_mcp.types.options import Flag
from ltx_mcp.types.value import Value

DEFAULT_ADDRESS = str(Address())


class ServeOptions(Value):
    """How clients reach the server."""

    http: Annotated[
        str | None,
        Field(
            description=f"Serve Streamable HTTP there instead of stdio; alone: {DEFAULT_ADDRESS}. Port 0 takes a free "
            "one. Where other machines reach it, clients need a token."
        ),
        Flag("--http", "HOST:PORT", bare=DEFAULT_ADDRESS),
    ] = None

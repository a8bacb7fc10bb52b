"""The options of `ltx-mcp policy`."""

from typing import Annotated, Literal

from pydantic import Field

from ltx_mcp.types.value import Value

VERDICTS = ("allow", "review", "block", "hard")


class PolicyOptions(Value):
    """What to ask the rules."""

    what: Annotated[Literal["check", "test"], Field(description="check a text, or test a file of texts")]
    text: Annotated[
        str,
        Field(
            description="The text; or the file, with lines of a verdict (allow, review, block, hard), a tab, a text."
        ),
    ]

"""The options of `ltx-mcp licence`."""

from typing import Annotated

from pydantic import Field, model_validator

from ltx_mcp.types.value import Value


class LicenceOptions(Value):
    """What to do; left out: show it."""

    accept: Annotated[bool, Field(description="Record that you accept it, in this version.")] = False
    revoke: Annotated[bool, Field(description="Take that back: nothing more is fetched under it.")] = False

    @model_validator(mode="after")
    def _one_of_them(self) -> "LicenceOptions":
        if self.accept and self.revoke:
            raise ValueError("Accept it, or revoke that.")
        return self

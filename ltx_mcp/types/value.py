"""The base of every value: frozen, and strict about its fields."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value that refuses unknown fields by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

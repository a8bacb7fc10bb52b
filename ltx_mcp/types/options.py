"""Options: the fields of a request. The arguments of tools and the flags of commands are derived from them.

An option's type, range, default and description are declared on its field and nowhere else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

TAG = "tool"  # tells requests apart where they are stored; not an option

Schema = dict[str, Any]


@dataclass(frozen=True)
class Flag:
    """How the command line writes an option, where its field does not say it; goes into `Annotated`.

    `name` is the flag ("--lora"), or without dashes an optional positional; `metavar` stands for the value, `help`
    replaces the description. `parse` reads a value, or one of a list, raising ValueError. `hidden`: no flag at all.
    `many`: the command takes several, and makes a request of each. `bare` is what the flag without a value stands for.
    """

    name: str = ""
    metavar: str = ""
    help: str = ""
    parse: Callable[[str], object] | None = None
    hidden: bool = False
    many: bool = False
    bare: str | None = None


NO_FLAG = Flag(hidden=True)
"""For options that no command line can write, such as lists of objects."""


def omit_default(schema: Schema) -> None:
    """Keep the default out of the schema; pass this as `json_schema_extra`.

    For options where leaving one out means something else than giving its default: some hosts fill in defaults.
    """
    schema.pop("default", None)


def options_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The options of a request by name, required ones first."""
    fields = {name: field for name, field in model.model_fields.items() if name != TAG}
    return dict(sorted(fields.items(), key=lambda item: not item[1].is_required()))


def flag_of(field: FieldInfo) -> Flag:
    """How the command line writes this option; an empty Flag where nothing is said."""
    return next((each for each in field.metadata if isinstance(each, Flag)), Flag())


@cache
def options_schema(model: type[BaseModel]) -> Schema:
    """The JSON Schema of a request's options: one object, shorter than pydantic's and without `$ref`.

    Some hosts refuse `$ref`, so nested objects are written out; models that contain themselves cannot be. Titles say
    nothing that names do not. What may be null may be left out, so null is not mentioned; it is accepted all the same.
    """
    whole = model.model_json_schema()
    schema = _plain({**whole, "description": None}, whole.get("$defs", {}))
    schema["properties"] = {name: schema["properties"][name] for name in options_of(model)}
    return schema


def _plain(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    if reference := schema.get("$ref"):
        # A class's docstring is for those who read the code; its fields say what an agent needs.
        named = {**definitions[reference.removeprefix("#/$defs/")], "description": None}
        return _plain({**named, **_without(schema, "$ref")}, definitions)
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        return _plain({**kinds[0], **_without(schema, "anyOf")}, definitions)
    plain = {key: value for key, value in schema.items() if key not in ("title", "$defs") and value not in (None, [])}
    if kinds:
        plain["anyOf"] = [_plain(kind, definitions) for kind in kinds]
    if "oneOf" in plain:
        plain["oneOf"] = [_plain(kind, definitions) for kind in plain["oneOf"]]
    if "items" in plain:
        plain["items"] = _plain(plain["items"], definitions)
    if "properties" in plain:
        plain["properties"] = {name: _plain(option, definitions) for name, option in plain["properties"].items()}
    return plain


def _without(schema: Schema, key: str) -> Schema:
    return {name: value for name, value in schema.items() if name != key}

"""Validation errors in our words: the option, what came, and what is allowed."""

from collections.abc import Callable

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ltx_mcp.types.options import Schema

_SHOWN = 80  # characters of a bad value that are quoted back
_MAX_PROBLEMS = 8  # told at once


def explain(error: ValidationError, schema: Schema, spelled: Callable[[str], str] = str) -> str:
    """One sentence for each problem. `spelled` gives the name under which the user knows an option."""
    problems = error.errors()
    more = [f"{len(problems) - _MAX_PROBLEMS} more."] if len(problems) > _MAX_PROBLEMS else []
    return " ".join([*(_problem(each, schema, spelled) for each in problems[:_MAX_PROBLEMS]), *more])


def _problem(detail: ErrorDetails, schema: Schema, spelled: Callable[[str], str]) -> str:
    (item, name), inside = _path(detail["loc"], spelled), _at(schema, detail["loc"][:-1])
    if detail["type"] == "extra_forbidden":
        known = ", ".join(map(spelled, inside.get("properties", {})))
        return f"{item}There is no argument {name!r}; the arguments are {known}."
    if detail["type"] == "missing":
        return f"{item}The argument {name!r} is missing."
    if detail["type"] == "value_error":  # said by a validator of ours, about several options
        return item + f"{name}: {detail['ctx']['error']}.".removeprefix(": ").replace("..", ".")
    allowed = _allowed(_at(schema, detail["loc"]), detail)
    return f"{item}{name} = {_shown(detail['input'])} cannot be used: {allowed}.".replace(":  =", ":")


def _path(loc: tuple[int | str, ...], spelled: Callable[[str], str]) -> tuple[str, str]:
    """The item of a list, counted from 1 as people do, and the option: `Shot 7: ` and `speed`."""
    match loc:
        case (str(name), int(place), *inside):
            one = name.removesuffix("s").replace("_", " ").capitalize()
            return f"{one} {place + 1}: ", ".".join(map(str, inside))
        case (name, *inside):
            return "", ".".join([spelled(str(name)), *map(str, inside)])
    return "", ""


def _at(schema: Schema, loc: tuple[int | str, ...]) -> Schema:
    """The schema of the value at this place; empty where there is none."""
    for part in loc:
        schema = schema.get("items", {}) if isinstance(part, int) else schema.get("properties", {}).get(part, {})
    return schema


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"


def number(value: float) -> str:
    """Whole numbers in full, others as short as they are exact enough to read."""
    return str(value) if isinstance(value, int) else f"{value:g}"


def _allowed(schema: Schema, detail: ErrorDetails) -> str:
    if "enum" in schema:
        return f"it must be one of {', '.join(map(str, schema['enum']))}"
    if "minimum" in schema and "maximum" in schema:
        kind = "a whole number" if schema.get("type") == "integer" else "a number"
        return f"it must be {kind} from {number(schema['minimum'])} to {number(schema['maximum'])}"
    if "maxLength" in schema:
        return f"it must be {schema.get('minLength', 0)} to {schema['maxLength']:,} characters of text"
    return detail["msg"][0].lower() + detail["msg"][1:]

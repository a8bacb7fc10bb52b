"""Validation errors in our words: the option, what came, and what is allowed. Elements of lists are counted from 1."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ltx_mcp.types.near_names import suggestion
from ltx_mcp.types.options import Schema

_SHOWN = 80  # characters of a bad value that are quoted back
_MAX_PROBLEMS = 8  # told at once


def explain(error: ValidationError, schema: Schema, spelled: Callable[[str], str] = str) -> str:
    """One sentence for each problem, such as "Shot 3: speed = 9 cannot be used: it must be a number from 0.25 to 4."

    `schema` is that of the options (types/options.py); `spelled` gives the name under which the user knows an option.
    """
    problems = [(detail, _place(detail["loc"], schema, spelled)) for detail in error.errors()]
    meant = [(detail, place) for detail, place in problems if not _is_other_branch(detail, place)] or problems
    told = [_told(detail, place, spelled) for detail, place in meant[:_MAX_PROBLEMS]]
    more = [f"{len(meant) - _MAX_PROBLEMS} more problems."] if len(meant) > _MAX_PROBLEMS else []
    return " ".join([*told, *more])


@dataclass(frozen=True)
class _Place:
    """Where a value stands: the list element that it is in, its name there, and the schemas around it and of it."""

    element: str
    name: str
    around: Schema
    schema: Schema
    in_union: bool


def _place(loc: tuple[int | str, ...], schema: Schema, spelled: Callable[[str], str]) -> _Place:
    element, names, around, in_union = "", list[str](), schema, False
    for index, part in enumerate(loc):
        around = schema
        if isinstance(part, int):
            # An element's own error says its list's name once: "Shot 3: …".
            element, names = f"{'.'.join(names).removesuffix('s')} {part + 1}", []
            schema = schema.get("items", {})
        elif "anyOf" in schema:  # pydantic names the branch that it tried, which the request does not name
            schema = next((kind for kind in schema["anyOf"] if "properties" in kind), {})
            in_union = True
        else:
            names.append(part if index else spelled(part))
            schema = schema.get("properties", {}).get(part, {})
    return _Place(element, ".".join(names), around, schema, in_union)


def _is_other_branch(detail: ErrorDetails, place: _Place) -> bool:
    """Whether a union was tried with a type that was not meant: an object is not a misspelled word."""
    misfit = detail["type"].endswith("_type") or (
        detail["type"] == "literal_error" and isinstance(detail["input"], dict)
    )
    return place.in_union and misfit


def _told(detail: ErrorDetails, place: _Place, spelled: Callable[[str], str]) -> str:
    element = f"{_capital(place.element)}: " if place.element else ""
    match detail["type"]:
        case "extra_forbidden":
            names = place.around.get("properties", {})
            known = ", ".join(names if element else map(spelled, names))
            meant = suggestion(place.name.rpartition(".")[2], detail["input"], names)
            said = f"there is no argument {place.name!r}; the arguments are {known}{f'; {meant}?' if meant else '.'}"
        case "missing":
            said = f"the argument {place.name!r} is missing."
        case "value_error":  # said by a validator of ours
            said = f"{place.name}: {detail['ctx']['error']}".removeprefix(": ").removesuffix(".") + "."
            return element + (said if element or place.name else _capital(said))
        case "too_long" if isinstance(detail["input"], list | tuple):
            given, most = len(detail["input"]), detail["ctx"]["max_length"]
            return f"{element}{place.name} cannot be used: it has {given} items, and at most {most} are taken."
        case _:
            value = f"{place.name} = {_shown(detail['input'])}".removeprefix(" = ")
            return f"{element}{value} cannot be used: {_allowed(place.schema, detail)}."
    return element + said if element else _capital(said)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"


def _allowed(schema: Schema, detail: ErrorDetails) -> str:
    if detail["type"] == "model_type" and "properties" in schema:
        return f"it must be an object with some of {', '.join(schema['properties'])}"
    if "enum" in schema:
        return f"it must be one of {', '.join(map(str, schema['enum']))}"
    if "minimum" in schema and "maximum" in schema:
        kind = "a whole number" if schema.get("type") == "integer" else "a number"
        return f"it must be {kind} from {number(schema['minimum'])} to {number(schema['maximum'])}"
    if "maxLength" in schema:
        return f"it must be {schema.get('minLength', 0)} to {schema['maxLength']:,} characters of text"
    return detail["msg"][0].lower() + detail["msg"][1:]


def number(value: float) -> str:
    """Whole numbers in full, others as short as they are exact enough to read."""
    return str(value) if isinstance(value, int) else f"{value:g}"

"""The options of a command, derived from the fields of its request.

Each becomes an argument of argparse with the values, range, default and description that tools/list shows for it
(types/options.py).
"""

import argparse
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import ValidationError

from ltx_mcp.errors import BadInput
from ltx_mcp.types.meaning import as_meant
from ltx_mcp.types.options import Flag, Schema, flag_of, options_of, options_schema
from ltx_mcp.types.validation import explain, number
from ltx_mcp.types.value import Value

R = TypeVar("R", bound=Value)


class _Shown(list[str]):
    """Choices that argparse shows and does not check: the request takes other spellings of them too."""

    def __contains__(self, value: object) -> bool:
        return True


def add_options(parser: argparse.ArgumentParser, kind: type[Value]) -> None:
    """Add an argument for each option of the request: required ones by position, the others as flags."""
    options = options_schema(kind)["properties"]
    for name, field in options_of(kind).items():
        flag = flag_of(field)
        if flag.hidden:
            continue
        text = _help(flag, options[name], field.is_required())
        if field.is_required():
            parser.add_argument(name, help=text, **_required_values(name, flag, options[name]))
        elif _is_positional(flag):
            parser.add_argument(name, nargs="?", help=text, **_values(name, flag, options[name]))
        else:
            parser.add_argument(_spelled(name, flag), dest=name, help=text, **_flag_values(name, flag, options[name]))
            if field.default is None and options[name].get("type") == "array":  # left out it is not an empty list
                none = f"--no-{name.replace('_', '-')}"
                parser.add_argument(none, dest=name, action="store_const", const=[], help="None at all.")


def given_options(kind: type[Value], arguments: argparse.Namespace) -> dict[str, Any]:
    """The options of the request that stand on the command line."""
    return {name: value for name in options_of(kind) if (value := getattr(arguments, name, None)) is not None}


def read_options(kind: type[R], arguments: argparse.Namespace) -> R:
    """The request that was asked for; what was left out stays left out. Raises BadInput."""
    schema = options_schema(kind)
    try:
        return kind(**as_meant(given_options(kind, arguments), schema)[0])
    except ValidationError as error:
        text = explain(error, schema, lambda name: _known_as(kind, name))
        raise BadInput(text, f"ltx-mcp {arguments.command} --help lists what is allowed.") from None


def _required_values(name: str, flag: Flag, option: Schema) -> dict[str, Any]:
    """A list, or what may be one, takes all that stands there."""
    if flag.many:
        return {**_values(name, flag, option), "nargs": "+"}
    lists = [kind for kind in option.get("anyOf", [option]) if kind.get("type") == "array"]
    return {**_list_values(name, flag, lists[0]), "nargs": "+"} if lists else _values(name, flag, option)


def _flag_values(name: str, flag: Flag, option: Schema) -> dict[str, Any]:
    if option.get("type") == "boolean":  # --audio and --no-audio
        return {"action": argparse.BooleanOptionalAction}
    if option.get("type") == "array":
        return {**_list_values(name, flag, option), "action": "append"}
    return _values(name, flag, option)


def _values(name: str, flag: Flag, option: Schema) -> dict[str, Any]:
    """A single value: as text, for the request reads and checks it (types/meaning.py)."""
    if "enum" in option:
        return {"choices": _Shown(option["enum"])}
    optional = {} if flag.bare is None else {"nargs": "?", "const": flag.bare}
    return {"type": _reader(name, flag), "metavar": _metavar(name, flag), **optional}


def _list_values(name: str, flag: Flag, option: Schema) -> dict[str, Any]:
    """Raises TypeError, while the parser is built, for what needs a Flag and has none."""
    if flag.parse is None and option["items"].get("type") not in ("integer", "number", "string"):
        raise TypeError(f"{name!r} is a list of objects: give it a Flag that parses one, or NO_FLAG.")
    return {"type": _reader(name, flag), "metavar": _metavar(name, flag)}


def _metavar(name: str, flag: Flag) -> str | None:
    return flag.metavar or ("SECONDS" if name.endswith("_s") else None)


def _reader(name: str, flag: Flag) -> Callable[[str], object]:
    """Reads one value."""

    def read(text: str) -> object:
        try:
            return flag.parse(text) if flag.parse else text
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not {_metavar(name, flag) or name.upper()}") from None

    return read


def _is_positional(flag: Flag) -> bool:
    return bool(flag.name) and not flag.name.startswith("-")


def _spelled(name: str, flag: Flag) -> str:
    """Seconds are said by the value's name, not by the flag's: `--duration SECONDS`."""
    return flag.name or "--" + name.removesuffix("_s").replace("_", "-")


def _known_as(kind: type[Value], name: str) -> str:
    """An option as the person who typed it knows it."""
    field = options_of(kind).get(name)
    if field is None or field.is_required() or _is_positional(flag_of(field)):
        return name
    return _spelled(name, flag_of(field))


def _help(flag: Flag, option: Schema, required: bool) -> str:
    text = flag.help or option.get("description", "")
    facts = [
        f"{number(option['minimum'])} to {number(option['maximum'])}"
        if {"minimum", "maximum"} <= option.keys()
        else "",
        f"default {_shown(option['default'])}" if "default" in option else "",
        "may be repeated" if option.get("type") == "array" and not required else "",
    ]
    said = "; ".join(fact for fact in facts if fact)
    return (f"{text} ({said})" if said else text).replace("%", "%%")  # argparse formats its help with %


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    return number(default) if isinstance(default, int | float) else str(default)

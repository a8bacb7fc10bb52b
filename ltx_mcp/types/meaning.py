"""What came in a call, made into what was meant: the one place where spellings are taken.

Agents send numbers as text, lists as JSON, null or "" for what they leave out, and words that other programs have
for the same thing. All of it is read by the schema of the options (types/options.py), so that an option is covered by
being declared. What is not understood is passed on as it came: the option's own error then says what is allowed.
Free text is never changed, whatever it looks like, and a number for one is its text.
"""

import ast
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ltx_mcp.types.near_words import number_in, word
from ltx_mcp.types.options import Schema
from ltx_mcp.types.references import NAMES, unwrapped

_NOTHING = ("null", "undefined", "none", "n/a", "auto", "automatic", "default", "any", "all", "random")
_NO_ANSWER = ("null", "undefined")  # the same for a yes or no, of which "none" is an answer
_SHOWN = 60  # characters of what came
_LONGEST_LITERAL = 20_000  # characters that are read as Python's, whose reader is slow
_NO_SEED = -1  # what many image programs take for "a new one each time"

Fields = dict[str, Any]


class _LeftOut:
    """In place of a value: the option was not given."""


_LEFT_OUT = _LeftOut()


@dataclass(frozen=True)
class Reading:
    """A value that was taken in another sense than its letters: `meant` None says that it was read as left out."""

    name: str
    came: object
    meant: object

    def __str__(self) -> str:
        came = repr(self.came) if len(repr(self.came)) <= _SHOWN else f"{repr(self.came)[:_SHOWN]}…"
        meant = f"{self.meant:g}" if isinstance(self.meant, float) else self.meant
        return f"{self.name} {came} as {'left out' if meant is None else meant}"


def as_meant(arguments: Mapping[str, Any], schema: Schema) -> tuple[Fields, tuple[Reading, ...]]:
    """The options as they were meant, and those that were read in another sense. `schema` is that of the options."""
    reader = _Reader()
    return reader.read_object(arguments, schema, ""), tuple(reader.readings)


@dataclass
class _Reader:
    readings: list[Reading] = field(default_factory=list)

    def read_object(self, fields: Mapping[str, Any], schema: Schema, place: str) -> Fields:
        """Each option by its schema; unknown ones as they came."""
        read = {}
        for name, value in fields.items():
            option = schema.get("properties", {}).get(name)
            optional = name not in schema.get("required", ())
            meant = value if option is None else self._read(value, option, f"{place}{name}", optional)
            if not isinstance(meant, _LeftOut):
                read[name] = meant
        return read

    def _read(self, value: Any, option: Schema, place: str, optional: bool) -> Any:
        kinds = option.get("anyOf", [option])
        if value is None or (optional and _is_blank(value, kinds)):
            return _LEFT_OUT
        meant = self._meant(value, kinds, place, optional)
        if _is_other_sense(value, meant):
            self.readings.append(Reading(place, value, None if meant is _LEFT_OUT else meant))
        return meant

    def _meant(self, value: Any, kinds: list[Schema], place: str, optional: bool) -> Any:
        match value:
            case bool():
                return self._flag(value, kinds, optional)
            case str():
                return self._text(value, kinds, place, optional)
            case int() | float():
                return self._number(value, kinds, place, optional)
            case list() | tuple():
                return self._list(list(value), kinds, place, optional)
            case dict():
                return self._dict(value, kinds, place)
            case _:
                return value

    def _flag(self, value: bool, kinds: list[Schema], optional: bool) -> Any:
        if _of_type(kinds, "integer", "number"):
            return json.dumps(value)  # in JSON, true is not 1; pydantic takes it for one where a number is wanted
        if value or not optional or _of_type(kinds, "boolean"):
            return value
        return "none" if any("none" in _allowed(kind) for kind in kinds) else _LEFT_OUT

    def _text(self, text: str, kinds: list[Schema], place: str, optional: bool) -> Any:
        allowed = [each for kind in kinds for each in _allowed(kind)]
        if allowed and (meant := word(text, allowed)) is not None:
            return meant
        if any(map(_is_free, kinds)):
            return text
        if optional and _says_nothing(text, kinds):
            return _LEFT_OUT
        strings = [kind for kind in _of_type(kinds, "string") if not _allowed(kind)]
        structures = _of_type(kinds, "array", "object")
        if structures and isinstance(parsed := _parsed(text), list | dict):
            return self._meant(parsed, kinds, place, optional)
        arrays = [kind for kind in structures if not _is_structure(text) and _is_listed(text, kind.get("items", {}))]
        if strings and arrays:
            return self._single(text, arrays[0], place)
        if strings:
            return unwrapped(text) if any(NAMES in kind for kind in strings) else text
        if structures:
            return self._single(text, structures[0], place)
        if _of_type(kinds, "integer", "number"):
            found = number_in(text, place.rpartition(".")[2])
            meant = text if found is None else self._number(found, kinds, place, optional)
            is_whole = isinstance(meant, int) and not _of_type(kinds, "integer")
            return float(str(meant)) if is_whole else meant  # by its digits: an int that is too large raises
        return text.strip() if _of_type(kinds, "boolean") else text

    def _number(self, value: int | float, kinds: list[Schema], place: str, optional: bool) -> Any:
        if optional and place == "seed" and value == _NO_SEED:
            return _LEFT_OUT
        if _of_type(kinds, "integer") and isinstance(value, float) and value.is_integer():
            return int(value)
        if _of_type(kinds, "integer", "number", "boolean"):
            return value
        if any(_is_free(kind) or NAMES in kind for kind in kinds) and _is_finite(value):
            return str(value)  # a title, a tag or a query may be a year
        if arrays := _of_type(kinds, "array"):
            return self._single(value, arrays[0], place)
        meant = word(str(value).removesuffix(".0"), [each for kind in kinds for each in _allowed(kind)])
        return value if meant is None else meant

    def _list(self, values: list[Any], kinds: list[Schema], place: str, optional: bool) -> Any:
        if arrays := _of_type(kinds, "array"):
            if optional and values and all(map(_is_empty, values)):
                return _LEFT_OUT
            items = arrays[0].get("items", {})
            read = [self._read(value, items, place, optional=False) for value in values]
            return [None if isinstance(each, _LeftOut) else each for each in read]
        is_scalar = len(values) == 1 and not isinstance(values[0], list | dict | None)
        return self._meant(values[0], kinds, place, optional) if is_scalar else values

    def _dict(self, fields: Fields, kinds: list[Schema], place: str) -> Any:
        if objects := _of_type(kinds, "object"):
            return self.read_object(fields, objects[0], f"{place}.")
        arrays = [kind for kind in _of_type(kinds, "array") if "properties" in kind.get("items", {})]
        return [self.read_object(fields, arrays[0]["items"], f"{place}.")] if arrays else fields

    def _single(self, value: Any, structure: Schema, place: str) -> Any:
        """A value on its own for a list of such, or a name for an object that needs nothing else."""
        items = structure.get("items", structure)
        if isinstance(value, str) and _is_structure(value) and not _is_free(items):
            return value  # a list or an object that is broken
        if structure["type"] == "array":
            values = [part.strip() for part in value.split(",")] if _is_listed(value, items) else [value]
            return [self._read(each, items, place, optional=False) for each in values]
        required = structure.get("required", [])
        is_name = len(required) == 1 and NAMES in structure["properties"][required[0]]
        return {required[0]: unwrapped(value)} if is_name and isinstance(value, str) else value


def _is_listed(value: Any, items: Schema) -> bool:
    """Numbers and names may stand one after the other; free texts and paths may hold a comma."""
    if not isinstance(value, str) or "," not in value or "/" in value:
        return False
    name = next(iter(items.get("required", ())), "")
    return (
        items.get("type") in ("integer", "number")
        or NAMES in items
        or NAMES in items.get("properties", {}).get(name, {})
    )


def _of_type(kinds: list[Schema], *types: str) -> list[Schema]:
    return [kind for kind in kinds if kind.get("type") in types]


def _allowed(kind: Schema) -> list[str]:
    return [kind["const"]] if "const" in kind else kind.get("enum", [])


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _is_blank(value: Any, kinds: list[Schema]) -> bool:
    """Nothing was written, where that is not a value of its own."""
    if value == {}:
        return bool(_of_type(kinds, "object"))
    if value != "" and any(map(_is_free, kinds)):
        return False  # spaces are somebody's words, which the option's own error is about
    return _is_empty(value) and not any("" in _allowed(kind) for kind in kinds)


def _is_free(kind: Schema) -> bool:
    """Whether it takes any words."""
    return kind.get("type") == "string" and not _allowed(kind) and not kind.keys() & {NAMES, "format", "pattern"}


def _says_nothing(text: str, kinds: list[Schema]) -> bool:
    """A word for nothing, where no text is free to be that word."""
    return text.strip().casefold() in (_NO_ANSWER if _of_type(kinds, "boolean") else _NOTHING)


def _is_other_sense(value: Any, meant: Any) -> bool:
    """Whether it is worth telling: not for another spelling of the same."""
    if meant is value or isinstance(value, list | tuple | dict) or isinstance(meant, list | dict):
        return False
    if isinstance(meant, _LeftOut):
        return True
    if isinstance(meant, int | float) and not isinstance(meant, bool):
        return isinstance(value, str) and not _is_number(value)
    return unwrapped(str(value).strip()).casefold() != str(meant).casefold()


def _is_finite(value: int | float) -> bool:
    return isinstance(value, int) or math.isfinite(value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_structure(text: str) -> bool:
    return text.strip().startswith(("[", "{"))


def _parsed(text: str) -> Any:
    """The list or object that a text spells, in JSON or as Python writes it; None for any other text."""
    if not _is_structure(text):
        return None
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    if len(text) > _LONGEST_LITERAL:
        return None
    with suppress(ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return ast.literal_eval(text.strip())
    return None

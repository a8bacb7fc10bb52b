"""Media references among the fields of a value: how an argument names a clip, its frame, its span, or a file."""

import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, get_args

from pydantic import Field, StringConstraints
from pydantic.fields import FieldInfo

from ltx_mcp.types.value import Value

V = TypeVar("V", bound=Value)

_PAIRS = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb", "<": ">"}
_LINK = re.compile(r"\[[^\]]*\]\(([^()]+(?:\([^()]*\)[^()]*)*)\)")  # of Markdown; a name may hold brackets

_MARK = object()  # pydantic keeps it in a field's metadata

NAMES = "x-names"
"""In the schema of a text that names something, and so is not free to be any words. No host is shown it."""

Name = Annotated[str, Field(json_schema_extra={NAMES: True})]
"""A text that names something."""

ClipId = Annotated[Name, StringConstraints(strip_whitespace=True, min_length=1, max_length=4096)]
"""Names a whole clip of the archive, never a file."""

Reference = Annotated[ClipId, _MARK]


def unwrapped(text: str) -> str:
    """Without the quotes, brackets, link or @ that a chat puts around a reference."""
    plain = text
    if found := _LINK.fullmatch(plain):
        plain = found[1]
    for opening, closing in _PAIRS.items():
        if len(plain) > 2 and plain.startswith(opening) and plain.endswith(closing):
            plain = plain[1:-1].strip()
    return plain[1:] if plain.startswith(("@/", "@~/")) else plain


def map_references(value: V, change: Callable[[str], str]) -> V:
    """The same value with each of its media references changed, in order. What was left out stays left out."""
    fields = type(value).model_fields
    given = {name: getattr(value, name) for name in fields if name in value.model_fields_set}
    return value.model_copy(
        update={name: _mapped(each, _is_reference(fields[name]), change) for name, each in given.items()}
    )


def _mapped(value: Any, is_reference: bool, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value) if is_reference else value
    if isinstance(value, tuple):
        return tuple(_mapped(each, is_reference, change) for each in value)
    return map_references(value, change) if isinstance(value, Value) else value


def _is_reference(field: FieldInfo) -> bool:
    """Whether the field is one, or may be one: `Reference | None`."""
    return _MARK in field.metadata or any(
        _MARK in getattr(kind, "__metadata__", ()) for kind in get_args(field.annotation)
    )

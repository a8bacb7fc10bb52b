"""The schema of a tool's arguments as hosts pass it on to their models.

Only what every model's API takes: OpenAI's strict functions, Gemini's function declarations and Claude's tools share
these keywords, and what one of them does not know it refuses or drops (tests/test_surface.py holds their lists). The
rest is said in words. Every host sends all of it to its model before the first word is said, so a limit that no
sensible call meets is left out here; a call beyond it is refused all the same, with what is allowed.
"""

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

_KEPT = ("type", "description", "enum", "minimum", "maximum", "maxItems", "required")
_MET_BY_NO_CALL = 1000  # a maximum from here on: an hour in seconds, a seed of 64 bits


def arguments_schema(schema: Mapping[str, Any]) -> Schema:
    """What tools/list shows of the whole JSON Schema of a tool's arguments."""
    return {**_light(schema), "additionalProperties": False}


def _light(schema: Mapping[str, Any], described: bool = True) -> Schema:
    """`described` False: an option without a text of its own, which is told in full under its name elsewhere."""
    if not described and "properties" not in schema and "items" not in schema and "anyOf" not in schema:
        return {"type": schema["type"]} if "type" in schema else dict(schema)
    light = {key: schema[key] for key in _KEPT if key in schema}
    if "const" in schema:
        light["enum"] = [schema["const"]]
    if "exclusiveMinimum" in schema:
        light["minimum"] = schema["exclusiveMinimum"]
    if light.get("maximum", 0) >= _MET_BY_NO_CALL:
        del light["maximum"]
    if light.get("minimum") == 0 and "maximum" not in light:
        del light["minimum"]
    if schema.get("default") is not None:
        light["description"] = f"{schema.get('description', '')} Default {_shown(schema['default'])}.".strip()
    if "anyOf" in schema:
        light["anyOf"] = [_light(kind) for kind in schema["anyOf"]]
    if "items" in schema:
        light["items"] = _light(schema["items"])
    if "properties" in schema:
        options = schema["properties"].items()
        light["properties"] = {name: _light(option, "description" in option) for name, option in options}
    return light


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)

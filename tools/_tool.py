"""A tool that refuses what it does not know, and says so in our words.

The SDK drops unknown arguments silently and shows validation errors in its validator's language; an agent
needs the argument, what came, and what is allowed.
"""

from collections.abc import Callable
from typing import Any

from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase
from mcp.types import ToolAnnotations
from pydantic import ConfigDict, ValidationError, create_model
from pydantic_core import ErrorDetails

from ltx_mcp.errors import BadInput, StudioError

_SHOWN = 80  # characters of a bad value that are quoted back


class StudioTool(Tool):
    """One entry of tools/list."""

    async def run(self, arguments: dict[str, Any], context: Any, convert_result: bool = False) -> Any:
        try:
            return await super().run(arguments, context, convert_result)
        except ToolError as error:
            if isinstance(error.__cause__, StudioError):  # without the SDK's prefix
                raise error.__cause__ from None
            if type(error) is ToolError and isinstance(error.__cause__, ValidationError):
                raise self._bad_input(error.__cause__) from None
            raise

    def _bad_input(self, error: ValidationError) -> BadInput:
        properties: dict[str, Any] = self.parameters["properties"]
        return BadInput(" ".join(_problem(detail, properties) for detail in error.errors()))


class _Strict(ArgModelBase):
    model_config = ConfigDict(extra="forbid")


def studio_tool(function: Callable[..., Any], *, title: str, annotations: ToolAnnotations) -> StudioTool:
    """Make a tool of an async function: its name, docstring and type hints are what the model reads."""
    tool = StudioTool.from_function(function, title=title, description=_text(function), annotations=annotations)
    assert isinstance(tool, StudioTool)
    arguments = tool.fn_metadata.arg_model
    strict = create_model(arguments.__name__, __base__=(_Strict, arguments))
    tool.fn_metadata.arg_model = strict
    tool.parameters = strict.model_json_schema(by_alias=True)
    return tool


def _text(function: Callable[..., Any]) -> str:
    return " ".join((function.__doc__ or "").split())


def _problem(detail: ErrorDetails, properties: dict[str, Any]) -> str:
    name = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"There is no argument {name!r}; the arguments are {', '.join(properties)}."
    if detail["type"] == "missing":
        return f"The argument {name!r} is missing."
    return f"{name} = {_shown(detail['input'])} cannot be used: {_allowed(properties.get(name, {}), detail)}."


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"


def _allowed(schema: dict[str, Any], detail: ErrorDetails) -> str:
    for option in [schema, *schema.get("anyOf", [])]:
        if "enum" in option:
            return f"it must be one of {', '.join(map(str, option['enum']))}"
        if "minimum" in option and "maximum" in option:
            kind = "a whole number" if option.get("type") == "integer" else "a number"
            return f"it must be {kind} from {option['minimum']} to {option['maximum']}"
        if "maxLength" in option:
            return f"it must be {option.get('minLength', 0)} to {option['maxLength']:,} characters of text"
    return detail["msg"][0].lower() + detail["msg"][1:]

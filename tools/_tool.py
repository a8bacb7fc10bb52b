"""A tool as the agent sees it, derived from a function and from the request that the function takes.

The options of a request become arguments of their own, so a new option is declared on its request and nowhere else.
The SDK drops unknown arguments silently, reads free text as JSON where it can, and shows validation errors in its
validator's language; an agent needs its words kept, and the argument, what came, and what is allowed.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import ConfigDict, ValidationError, create_model
from pydantic.fields import FieldInfo

from ltx_mcp.errors import BadInput, StudioError
from ltx_mcp.tools._schema import arguments_schema
from ltx_mcp.types.meaning import Reading, as_meant
from ltx_mcp.types.options import options_of, options_schema
from ltx_mcp.types.texts import harmless, harmless_data
from ltx_mcp.types.validation import explain
from ltx_mcp.types.value import Value

ERROR_META = "ltx-mcp/error"
"""Where the `_meta` of a result has the code, the message and the hint of its error."""

# Left out is what the protocol takes for granted: not read-only, destructive, not idempotent.
MAKES = ToolAnnotations(destructive_hint=False, open_world_hint=False)
READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
CHANGES = ToolAnnotations(destructive_hint=False, idempotent_hint=True, open_world_hint=False)
STOPS = ToolAnnotations(destructive_hint=True, idempotent_hint=True, open_world_hint=False)


class StudioTool(Tool):
    """One entry of tools/list."""

    async def run(self, arguments: dict[str, Any], context: Any, convert_result: bool = False) -> Any:
        schema = options_schema(self.fn_metadata.arg_model)
        meant, readings = as_meant(arguments, schema)
        try:
            result = await super().run(meant, context, convert_result)
        except ToolError as error:
            if isinstance(error.__cause__, StudioError):  # without the SDK's prefix
                return _failed(error.__cause__)
            if type(error) is ToolError and isinstance(error.__cause__, ValidationError):
                return _failed(BadInput(explain(error.__cause__, schema)))
            raise _harmless_error(error) from None
        if not isinstance(result, CallToolResult):
            return result
        return harmless_result(_told(result, readings) if readings else result)


def _failed(error: StudioError) -> CallToolResult:
    """In words for the model, and by its code for programs."""
    facts = {"code": error.code, "message": error.message, "hint": error.hint}
    return harmless_result(
        CallToolResult(content=[TextContent(text=str(error))], is_error=True, _meta={ERROR_META: harmless_data(facts)})
    )


def _told(result: CallToolResult, readings: Sequence[Reading]) -> CallToolResult:
    """The result, with what was read in another sense than its letters."""
    note = f"Read {', '.join(map(str, readings))}."
    data = dict(result.structured_content or {})
    effective = dict(data.get("effective") or {})
    data["effective"] = {**effective, "notes": [*effective.get("notes", ()), note]}
    first, *rest = result.content
    if isinstance(first, TextContent):
        first = first.model_copy(update={"text": f"{first.text}\n{note}"})
    return result.model_copy(update={"content": [first, *rest], "structured_content": data})


def _harmless_error(error: ToolError) -> ToolError:
    """Names of files stand in errors too."""
    error.args = (harmless(str(error)),)
    return error


def harmless_result(result: CallToolResult) -> CallToolResult:
    """Texts of the archive and of its files are data: nothing invisible in them reaches an agent."""
    content = [
        block.model_copy(update={"text": harmless(block.text)}) if isinstance(block, TextContent) else block
        for block in result.content
    ]
    return result.model_copy(
        update={"content": content, "structured_content": harmless_data(result.structured_content)}
    )


class _AsTheyCame(FuncMetadata):
    """The SDK turns texts such as `null` and `[1]` into values before anyone asks whether text is wanted."""

    def pre_parse_json(self, data: dict[str, Any]) -> dict[str, Any]:
        return data


class _Arguments(ArgModelBase):
    """Arguments of a call. `requests` are the function's parameters that take several of them as one request."""

    model_config = ConfigDict(extra="forbid")
    requests: ClassVar[Mapping[str, type[Value]]] = {}

    def model_dump_one_level(self) -> dict[str, Any]:
        """What the function is called with. Requests get only what was given: they tell what was left out."""
        arguments = super().model_dump_one_level()
        for parameter, kind in self.requests.items():
            options = {name: arguments.pop(name) for name in options_of(kind)}
            arguments[parameter] = kind(**{name: options[name] for name in options.keys() & self.model_fields_set})
        return arguments


def studio_tool(function: Callable[..., Any], *, title: str, annotations: ToolAnnotations) -> StudioTool:
    """Make a tool of an async function: its name, docstring and type hints are what the model reads.

    A parameter whose type is a request stands for all of the request's options.
    """
    tool = StudioTool.from_function(function, title=title, description=_text(function), annotations=annotations)
    assert isinstance(tool, StudioTool)
    tool.fn_metadata = _AsTheyCame(arg_model=_with_options(tool.fn_metadata.arg_model))
    tool.parameters = arguments_schema(options_schema(tool.fn_metadata.arg_model))
    return tool


def _with_options(arguments: type[ArgModelBase]) -> type[_Arguments]:
    fields: dict[str, FieldInfo] = {}
    requests: dict[str, type[Value]] = {}
    for name, field in arguments.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Value):
            requests[name] = field.annotation
            fields |= options_of(field.annotation)
        else:
            fields[name] = field
    options: dict[str, Any] = {name: (field.annotation, field) for name, field in fields.items()}
    model: type[_Arguments] = create_model(arguments.__name__, __base__=_Arguments, **options)
    model.requests = requests
    return model


def _text(function: Callable[..., Any]) -> str:
    return " ".join((function.__doc__ or "").split())

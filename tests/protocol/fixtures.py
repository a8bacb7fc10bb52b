"""What the official conformance suite calls by fixed names: tools that only tests have. What each must do stands in the
suite's descriptions of its scenarios.
"""

import asyncio
import base64
import json
import warnings
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from mcp import MCPDeprecationWarning
from mcp.server.mcpserver import Audio, Context, Elicit, Image, ListRoots, Resolve, Sample
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import (
    CreateMessageRequest,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    EmbeddedResource,
    InputRequiredResult,
    ListRootsResult,
    SamplingMessage,
    TextContent,
    TextResourceContents,
)
from pydantic import BaseModel, Field

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
WAV = b"RIFF$\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0@\x1f\0\0\x80>\0\0\2\0\x10\0data\0\0\0\0"
STEP_S = 0.05  # between the notes of one call, as the suite asks

AnyContext = Context[Any, Any]


class Name(BaseModel):
    name: str


class Colour(BaseModel):
    color: str


class Confirmed(BaseModel):
    ok: bool


class Person(BaseModel):
    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


def ask_name() -> Elicit[Name]:
    return Elicit("What is your name?", Name)


def ask_colour(name: Annotated[Name, Resolve(ask_name)]) -> Elicit[Colour]:
    return Elicit(f"What is your favorite color, {name.name}?", Colour)


def ask_confirmation() -> Elicit[Confirmed]:
    return Elicit("Please confirm", Confirmed)


def ask_model() -> Sample:
    return Sample([_said("What is the capital of France?")], max_tokens=100)


def ask_roots() -> ListRoots:
    return ListRoots()


def _said(text: str) -> SamplingMessage:
    return SamplingMessage(role="user", content=TextContent(text=text))


def embedded(uri: str, text: str, mime_type: str = "text/plain") -> EmbeddedResource:
    return EmbeddedResource(resource=TextResourceContents(uri=uri, mime_type=mime_type, text=text))


# What a tool's result may hold.


def test_simple_text() -> str:
    return "This is a simple text response for testing."


def test_image_content() -> Image:
    return Image(data=PNG, format="png")


def test_audio_content() -> Audio:
    return Audio(data=WAV, format="wav")


def test_embedded_resource() -> EmbeddedResource:
    return embedded("test://embedded-resource", "This is an embedded resource content.")


def test_multiple_content_types() -> list[Any]:
    data = json.dumps({"test": "data", "value": 123})
    mixed = embedded("test://mixed-content-resource", data, "application/json")
    return ["Multiple content types test:", Image(data=PNG, format="png"), mixed]


def test_error_handling() -> str:
    raise ToolError("This tool intentionally returns an error for testing")


def test_x_mcp_header(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> str:
    return region


CONTENTS: tuple[Callable[..., Any], ...] = (
    test_simple_text, test_image_content, test_audio_content, test_embedded_resource, test_multiple_content_types,
    test_error_handling, test_x_mcp_header,
)  # fmt: skip


# What a tool's schema may hold.

WIDE_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


# What a tool tells while it works.


async def test_tool_with_logging(context: AnyContext) -> str:
    for text in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        with warnings.catch_warnings(action="ignore", category=MCPDeprecationWarning):
            await context.info(text)
        await asyncio.sleep(STEP_S)
    return "done"


async def test_tool_with_progress(context: AnyContext) -> str:
    for progress in (0, 50, 100):
        await context.report_progress(progress, 100)
        await asyncio.sleep(STEP_S)
    return "done"


async def test_reconnection(context: AnyContext) -> str:
    await context.close_sse_stream()
    await asyncio.sleep(STEP_S)
    return "done"


NOTES: tuple[Callable[..., Awaitable[str]], ...] = (test_tool_with_logging, test_tool_with_progress, test_reconnection)


# What a tool asks of its client: within the call (2025-11-25), or by an answer that asks for another call (2026-07-28).


async def test_sampling(prompt: str, context: AnyContext) -> str:
    with warnings.catch_warnings(action="ignore", category=MCPDeprecationWarning):
        answer = await context.session.create_message([_said(prompt)], max_tokens=100)
    return f"LLM response: {answer.content}"


async def test_elicitation(message: str, context: AnyContext) -> str:
    answer = await context.elicit(message, Person)
    return f"User response: {answer.model_dump_json()}"


async def test_elicitation_sep1034_defaults(context: AnyContext) -> str:
    kinds = {
        "name": ("string", "John Doe"),
        "age": ("integer", 30),
        "score": ("number", 95.5),
        "verified": ("boolean", True),
    }
    properties: dict[str, Any] = {name: {"type": kind, "default": value} for name, (kind, value) in kinds.items()}
    properties["status"] = {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"}
    return await _form(context, properties)


async def test_elicitation_sep1330_enums(context: AnyContext) -> str:
    plain = ["option1", "option2", "option3"]
    titled = [
        {"const": f"value{n}", "title": f"{word} Option"} for n, word in enumerate(("First", "Second", "Third"), 1)
    ]
    names = ["Option One", "Option Two", "Option Three"]
    return await _form(
        context,
        {
            "untitledSingle": {"type": "string", "enum": plain},
            "titledSingle": {"type": "string", "oneOf": titled},
            "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": names},
            "untitledMulti": {"type": "array", "items": {"type": "string", "enum": plain}},
            "titledMulti": {"type": "array", "items": {"anyOf": titled}},
        },
    )


async def _form(context: AnyContext, properties: dict[str, Any]) -> str:
    schema = {"type": "object", "properties": properties, "required": []}
    answer = await context.session.elicit_form("Please fill this in", schema, related_request_id=context.request_id)
    return f"Elicitation completed: action={answer.action}, content={json.dumps(answer.content)}"


def test_missing_capability(answer: Annotated[CreateMessageResult, Resolve(ask_model)]) -> str:
    return str(answer.content)


def test_input_required_result_sampling(answer: Annotated[CreateMessageResult, Resolve(ask_model)]) -> str:
    return str(answer.content)


def test_input_required_result_elicitation(context: AnyContext) -> str | InputRequiredResult:
    """By hand, for the suite wants a key of its own."""
    return named(context) or asking_name("What is your name?")


def named(context: AnyContext) -> str:
    """A greeting, once the client has given a name, in a form that has one field."""
    answer = (context.input_responses or {}).get("user_name")
    given = [*(answer.content or {}).values()] if isinstance(answer, ElicitResult) else []
    return f"Hello, {given[0]}!" if given else ""


def asking_name(message: str) -> InputRequiredResult:
    form = ElicitRequestFormParams(message=message, requested_schema=Name.model_json_schema())
    return InputRequiredResult(input_requests={"user_name": ElicitRequest(params=form)})


def test_streaming_elicitation(name: Annotated[Name, Resolve(ask_name)]) -> str:
    return f"Hello, {name.name}!"


def test_input_required_result_list_roots(roots: Annotated[ListRootsResult, Resolve(ask_roots)]) -> str:
    return ", ".join(str(root.uri) for root in roots.roots)


def test_input_required_result_request_state(confirmed: Annotated[Confirmed, Resolve(ask_confirmation)]) -> str:
    return f"state-ok {confirmed.ok}"


def test_input_required_result_tampered_state(confirmed: Annotated[Confirmed, Resolve(ask_confirmation)]) -> str:
    return f"state-ok {confirmed.ok}"


def test_input_required_result_multi_round(colour: Annotated[Colour, Resolve(ask_colour)]) -> str:
    return colour.color


def test_input_required_result_multiple_inputs(
    name: Annotated[Name, Resolve(ask_name)],
    answer: Annotated[CreateMessageResult, Resolve(ask_model)],
    roots: Annotated[ListRootsResult, Resolve(ask_roots)],
) -> str:
    return f"{name.name}, {answer.content}, {len(roots.roots)} roots"


def test_input_required_result_capabilities(context: AnyContext) -> InputRequiredResult:
    """Asks for what its client can answer, and for nothing else."""
    return InputRequiredResult(input_requests={"answer": CreateMessageRequest(params=ask_model().params)})


ASKING: tuple[Callable[..., Any], ...] = (
    test_sampling, test_elicitation, test_elicitation_sep1034_defaults, test_elicitation_sep1330_enums,
    test_missing_capability, test_input_required_result_sampling, test_input_required_result_elicitation,
    test_streaming_elicitation, test_input_required_result_list_roots, test_input_required_result_request_state,
    test_input_required_result_tampered_state, test_input_required_result_multi_round,
    test_input_required_result_multiple_inputs, test_input_required_result_capabilities,
)  # fmt: skip

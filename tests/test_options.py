"""One declaration for an option: what a request's field says is what the tool shows and what the command offers."""

import argparse
import inspect
from typing import Annotated, Any, Literal, get_args

import pytest
from annotated_types import Ge, Le
from mcp.types import CallToolResult
from pydantic import Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from ltx_mcp.cli.command_table import COMMANDS
from ltx_mcp.cli.main import _parser
from ltx_mcp.cli.options import add_options, read_options
from ltx_mcp.errors import BadInput, error_with
from ltx_mcp.tools import TOOLS
from ltx_mcp.tools._job import ToolContext, Wait
from ltx_mcp.tools._tool import ERROR_META, MAKES, StudioTool, studio_tool
from ltx_mcp.types.clip_requests import UpdateRequest, ViewRequest
from ltx_mcp.types.options import NO_FLAG, flag_of, options_of, options_schema
from ltx_mcp.types.requests import (
    MAX_FPS,
    MAX_SEED,
    MIN_FPS,
    FinalizeOptions,
    FinalizeRequest,
    GenerateRequest,
    Request,
)
from ltx_mcp.types.searches import SearchRequest
from ltx_mcp.types.validation import explain, number
from ltx_mcp.types.value import Value

ASKED: dict[str, type[Value]] = {
    **{kind.model_fields["tool"].default: kind for kind in get_args(get_args(Request)[0])},
    FinalizeRequest.model_fields["tool"].default: FinalizeOptions,
    "search_clips": SearchRequest,
    "view_clip": ViewRequest,
    "update_clip": UpdateRequest,
}
EVERY_OPTION = [(tool, name) for tool, kind in ASKED.items() for name in options_of(kind)]
COMMAND_OF = {command.request: name for name, command in COMMANDS.items()}


def the_tool(name: str) -> StudioTool:
    return next(tool for tool in TOOLS if tool.name == name)


def the_arguments(command: str) -> dict[str, argparse.Action]:
    """Those of a command's own parser, by the option that they are for."""
    [commands] = [action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction)]
    parser: argparse.ArgumentParser = commands.choices[command]
    return {action.dest: action for action in parser._actions if action.const is None}  # --no-tags is the same option


def declared_range(field: FieldInfo) -> tuple[Any, Any] | None:
    """As pydantic holds it, at the field itself or inside of `X | None`."""
    inside = get_args(field.annotation) if type(None) in get_args(field.annotation) else ()
    parts = [*field.metadata, *(part for kind in inside for part in _metadata(kind))]
    low = [part.ge for part in parts if isinstance(part, Ge)]
    high = [part.le for part in parts if isinstance(part, Le)]
    return (low[0], high[0]) if low and high else None


def _metadata(kind: Any) -> tuple[Any, ...]:
    found: list[Any] = []
    for part in getattr(kind, "__metadata__", ()):
        found += part.metadata if isinstance(part, FieldInfo) else [part]
    return tuple(found)


def test_every_request_has_its_tool_and_its_command() -> None:
    assert set(ASKED) <= {tool.name for tool in TOOLS}
    assert set(ASKED.values()) <= set(COMMAND_OF)
    for command in COMMANDS.values():
        assert inspect.iscoroutinefunction(command.function())


def test_ranges_are_found_on_fields_that_may_be_left_out_too() -> None:
    options = options_of(GenerateRequest)
    assert (declared_range(options["seed"]), declared_range(options["fps"])) == ((0, MAX_SEED), (MIN_FPS, MAX_FPS))
    assert declared_range(options["prompt"]) is None


@pytest.mark.parametrize(("tool", "name"), EVERY_OPTION)
def test_an_option_is_what_its_field_declares_in_the_tool_and_in_the_command(tool: str, name: str) -> None:
    field = options_of(ASKED[tool])[name]
    shown = options_schema(ASKED[tool])["properties"][name]
    light = the_tool(tool).parameters["properties"][name]
    assert field.description, "an agent reads it"
    assert light["description"].startswith(field.description)
    assert light.get("enum") == shown.get("enum")
    assert (name in the_tool(tool).parameters.get("required", ())) == field.is_required()
    if "default" in shown:
        assert shown["default"] == field.default
        told = field.default if shown["type"] == "string" else str(field.default).lower().removesuffix(".0")
        assert light["description"].endswith(f" Default {told}.")
    if (limits := declared_range(field)) is not None:
        assert (shown["minimum"], shown["maximum"]) == limits
        assert (light.get("minimum", 0), light.get("maximum", limits[1])) == limits
        assert "maximum" in light or limits[1] > 1000, "what no call meets"
    if flag_of(field).hidden:
        assert name not in the_arguments(COMMAND_OF[ASKED[tool]])
        return
    argument = the_arguments(COMMAND_OF[ASKED[tool]])[name]
    said = argument.help or ""
    assert said.startswith(flag_of(field).help or field.description)
    assert argument.default is None, "so that what was left out can be told"
    assert argument.choices == shown.get("enum")
    assert argument.required == field.is_required()
    if shown.get("type") == "boolean":
        flag = flag_of(field).name or f"--{name.replace('_', '-')}"
        spelled = flag, flag.replace("--", "--no-")
        assert tuple(argument.option_strings) == spelled, "the first says yes, the second no"
    if limits is not None:
        assert f"{number(limits[0])} to {number(limits[1])}" in said
    if "default" in shown and shown["type"] != "boolean":
        assert f"default {field.default if shown['type'] == 'string' else number(field.default)}" in said


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_tools_schema_is_plain(tool: StudioTool) -> None:
    text = str(tool.parameters)
    for word in ("$ref", "$defs", "'title': '", "'null'", "None"):
        assert word not in text, word
    assert "tool" not in tool.parameters["properties"]


# -- a request that nobody has written code for --------------------------------------------------------------


class Cut(Value):
    """For readers of the code."""

    source: Annotated[str, Field(description="A clip_id.", max_length=10)]
    speed: Annotated[float, Field(ge=0.25, le=4, description="1 as it is.")] = 1.0


class Probe(GenerateRequest):
    grain: Annotated[float, Field(ge=0, le=0.5, description="Film grain.")] = 0.25
    look: Annotated[Literal["day", "night"] | None, Field(description="100% day or night.")] = None
    words: Annotated[tuple[str, ...], Field(description="What is said.")] = ()
    cuts: Annotated[tuple[Cut, ...], Field(max_length=3, description="In order."), NO_FLAG] = ()
    music: Annotated[Cut | None, Field(description="Under it."), NO_FLAG] = None
    score: Annotated[Cut | Literal["none"] | None, Field(description="Music, or none."), NO_FLAG] = None

    @model_validator(mode="after")
    def _grainy_nights(self) -> "Probe":
        if self.look == "night" and self.grain < 0.1:
            raise ValueError("A night has grain; raise grain to 0.1.")
        return self


async def probing(context: ToolContext, request: Probe, wait_s: Wait = 1.0) -> CallToolResult:
    """A probe."""
    return CallToolResult(content=[], structured_content={"asked": sorted(request.model_fields_set), "wait_s": wait_s})


PROBING = studio_tool(probing, title="Probe", annotations=MAKES)


def commanded(*arguments: str) -> Probe:
    parser = argparse.ArgumentParser()
    parser.set_defaults(command="probe")
    add_options(parser, Probe)
    return read_options(Probe, parser.parse_args(arguments))


async def called(**arguments: object) -> dict[str, Any]:
    result = await PROBING.run(dict(arguments), None)
    assert isinstance(result, CallToolResult)
    if result.is_error:
        assert result.meta is not None
        raise error_with(**result.meta[ERROR_META])
    assert isinstance(result.structured_content, dict)
    return result.structured_content


def test_a_field_that_is_added_to_a_request_is_an_argument_and_a_flag_without_further_code() -> None:
    shown = PROBING.parameters["properties"]
    grain = {"type": "number", "minimum": 0, "maximum": 0.5, "description": "Film grain. Default 0.25."}
    assert shown["grain"] == grain
    assert shown["look"] == {"type": "string", "enum": ["day", "night"], "description": "100% day or night."}
    cut = {
        "type": "object",
        "required": ["source"],
        "properties": {
            "source": {"type": "string", "description": "A clip_id."},
            "speed": {"type": "number", "minimum": 0.25, "maximum": 4, "description": "1 as it is. Default 1."},
        },
    }
    assert shown["cuts"] == {"type": "array", "maxItems": 3, "description": "In order.", "items": cut}
    assert shown["music"] == {**cut, "description": "Under it."}
    asked = commanded("a kite", "--grain", "0.3", "--look", "day", "--words", "one", "--words", "two", "--no-audio")
    assert asked == Probe(prompt="a kite", grain=0.3, look="day", words=("one", "two"), audio=False)
    assert asked.model_fields_set == {"prompt", "grain", "look", "words", "audio"}


@pytest.mark.anyio
async def test_what_was_left_out_or_sent_as_null_is_not_asked_for() -> None:
    assert await called(prompt="x") == {"asked": ["prompt"], "wait_s": 1.0}
    assert (await called(prompt="x", fps=None, look=None, wait_s=None))["asked"] == ["prompt"]
    assert (await called(prompt="x", fps=24))["asked"] == ["fps", "prompt"], "a default that was given was asked for"
    nested = {"source": "a", "speed": 2}
    assert (await called(prompt="x", cuts=[nested], music=nested))["asked"] == ["cuts", "music", "prompt"]
    assert (await called(prompt="x", cuts='[{"source": "a"}]'))["asked"] == ["cuts", "prompt"], "some hosts send text"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"grain": 2}, "grain = 2 cannot be used: it must be a number from 0 to 0.5."),
        ({"grains": 2}, "There is no argument 'grains'; the arguments are prompt, "),
        ({"tool": "generate_video"}, "There is no argument 'tool'"),
        ({"cuts": [{"source": "a"}, {"source": "b", "speed": 9}]}, "Cut 2: speed = 9 cannot be used: it must be a"),
        (
            {"cuts": [{"source": "a", "sped": 1}]},
            "Cut 1: there is no argument 'sped'; the arguments are source, speed; did you mean speed?",
        ),
        ({"cuts": [{}]}, "Cut 1: the argument 'source' is missing."),
        ({"cuts": [{"source": "a"}] * 4}, "cuts cannot be used: it has 4 items, and at most 3 are taken."),
        (
            {"music": {"source": "far too long"}},
            "music.source = 'far too long' cannot be used: it must be 0 to 10 char",
        ),
        ({"words": ["a", True]}, "Word 2: True cannot be used: input should be a valid string."),
        ({"score": {"sources": "a"}}, "The argument 'score.source' is missing. There is no argument 'score.sources'; "),
        ({"score": "loud"}, "score = 'loud' cannot be used: input should be 'none'."),
        ({"score": 5}, "score = 5 cannot be used: "),
        ({"look": "night", "grain": 0}, "A night has grain; raise grain to 0.1."),
        ({"prompt": None}, "The argument 'prompt' is missing."),
    ],
    ids=str,
)
async def test_what_cannot_be_used_is_said_where_it_stands(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput) as error:
        await called(**{"prompt": "x", **arguments})
    assert str(error.value).startswith(said)


def test_the_command_says_it_with_its_own_flags(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in (
        (("--grain", "2"), "--grain = 2.0 cannot be used: it must be a number from 0 to 0.5."),
        (("--duration", "99"), "--duration = 99.0 cannot be used: it must be a number from 0.5 to 20."),
        (("--lora", "x=9"), "--lora 1: strength = 9.0 cannot be used: it must be a number from -2 to 2."),
        (("--look", "night", "--grain", "0"), "A night has grain"),
    ):
        with pytest.raises(BadInput, match="ltx-mcp probe --help") as error:
            commanded("x", *arguments)
        assert error.value.message.startswith(said)
    with pytest.raises(SystemExit):
        commanded("--help")
    assert "100% day or night." in capsys.readouterr().out


def test_a_list_of_objects_must_say_how_it_is_written_on_a_command_line() -> None:
    class Unsaid(Value):
        cuts: tuple[Cut, ...] = ()

    with pytest.raises(TypeError, match="'cuts'"):
        add_options(argparse.ArgumentParser(), Unsaid)


def test_very_many_problems_are_told_in_part() -> None:
    with pytest.raises(ValidationError) as error:
        Probe.model_validate({"prompt": "x", **{f"n{number}": 1 for number in range(50)}})
    text = explain(error.value, options_schema(Probe))
    assert "42 more problems." in text

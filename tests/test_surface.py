"""What an agent reads stays light, and its schemas are such as every model's API takes."""

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from ltx_mcp.tools import TOOLS

SCRIPT = Path(__file__).parent.parent / "bench" / "surface.py"

# Keywords of a schema that each maker documents for the arguments of a tool.
OPENAI = {  # structured outputs, "supported schemas": strict functions
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "description",
    "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems",
    "maxItems",
}  # fmt: skip
GEMINI = {  # the Schema of a FunctionDeclaration; an object takes no others than its properties there
    "type", "format", "title", "description", "nullable", "enum", "minItems", "maxItems", "properties", "required",
    "minLength", "maxLength", "pattern", "anyOf", "items", "minimum", "maximum",
}  # fmt: skip
CLAUDE = {  # input_schema: JSON Schema 2020-12, of which "strict" tools know these
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "allOf", "description",
    "default", "format", "pattern", "minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength",
}  # fmt: skip


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, int], dict[str, int]]:
    measure = runpy.run_path(str(SCRIPT))["measure"]
    tools, read = anyio.run(measure, tmp_path_factory.mktemp("surface"))
    return tools, read


def test_the_tool_list_costs_at_most_5500_tokens(measured: tuple[dict[str, int], dict[str, int]]) -> None:
    tools, _ = measured
    assert len(tools) == len(TOOLS)
    assert sum(tools.values()) <= 5500, tools


@pytest.mark.parametrize(
    ("what", "most"),
    [
        ("ltx://capabilities", 1200),
        ("waiting reply, as data", 120),
        ("waiting reply, in words", 120),
        ("finished reply, as data", 350),
        ("finished reply, in words", 350),
        ("finished reply over HTTP, as data", 350),
        ("finished reply over HTTP, in words", 350),
    ],
)
def test_what_is_read_often_is_short(measured: tuple[dict[str, int], dict[str, int]], what: str, most: int) -> None:
    assert 0 < measured[1][what] <= most, measured


def test_a_description_has_at_most_150_words() -> None:
    assert {tool.name: count for tool in TOOLS if (count := len(tool.description.split())) > 150} == {}


def schemas(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema and every one inside it."""
    yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    for each in [*inner, *([schema["items"]] if "items" in schema else [])]:
        yield from schemas(each)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
@pytest.mark.parametrize(("maker", "known"), [("OpenAI", OPENAI), ("Gemini", GEMINI), ("Claude", CLAUDE)])
def test_no_part_of_a_schema_is_dropped_by_a_makers_api(tool: Any, maker: str, known: set[str]) -> None:
    assert tool.parameters["type"] == "object"
    assert tool.parameters["additionalProperties"] is False
    whole = {key: value for key, value in tool.parameters.items() if key != "additionalProperties"}
    for each in schemas(whole):
        assert set(each) <= known, maker
        assert ("type" in each) != ("anyOf" in each), "one of them says what it is"
        assert isinstance(each.get("type", ""), str), "no list of types"
        assert each.get("type") != "array" or "items" in each, "Gemini wants to know of what"
        assert "enum" not in each or each["type"] == "string", "Gemini's enums are strings"
        assert set(each.get("required", ())) <= set(each.get("properties", ()))


def test_a_default_is_told_in_words_because_apis_drop_the_keyword() -> None:
    generate = next(tool for tool in TOOLS if tool.name == "generate_video")
    assert generate.parameters["properties"]["quality"]["description"].endswith("Default final.")
    assert generate.parameters["properties"]["wait_s"]["description"].endswith("Default 45.")
    assert generate.parameters["properties"]["audio"]["description"].endswith("Default true.")

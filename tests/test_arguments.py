"""What agents send for every argument of every tool: taken as it was meant, or refused with what is allowed.

The tables are made from the schemas, so an argument is covered by being there.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from agents import an_agent, data, text
from pydantic import BaseModel, ValidationError

from ltx_mcp.cli.options import add_options, read_options
from ltx_mcp.errors import BadInput
from ltx_mcp.tools import TOOLS
from ltx_mcp.tools._tool import StudioTool
from ltx_mcp.types.film_request import film_request
from ltx_mcp.types.meaning import as_meant
from ltx_mcp.types.near_words import number_in, word
from ltx_mcp.types.options import options_schema
from ltx_mcp.types.references import NAMES
from ltx_mcp.types.requests import MAX_SEED, GenerateRequest
from ltx_mcp.types.sizes import ASPECTS, RESOLUTIONS
from ltx_mcp.types.validation import explain

Schema = dict[str, Any]


@dataclass(frozen=True)
class Spot:
    """An argument, or a field of an object in one: `wrap` makes a whole call of a value for it."""

    tool: StudioTool
    path: tuple[str, ...]
    option: Schema
    optional: bool
    wrap: Callable[[Any], dict[str, Any]]

    def __str__(self) -> str:
        return f"{self.tool.name}.{'.'.join(self.path)}"

    @property
    def kinds(self) -> list[Schema]:
        kinds: list[Schema] = self.option.get("anyOf", [self.option])
        return kinds

    def of_type(self, *types: str) -> Schema | None:
        return next((kind for kind in self.kinds if kind.get("type") in types and "enum" not in kind), None)

    def read(self, value: Any) -> Any:
        """What the tool's function is given for it; LEFT_OUT for nothing. Raises ValidationError."""
        return self.of(understood(self.tool, self.wrap(value)))

    def of(self, model: BaseModel) -> Any:
        found: Any = model
        for name in self.path:
            found = found[0] if isinstance(found, tuple) else found
            if name not in found.model_fields_set:
                return LEFT_OUT
            found = getattr(found, name)
        return found


LEFT_OUT = "(left out)"


def schema_of(tool: StudioTool) -> Schema:
    return options_schema(tool.fn_metadata.arg_model)


def understood(tool: StudioTool, arguments: dict[str, Any]) -> BaseModel:
    meant, _ = as_meant(arguments, schema_of(tool))
    return tool.fn_metadata.arg_model.model_validate(tool.fn_metadata.pre_parse_json(meant))


def an_example(option: Schema) -> Any:
    """A value that the option takes."""
    option = option.get("anyOf", [option])[0]
    match option:
        case {"const": value}:
            return value
        case {"enum": [value, *_]}:
            return value
        case {"type": "integer"}:
            return max(2, int(option.get("minimum", 0)))
        case {"type": "number"}:
            return float(min(max(8, option.get("minimum", 0)), option.get("maximum", 8)))
        case {"type": "boolean"}:
            return True
        case {"type": "array"}:
            return [an_example(option["items"])]
        case {"type": "object"}:
            return {name: an_example(option["properties"][name]) for name in option.get("required", ())}
        case {"format": "date-time"}:
            return "2026-11-20T10:00:00Z"
        case {"pattern": pattern}:
            return "a" * 40 if "40" in pattern else "en"
        case _:
            return "x"


def spots() -> Iterator[Spot]:
    for tool in TOOLS:
        yield from _spots(tool, schema_of(tool), (), lambda fields: fields)


def _spots(tool: StudioTool, schema: Schema, path: tuple[str, ...], around: Callable[[Any], Any]) -> Iterator[Spot]:
    needed = {name: an_example(schema["properties"][name]) for name in schema.get("required", ())}
    for name, option in schema["properties"].items():

        def wrap(value: Any, name: str = name) -> Any:
            return around({**needed, **_beside(path, name, value), name: value})

        yield Spot(tool, (*path, name), option, name not in schema.get("required", ()), wrap)
        for kind in option.get("anyOf", [option]):
            inner, is_list = (kind.get("items", {}), True) if kind.get("type") == "array" else (kind, False)
            if "properties" in inner:
                put = (lambda value, wrap=wrap: wrap([value])) if is_list else wrap
                yield from _spots(tool, inner, (*path, name), put)


def _beside(path: tuple[str, ...], name: str, value: Any) -> dict[str, Any]:
    """Of text and file (or audio), each passage takes exactly one."""
    if path[-1:] not in (("narration",), ("subtitles",)):
        return {}
    other = "audio" if path[-1] == "narration" else "file"
    is_blank = value is None or (isinstance(value, str) and not value.strip())
    if name == "text":
        return {other: "x"} if is_blank else {}
    return {} if name in (other, "from_narration") and not is_blank else {"text": "x"}


EVERY = list(spots())
FREE_TEXT = [
    spot for spot in EVERY
    if (kind := spot.of_type("string")) and NAMES not in kind and not {"format", "pattern", "const"} & set(kind)
]  # fmt: skip


def each(chosen: list[Spot]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("spot", chosen, ids=str)


def test_the_table_holds_every_argument_of_every_tool_and_what_is_inside() -> None:
    assert {(spot.tool.name, spot.path[0]) for spot in EVERY} == {
        (tool.name, name) for tool in TOOLS for name in tool.parameters["properties"]
    }
    assert {"edit_video.shots.source", "edit_video.music.loop", "edit_video.changes.title"} <= set(map(str, EVERY))
    assert len(EVERY) > 100


@each([spot for spot in EVERY if spot.optional])
def test_what_is_not_required_may_be_null_or_blank(spot: Spot) -> None:
    for nothing in (None, "", *(() if spot in FREE_TEXT else ("  ",))):
        blank_is_a_value = nothing is not None and any(kind.get("const") == "" for kind in spot.kinds)
        assert spot.read(nothing) == ("" if blank_is_a_value else LEFT_OUT)


@each([spot for spot in EVERY if not spot.optional])
def test_what_is_required_may_not_be_null(spot: Spot) -> None:
    with pytest.raises(ValidationError) as error:
        spot.read(None)
    assert "missing" in explain(error.value, schema_of(spot.tool))


@each([spot for spot in EVERY if spot.of_type("integer", "number")])
def test_numbers_may_be_text_and_whole_ones_floats(spot: Spot) -> None:
    value = an_example(spot.option)
    for spelled in (value, float(value), str(value), f" {value} ", f'"{value}"', f"{value:.1f}"):
        read = spot.read(spelled)
        assert (read, type(read)) == (value, type(value)), spelled
    wrong: Any
    for wrong in ("NaN", "Infinity", "-inf", float("nan"), float("inf"), 1e400, "1e400", "9" * 500, 10**400, "many",
                  True, [], {}, [1, 2]):  # fmt: skip
        with pytest.raises(ValidationError):
            spot.read(wrong)
    if spot.of_type("integer"):
        for fraction in (value + 0.5, f"{value}.5", "1/3"):
            with pytest.raises(ValidationError):
                spot.read(fraction)


@each([spot for spot in EVERY if spot.of_type("number") and spot.path[-1].endswith("_s")])
def test_seconds_may_have_their_unit(spot: Spot) -> None:
    value = an_example(spot.option)
    for spelled in (f"{value:g}s", f"{value:g} seconds", f"{value:g} sec", f"{value * 1000:g} ms", f"0:{value:04.1f}"):
        assert spot.read(spelled) == pytest.approx(value), spelled


@each([spot for spot in EVERY if spot.of_type("boolean") and spot.path[-1] != "from_narration"])
def test_yes_and_no_have_their_spellings(spot: Spot) -> None:
    for spelled in (True, "true", "True", " TRUE ", "yes", "on", "1", 1):
        assert spot.read(spelled) is True, spelled
    for spelled in (False, "false", "False", "no", "off", "0", 0):
        assert spot.read(spelled) is False, spelled
    wrong: Any
    for wrong in ("maybe", 2, [], {}):
        with pytest.raises(ValidationError):
            spot.read(wrong)


@each(FREE_TEXT)
def test_text_stays_the_text_that_it_is_whatever_it_looks_like(spot: Spot) -> None:
    for words in ("null", "none", "[1]", '{"a":1}', "true", "5", "-1", '"quoted"', "[", "auto", "ünï 日本 👩‍🚀"):
        read = spot.read(words)
        assert read == words, spot
    for number in (2024, -1, 4.5, 10**20):
        assert spot.read(number) == str(number), "a number was meant as its text"
    wrong: Any
    for wrong in (float("nan"), True, [1, 2]):
        with pytest.raises(ValidationError):
            spot.read(wrong)


@each([spot for spot in EVERY if any("enum" in kind for kind in spot.kinds)])
def test_a_word_of_the_schema_may_be_written_otherwise(spot: Spot) -> None:
    allowed = next(kind["enum"] for kind in spot.kinds if "enum" in kind)
    for value in allowed:
        spaced = value.replace("_", " ")
        for spelled in (
            value,
            value.upper(),
            value.title(),
            f" {value} ",
            f'"{value}"',
            spaced,
            value.replace("_", "-"),
        ):
            assert spot.read(spelled) == value, spelled
    with pytest.raises(ValidationError) as error:
        spot.read("something else")
    assert allowed[0] in explain(error.value, schema_of(spot.tool))


@each([spot for spot in EVERY if spot.of_type("array")])
def test_a_list_may_be_json_and_a_single_one_stand_by_itself(spot: Spot) -> None:
    kind = spot.of_type("array")
    assert kind
    one = an_example(kind["items"])
    if isinstance(one, dict):
        one |= _beside(spot.path, "", "")
    expected = spot.read([one])
    assert len(expected) == 1
    assert spot.read(json.dumps([one])) == expected
    if not spot.of_type("string"):
        assert spot.read(one) == expected
    if isinstance(one, dict):
        assert spot.read(json.dumps(one)) == expected
    if spot.optional:
        assert spot.read([""]) == spot.read([None]) == spot.read("[null]") == LEFT_OUT
        assert spot.read([]) == (), "nothing is not the same as left out"


@each([spot for spot in EVERY if any("properties" in kind for kind in spot.kinds)])
def test_an_object_may_be_json(spot: Spot) -> None:
    kind = next(kind for kind in spot.kinds if "properties" in kind)
    full = {**an_example(kind), **_beside(spot.path, "", "")}
    assert spot.read(json.dumps(full)) == spot.read(full)


@each([spot for spot in EVERY if len(spot.path) == 1])
def test_a_name_that_comes_near_is_refused_with_the_right_one(spot: Spot) -> None:
    name = spot.path[0]
    head, *tail = name.split("_")
    near = {head + "".join(map(str.title, tail)), name.replace("_", "-"), name.upper(), f"{name}s", f"{name}_"}
    others = spot.tool.parameters["properties"]
    for wrong in near - set(others):
        with pytest.raises(ValidationError) as error:
            understood(spot.tool, {wrong: an_example(spot.option)})
        assert "did you mean" in explain(error.value, schema_of(spot.tool)), wrong


@pytest.mark.parametrize(
    ("tool", "wrong", "right"),
    [
        ("generate_video", "duration", "duration_s"),
        ("generate_video", "length", "duration_s"),
        ("generate_video", "aspect_ratio", "aspect"),
        ("generate_video", "width", "resolution"),
        ("generate_video", "frameRate", "fps"),
        ("generate_video", "negativePrompt", "negative_prompt"),
        ("generate_video", "text", "prompt"),
        ("animate_image", "image_path", "image"),
        ("animate_image", "last_frame", "end_image"),
        ("restyle_video", "path", "video"),
        ("import_video", "file", "video"),
        ("search_clips", "top_k", "limit"),
        ("search_clips", "q", "query"),
        ("get_job", "id", "job_id"),
        ("view_clip", "clip_id", "clip"),
        ("export_clip", "output_dir", "folder"),
        ("edit_video", "scenes", "shots"),
    ],
)
def test_a_name_of_other_servers_is_refused_with_ours(tool: str, wrong: str, right: str) -> None:
    entry = next(each for each in TOOLS if each.name == tool)
    with pytest.raises(ValidationError) as error:
        understood(entry, {wrong: 1})
    assert f"; did you mean {right}?" in explain(error.value, schema_of(entry))


def test_arguments_in_an_envelope_are_told_to_come_out() -> None:
    generate = next(tool for tool in TOOLS if tool.name == "generate_video")
    with pytest.raises(ValidationError) as error:
        understood(generate, {"arguments": {"prompt": "x"}})
    assert "did you mean to give what is in it by itself?" in explain(error.value, schema_of(generate))


# -- near words -----------------------------------------------------------------------------------------------

GENERATE = options_schema(GenerateRequest)
MEANT: list[tuple[str, Any, Any]] = [
    *(("duration_s", spelled, 5) for spelled in ("5s", "5 s", "5sec", "5.0 seconds", "5000ms", "0:05", "0:00:05")),
    *(("wait_s", spelled, 90) for spelled in ("1m30s", "1 min 30 s", "1:30", "1.5 min", "90s")),
    *(("aspect", spelled, "9:16") for spelled in ("portrait", "Vertical", "9x16", "9/16", "9 : 16", "1080x1920")),
    *(("aspect", spelled, "16:9") for spelled in ("landscape", "widescreen", "16x9", "16 by 9", "1280\u00d7720")),
    *(("aspect", spelled, "16:9") for spelled in ("16:9 (landscape)", "widescreen (16x9)", "landscape 16:9")),
    *(("resolution", spelled, "1080p") for spelled in ("1080p (Full HD)", "Full HD (1920x1080)")),
    *(("codec", spelled, "hevc") for spelled in ("H.265 (HEVC)", "hevc, h265")),
    *(("aspect", spelled, "1:1") for spelled in ("square", "1x1", "1024x1024")),
    *(("aspect", spelled, "4:3") for spelled in ("4x3", "640x480", "4-3")),
    *(("resolution", spelled, "2160p") for spelled in ("4K", "4k UHD", "UHD", "2160", 2160, "2160P", "3840x2160")),
    *(("resolution", spelled, "1440p") for spelled in ("2K", "1440", "2560x1440")),
    *(("resolution", spelled, "1080p") for spelled in ("1080", "Full HD", "FHD", "full-hd", "1920 x 1080")),
    *(("resolution", spelled, "720p") for spelled in ("720", 720, 720.0, "HD", "720 p", "1280\u00d7720")),
    *(("codec", spelled, "hevc") for spelled in ("h265", "H.265", "x265", "HEVC", "hvc1", "H-265")),
    *(("codec", spelled, "h264") for spelled in ("H.264", "x264", "avc", "AVC1", "libx264")),
    *(("fps", spelled, 30000 / 1001) for spelled in ("30000/1001", "29.97002997002997", "30000 / 1001")),
    *(("fps", spelled, 24) for spelled in ("24fps", "24 fps", "24p", "24 Hz", "24.0", 24)),
    *(("quality", spelled, "draft") for spelled in ("Draft", "preview", "fast")),
    *(("camera", spelled, "dolly_in") for spelled in ("dolly-in", "Dolly In", "dollyIn", "push in", "zoom_in")),
    *(("camera", spelled, "static") for spelled in ("locked", "tripod", "still")),
    *(("camera", spelled, LEFT_OUT) for spelled in ("none", "None", "null", "auto", "", False)),
    *(("seed", spelled, LEFT_OUT) for spelled in (-1, -1.0, "-1", "random", "none", "")),
    *(("seed", spelled, 42) for spelled in (42, 42.0, "42", "42.0", " 42 ")),
    ("seed", str(MAX_SEED), MAX_SEED),
    *(("resolution", spelled, LEFT_OUT) for spelled in ("auto", "default", "undefined")),
    *(("audio", spelled, False) for spelled in ("off", "no", "False", 0)),
    *(("extend", spelled, LEFT_OUT) for spelled in ("none", "null", "", False)),
    *(("then", spelled, ("a dog",)) for spelled in ("a dog", ["a dog"], '["a dog"]')),
    *(("then", spelled, ("5",)) for spelled in (5, [5], "5", "[5]")),
    *(("loras", spelled, "a") for spelled in ("a", ["a"], '["a"]', {"name": "a"}, '[{"name":"a"}]')),
]  # fmt: skip


@pytest.mark.parametrize(("name", "came", "meant"), MEANT, ids=str)
def test_a_near_word_is_taken_as_meant(name: str, came: object, meant: object) -> None:
    generate = next(tool for tool in TOOLS if tool.name == "generate_video")
    model = understood(generate, {"prompt": "x", name: came})
    found: Any = getattr(model, name) if name in model.model_fields_set else LEFT_OUT
    if name == "loras":
        found = found[0].name
    assert found == (pytest.approx(meant) if isinstance(meant, float) else meant)


REFUSED: list[tuple[str, Any]] = [
    *(("seed", came) for came in (4.5, "4.5", -2, True, "4.5 ")),
    *(("duration_s", came) for came in ("5 parsecs", "five", -1, True, "0:00")),
    *(("fps", came) for came in ("30/0", "fast", "24s")),
    *(("aspect", came) for came in ("3:2", "0x0", "9x16x1", 10**400)),
    *(("quality", came) for came in ("not draft", "draft or final", "draft (best)")),
    *(("resolution", came) for came in ("8K", "360p", "1080x1920", 10**400)),
    ("prompt", ""), ("prompt", {"a": 1}), ("prompt", []),
    *(("audio", came) for came in ("loud", "none", 2)),
    ("loras", [{"nam": "x"}]), ("loras", [5]),
    ("codec", "vp9"), ("camera", "spin"), ("quality", "ultra"), ("wait_s", -1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "came"), REFUSED, ids=str)
def test_what_cannot_be_meant_is_refused(name: str, came: object) -> None:
    generate = next(tool for tool in TOOLS if tool.name == "generate_video")
    with pytest.raises((ValidationError, BadInput)):
        understood(generate, {"prompt": "x", name: came}).model_dump_one_level()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "came", "meant"),
    [
        ("shots", ["clip-aaaaaaaa", "black"], [{"source": "clip-aaaaaaaa"}, {"source": "black"}]),
        ("music", "/m/slow.mp3", {"source": "/m/slow.mp3"}),
        ("music", "None", "none"),
        ("music", False, "none"),
        ("subtitles", "none", "none"),
        ("subtitles", "null", LEFT_OUT),
        ("changes", [{"shot": "2", "transition": "none", "title": ""}],
         [{"shot": 2, "transition": "cut", "title": ""}]),
        ("changes", [{"shot": 2, "transition": None, "speed": "2x"}], [{"shot": 2, "speed": 2.0}]),
        ("changes", [{"shot": 2, "volume_db": "-12 dB", "motion": "zoom in"}],
         [{"shot": 2, "volume_db": -12.0, "motion": "push_in"}]),
        ("titles", [{"text": "null", "at_s": "0:03", "position": "bottom center"}],
         [{"text": "null", "at_s": 3.0, "position": "bottom"}]),
        ("music", {}, LEFT_OUT),
        ("shots", "clip-aaaaaaaa, clip-bbbbbbbb", [{"source": "clip-aaaaaaaa"}, {"source": "clip-bbbbbbbb"}]),
        ("shots", "/a, b.mp4", [{"source": "/a, b.mp4"}]),
        ("narration", [{"text": "[1]", "voice": "default", "language": "auto"}], [{"text": "[1]"}]),
    ],
    ids=str,
)  # fmt: skip
def test_a_films_parts_are_read_alike(path: str, came: object, meant: object) -> None:
    edit = next(tool for tool in TOOLS if tool.name == "edit_video")
    read, _ = as_meant({path: came}, schema_of(edit))
    assert read == ({} if meant == LEFT_OUT else {path: meant})


def test_what_names_something_is_taken_out_of_its_quotes() -> None:
    for tool, name in (
        ("animate_image", "image"),
        ("restyle_video", "video"),
        ("get_job", "job_id"),
        ("view_clip", "clip"),
    ):
        entry = next(each for each in TOOLS if each.name == tool)
        for spelled in ('"/a b.png"', "`/a b.png`", "[it](/a b.png)", "</a b.png>"):
            assert as_meant({name: spelled}, schema_of(entry))[0] == {name: "/a b.png"}


def test_a_list_may_be_spelled_as_python_does_and_a_broken_one_is_not_taken_for_a_name() -> None:
    search, edit = (next(each for each in TOOLS if each.name == name) for name in ("search_clips", "edit_video"))
    assert as_meant({"tags": "['beach', 'it\\'s']"}, schema_of(search))[0] == {"tags": ["beach", "it's"]}
    assert as_meant({"shots": "[{'source': 'black', 'title': None}]"}, schema_of(edit))[0] == {
        "shots": [{"source": "black"}]
    }
    for broken in ("[{'source': ", "[a, b", "{1, 2}"):
        with pytest.raises(ValidationError):
            understood(search, {"tags": broken})
        with pytest.raises(ValidationError) as error:
            understood(edit, {"shots": broken})
        assert explain(error.value, schema_of(edit)).startswith(f"shots = {broken!r} cannot be used")


def test_names_may_stand_one_after_the_other_and_free_text_keeps_its_comma() -> None:
    for tool, name, expected in (
        ("view_clip", "clip", ["a-12345678", "b-12345678"]),
        ("search_clips", "tags", ["a-12345678", "b-12345678"]),
        ("generate_video", "loras", [{"name": "a-12345678"}, {"name": "b-12345678"}]),
        ("generate_video", "then", ["a-12345678, b-12345678"]),
    ):
        entry = next(each for each in TOOLS if each.name == tool)
        assert as_meant({name: "a-12345678, b-12345678"}, schema_of(entry))[0] == {name: expected}


def test_reading_what_was_read_changes_nothing() -> None:
    for spot in EVERY:
        once, _ = as_meant(spot.wrap(an_example(spot.option)), schema_of(spot.tool))
        twice, readings = as_meant(once, schema_of(spot.tool))
        assert (twice, readings) == (once, ()), spot


def test_no_value_at_all_makes_the_reader_fail() -> None:
    odd: list[Any] = [
        None, True, 0, -1, 1.5, 10**400, float("nan"), float("-inf"), "", "\x00", "\ud83d", "[" * 5000, '{"a":' * 2000,
        "9" * 5000, "1e999999", "١٢", "½", [], [[]], [[[[1]]]], {}, {"": {}}, {"a": [{}]}, [None, {}, []], "1/0", "²",
        "0x0", "00:00:99", "-0", "{}", "[]", "[[1]]", '[{"a":1}]', "true", "\u2028",
    ]  # fmt: skip
    for spot in EVERY:
        for value in odd:
            as_meant(spot.wrap(value), schema_of(spot.tool))
    for words in ("", "x", "1/0", "0:0", "99999x1"):
        assert word(words, ASPECTS) is None
        assert word(words, RESOLUTIONS) is None
    assert number_in("1/0", "fps") is None


# -- over the whole way ---------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_call_in_other_words_is_the_call_that_was_meant_and_says_so(tmp_path: Path) -> None:
    spelled = {
        "prompt": "a red circle", "duration_s": "0.5s", "aspect": "portrait", "resolution": "240", "fps": "24000/1001",
        "codec": "H.265", "seed": "-1", "camera": "none", "loras": "", "negative_prompt": None, "quality": "Draft",
        "then": "[]",
    }  # fmt: skip
    async with an_agent(tmp_path) as agent:
        made = await agent.call_tool("generate_video", spelled)
        job = data(made)
        assert job["status"] == "succeeded", text(made)
        clip = job["clip"]
        assert (clip["width"], clip["height"], clip["codec"]) == (240, 416, "hevc")
        assert clip["fps"] == pytest.approx(23.976, abs=0.001)
        [note] = [note for note in job["effective"]["notes"] if note.startswith("Read ")]
        for told in ("duration_s '0.5s' as 0.5", "aspect 'portrait' as 9:16", "seed '-1' as left out", "codec 'H.265'"):
            assert told in note
        assert note in text(made)
        titled = await agent.call_tool("update_clip", {"clip": clip["clip_id"], "title": '{"a":1}', "tags": '["Kept"]'})
        assert (data(titled)["title"], data(titled).get("tags")) == ('{"a":1}', ["kept"])
        for query in ("null", "[2]", '{"a":1}'):
            found = data(await agent.call_tool("search_clips", {"query": query, "limit": "5", "kind": "any"}))
            named = [moment["clip_id"] for moment in found["moments"]]
            assert named == ([clip["clip_id"]] if query == '{"a":1}' else []), "a search, not the newest clips"
        refused = await agent.call_tool("generate_video", {"prompt": "x", "duration": 5})
        assert refused.is_error
        assert "did you mean duration_s?" in text(refused)


def test_the_command_takes_the_same_spellings() -> None:
    parser = argparse.ArgumentParser()
    parser.set_defaults(command="generate")
    add_options(parser, GenerateRequest)

    def asked(*arguments: str) -> GenerateRequest:
        return read_options(GenerateRequest, parser.parse_args(["x", *arguments]))

    flags = ("--resolution", "4K", "--aspect", "portrait", "--duration", "5s", "--fps", "30000/1001", "--codec", "h265")
    request = asked(*flags, "--seed", "-1", "--camera", "none", "--quality", "")
    assert (request.resolution, request.aspect, request.codec) == ("2160p", "9:16", "hevc")
    assert (request.duration_s, request.fps) == (5.0, 30000 / 1001)
    assert not {"seed", "camera", "quality"} & request.model_fields_set
    with pytest.raises(BadInput, match="--resolution = '8K' cannot be used: it must be one of 240p"):
        asked("--resolution", "8K")


@pytest.mark.parametrize(
    ("since", "hours"), [("7d", 168), ("12h", 12), ("2 weeks", 336), ("3 days ago", 72), ("1 hour ago", 1)]
)
def test_a_search_takes_an_age_for_a_date(since: str, hours: int) -> None:
    search = next(tool for tool in TOOLS if tool.name == "search_clips")
    found = understood(search, {"created_after": since}).created_after  # type: ignore[attr-defined]
    assert abs(datetime.now(UTC) - timedelta(hours=hours) - found) < timedelta(minutes=5)


def test_a_films_file_takes_the_same_spellings() -> None:
    film = film_request({"shots": '["black"]', "resolution": "Full HD", "music": None, "fps": "25 fps"})
    assert (film.shots[0].source, film.resolution, film.fps) == ("black", "1080p", 25.0)

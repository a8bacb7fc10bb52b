"""What the server costs an agent in tokens, before it says a word and with each answer.

    python bench/surface.py [--dry-run]

A token is taken as four characters of compact JSON. The baseline of tools/list is the same list as pydantic and the
SDK write it: whole schemas of the arguments, and that of the result with each tool. Stand-ins make the clips.
"""

import argparse
import json
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp.types import CallToolResult, TextContent

from ltx_mcp.compose import open_studio
from ltx_mcp.http.links import Links
from ltx_mcp.server.server import INSTRUCTIONS, make_server
from ltx_mcp.settings import Settings
from ltx_mcp.studio.lazy_studio import LazyStudio
from ltx_mcp.tools import TOOLS
from ltx_mcp.tools._job_view import JobView
from ltx_mcp.types.links import linking

URL = "https://films.example.org"
PROMPT = (
    "A red ball rolls slowly over wet grass in a garden at dawn; the camera follows it low and close. Warm light comes "
    "from the left. Birds are heard, and a gate creaks once in the distance."
)


def tokens(value: object) -> int:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return round(len(text) / 4)


def baseline() -> int:
    """tools/list as the libraries write it."""
    result = JobView.model_json_schema()
    return sum(
        tokens({"name": each.name, "title": each.title, "description": each.description})
        + tokens(each.fn_metadata.arg_model.model_json_schema())
        + tokens(result)
        for each in TOOLS
    )


def words_of(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


async def measure(folder: Path) -> tuple[dict[str, int], dict[str, int]]:
    """Tokens of each tool of tools/list, and of what else is read."""
    settings = Settings.model_validate({"data_dir": folder, "model": "stand-in", "embedder": "stand-in"})
    async with Client(make_server(LazyStudio(lambda: open_studio(settings), 45))) as agent:
        listed = (await agent.list_tools()).tools
        tools = {each.name: tokens(each.model_dump(mode="json", by_alias=True, exclude_none=True)) for each in listed}
        resources = ("ltx://capabilities", "ltx://capabilities/2160p", "ltx://loras")
        read = {uri: getattr((await agent.read_resource(uri)).contents[0], "text", "") for uri in resources}
        asked: dict[str, Any] = {"prompt": PROMPT, "duration_s": 0.5, "fps": 12, "quality": "draft", "wait_s": 0}
        waiting = await agent.call_tool("generate_video", asked)
        assert isinstance(waiting.structured_content, dict), waiting.content
        finished = await agent.call_tool("get_job", {"job_id": waiting.structured_content["job_id"]})
        found = await agent.call_tool("search_clips", {"query": "red ball"})
    with linking(lambda clip_id, name: URL + Links("0" * 43).path(clip_id, name)):  # what a caller over HTTP is given
        async with Client(make_server(LazyStudio(lambda: open_studio(settings), 45))) as agent:
            linked = await agent.call_tool("get_job", {"job_id": waiting.structured_content["job_id"]})
    answers = {"waiting reply": waiting, "finished reply": finished, "finished reply over HTTP": linked,
               "one moment found": found}  # fmt: skip
    return tools, {
        "instructions": tokens(INSTRUCTIONS),
        **{uri: tokens(text) for uri, text in read.items()},
        **{f"{name}, as data": tokens(answer.structured_content) for name, answer in answers.items()},
        **{f"{name}, in words": tokens(words_of(answer)) for name, answer in answers.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="the same: it takes seconds")
    parser.parse_args()
    print(f"command: {' '.join(sys.argv)}\nmachine: {platform.machine()}, Python {platform.python_version()}", end="")
    print(f", mcp {version('mcp')}, pydantic {version('pydantic')}\n")
    with tempfile.TemporaryDirectory() as folder:
        tools, read = anyio.run(measure, Path(folder))
    for name, count in {**tools, "tools/list": sum(tools.values())}.items():
        print(f"{name:<32}{count:6} tokens")
    print(f"{'tools/list, whole schemas':<32}{baseline():6} tokens, ratio {baseline() / sum(tools.values()):.1f}\n")
    for name, count in read.items():
        print(f"{name:<32}{count:6} tokens")


if __name__ == "__main__":
    main()

"""Every way out for text: a control, escape or bidi character of a person, a file or a model leaves by none."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from agents import an_agent, data, text
from mcp.types import TextResourceContents

from ltx_mcp.types.texts import harmless, harmless_data

pytestmark = pytest.mark.anyio

FORGED = "a\x1b[31m red\x1b]0;x\x07 \u202egpj.exe\u2066 ball\u200b\x9b1m"
CLI = Path(__file__).parent.parent / "ltx_mcp" / "cli"
WRITERS = {"main.py", "output.py"}  # the two modules through which all commands write


def test_commands_write_through_two_modules_alone() -> None:
    def writes(path: Path) -> bool:
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        streams = {node.attr for node in nodes if isinstance(node, ast.Attribute)} & {"stdout", "stderr"}
        consoles = [node for node in nodes if isinstance(node, ast.Name) and node.id == "Console"]
        written = [node for node in nodes if isinstance(node, ast.Attribute) and node.attr == "write"]
        return bool(consoles) or bool(streams and written)

    assert {path.name for path in CLI.glob("*.py") if writes(path)} == WRITERS


async def test_no_tool_and_no_resource_shows_what_moves_a_cursor(tmp_path: Path) -> None:
    async with an_agent(tmp_path) as agent:
        made = await agent.call_tool("generate_video", {"prompt": FORGED, "duration_s": 0.5, "quality": "draft"})
        clip_id = data(made)["clip"]["clip_id"]
        named = await agent.call_tool("update_clip", {"clip": clip_id, "title": FORGED, "tags": [FORGED]})
        listed = [
            await agent.call_tool("search_clips", {"query": FORGED}),
            await agent.call_tool("get_job", {}),
            await agent.call_tool("view_clip", {"clip": clip_id}),
            await agent.call_tool("import_video", {"video": f"/nowhere/{FORGED}.mp4"}),
            await agent.call_tool("export_clip", {"clip": FORGED, "folder": f"/{FORGED}"}),
            await agent.call_tool("edit_video", {"shots": [{"source": FORGED}], "title": FORGED}),
        ]
        for result in (made, named, *listed):
            assert text(result) == harmless(text(result))
            assert result.structured_content == harmless_data(result.structured_content)
        views = "ui:"  # which hold nothing of the archive
        every = [str(each.uri) for each in (await agent.list_resources()).resources]
        uris = [uri for uri in every if not uri.startswith(views)]
        templates = [each.uri_template for each in (await agent.list_resource_templates()).resource_templates]
        assert len(uris) + len(templates) >= 8
        for template in (*uris, *templates):
            for name, value in {
                "{clip_id}": clip_id,
                "{part}": "0",
                "{resolution}": "480p",
                "{+file}": clip_id,
            }.items():
                template = template.replace(name, value)
            await expect_harmless(agent, template)


async def expect_harmless(agent: Any, uri: str) -> None:
    if uri.endswith(("/video", "/video/0", "/sheet", "/timeline")):  # frames; and this clip is not a film
        return
    for content in (await agent.read_resource(uri)).contents:
        assert isinstance(content, TextResourceContents)
        assert content.text == harmless(content.text)
        value = json.loads(content.text)
        assert value == harmless_data(value)

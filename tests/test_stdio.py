"""The installed command over real stdio: what an MCP host does.

Once with the micro model, else with the stand-ins. The protocol's other era is held in memory (test_tools.py).
"""

import os
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult
from media_kit import film, photo

from ltx_mcp.media.probe import probe

pytestmark = pytest.mark.anyio

LIMIT_S = 240.0


def a_server(folder: Path, **settings: str) -> StdioServerParameters:
    stand_ins = {"LTX_MCP_MODEL": "stand-in", "LTX_MCP_EMBEDDER": "stand-in"}
    env = {**os.environ, "LTX_MCP_DATA_DIR": str(folder), **stand_ins, **settings}
    return StdioServerParameters(command=sys.executable, args=["-m", "ltx_mcp", "serve"], env=env)


async def finished(agent: Client, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    job = data(await agent.call_tool(tool, arguments))
    while job["status"] in ("queued", "running"):
        job = data(await agent.call_tool("get_job", {"job_id": job["job_id"]}))
    return job


def data(result: CallToolResult) -> dict[str, Any]:
    assert isinstance(result.structured_content, dict), result.content
    return result.structured_content


@pytest.mark.slow
async def test_a_clip_made_by_one_process_is_found_by_another(tmp_path: Path) -> None:
    with anyio.fail_after(LIMIT_S):
        async with Client(a_server(tmp_path, LTX_MCP_MODEL="micro", LTX_MCP_EMBEDDER="auto")) as agent:
            arguments = {"prompt": "a lighthouse in thick fog", "duration_s": 1, "fps": 25, "quality": "final"}
            job = await finished(agent, "generate_video", arguments)
        clip = job["clip"]
        facts = probe(Path(clip["path"]))
        assert (facts.frames, facts.width, facts.height) == (25, 416, 240)
        assert facts.audio_duration_s == pytest.approx(facts.duration_s, abs=0.025)
        assert clip["model"] == "micro"
        assert any("micro model draws" in note for note in job["effective"]["notes"]), "it says what it is"
        async with Client(a_server(tmp_path, LTX_MCP_MODEL="micro", LTX_MCP_EMBEDDER="auto")) as agent:
            found = data(await agent.call_tool("search_clips", {"query": "foggy lighthouses"}))
            assert [moment["clip_id"] for moment in found["moments"]] == [clip["clip_id"]]
            assert data(await agent.call_tool("get_job", {"job_id": job["job_id"]}))["status"] == "succeeded"


@pytest.mark.slow
async def test_a_real_photo_and_a_real_film_become_clips_that_are_found_with_their_source(tmp_path: Path) -> None:
    picture, footage = photo("astronaut.png"), film("bikes.mp4")
    roots = os.pathsep.join(map(str, (picture.parent, footage.parent)))
    with anyio.fail_after(LIMIT_S):
        async with Client(a_server(tmp_path, LTX_MCP_ROOTS=roots)) as agent:
            still = {"image": str(picture), "prompt": "an astronaut turns her head", "duration_s": 1, "fps": 12}
            animated = (await finished(agent, "animate_image", still))["clip"]
            written = {"video": str(footage), "title": "bicycles in a park"}
            imported = (await finished(agent, "import_video", written))["clip"]
            span = {"video": f"{imported['clip_id']}@2-3.5", "prompt": "cyclists in charcoal", "strength": 0.1}
            restyled = (await finished(agent, "restyle_video", span))["clip"]
            for words, clip in (("astronauts", animated), ("cyclist charcoal", restyled), ("bicycle parks", imported)):
                found = data(await agent.call_tool("search_clips", {"query": words}))["moments"]
                assert found[0]["clip_id"] == clip["clip_id"], words
    assert animated["source"] == str(picture)
    assert restyled["source"] == f"{imported['clip_id']}@2-3.5"
    made = {clip["kind"]: probe(Path(clip["path"])) for clip in (animated, restyled, imported)}
    assert (made["animated"].frames, made["animated"].width, made["animated"].height) == (12, 240, 240)
    assert made["restyled"].frames == round(1.5 * imported["fps"])
    source = probe(footage)
    assert (made["imported"].frames, made["imported"].width) == (source.frames, source.width)


async def test_a_server_that_ends_while_it_renders_goes_on_with_the_job_when_it_starts_again(tmp_path: Path) -> None:
    with anyio.fail_after(LIMIT_S):
        async with Client(a_server(tmp_path)) as agent:
            arguments = {"prompt": "a long one", "duration_s": 20, "resolution": "540p", "wait_s": 0}
            job = data(await agent.call_tool("generate_video", arguments))
        async with Client(a_server(tmp_path)) as agent:
            after = data(await agent.call_tool("get_job", {"job_id": job["job_id"], "wait_s": 0}))
            assert after["status"] in ("queued", "running")
            assert data(await agent.call_tool("cancel_job", {"job_id": job["job_id"]}))["status"] == "cancelled"
            assert data(await agent.call_tool("search_clips", {}))["total_clips"] == 0
    assert not list((tmp_path / "staging").rglob("*.mp4"))


async def test_a_model_that_cannot_load_leaves_the_server_up_and_says_the_remedy(tmp_path: Path) -> None:
    with anyio.fail_after(LIMIT_S):
        async with Client(a_server(tmp_path, LTX_MCP_MODEL="ltx-2.3")) as agent:
            result = await agent.call_tool("generate_video", {"prompt": "a red circle"})
            assert result.is_error
            assert "LTX_MCP_ACCEPT_LICENCE" in str(result.content)
            assert (await agent.list_tools()).tools

"""The page's player and board inside a host that shows MCP Apps: a window that lets the view load nothing."""

import base64
from pathlib import Path
from typing import Any

import pytest
from agents import SHORT, an_agent, data
from gates import Gate
from mcp import Client
from mcp.types import CallToolResult
from media_kit import ffmpeg
from page_kit import a_page
from playwright.async_api import FrameLocator, Page, expect

from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.server.apps import VIEW
from ltx_mcp.server.resources import PART_BYTES
from ltx_mcp.types.stages import Stage

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

POLICY = (  # what a host allows a view that declares no addresses
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; media-src data:"
)
HOST = """<!doctype html><iframe sandbox="allow-scripts" style="width:100%;height:760px;border:0"></iframe><script>
  const view = document.querySelector("iframe");
  const send = (message) => view.contentWindow.postMessage({ jsonrpc: "2.0", ...message }, "*");
  const shown = new Promise((resolve) => addEventListener("message", async ({ source, data }) => {
    if (source !== view.contentWindow) return;
    if (data.method === "ui/notifications/initialized") resolve();
    if (data.id === undefined) return;
    const open = { protocolVersion: "2026-01-26", hostInfo: { name: "test", version: "0" }, hostCapabilities: {},
                   hostContext: { theme: "light" } };
    const answer = data.method === "ui/initialize" ? { result: open } : await ask(data.method, data.params);
    send({ id: data.id, ...answer });
  }));
</script>"""


RESULT = "(params) => send({ method: 'ui/notifications/tool-result', params })"


async def a_view(page: Page, agent: Client, asked: dict[str, Any], result: CallToolResult) -> FrameLocator:
    """The view in a host's window, told of a call and its result."""
    [content] = (await agent.read_resource(VIEW)).contents
    policy = f'<head><meta http-equiv="Content-Security-Policy" content="{POLICY}" />'

    async def ask(method: str, params: dict[str, Any]) -> dict[str, Any]:
        if method == "tools/call":
            answer: Any = await agent.call_tool(params["name"], params["arguments"])
        else:
            assert method == "resources/read"
            answer = await agent.read_resource(params["uri"])
        return {"result": answer.model_dump(mode="json", by_alias=True)}

    await page.expose_function("ask", ask)
    await page.set_content(HOST)
    document = getattr(content, "text", "").replace("<head>", policy, 1)
    await page.evaluate("async (html) => { view.srcdoc = html; await shown; }", document)
    told = result.model_dump(mode="json", by_alias=True)
    await page.evaluate("(params) => send({ method: 'ui/notifications/tool-input', params })", {"arguments": asked})
    await page.evaluate(RESULT, told)
    return page.frame_locator("iframe")


async def test_a_search_is_a_board_and_a_moment_plays_from_its_second(tmp_path: Path) -> None:
    async with an_agent(tmp_path, limit_s=120) as agent, a_page() as page:
        made = {"prompt": "a red screen, then a blue screen", "duration_s": 4, "quality": "draft"}
        await agent.call_tool("generate_video", made)
        result = await agent.call_tool("search_clips", {"query": "blue"})
        view = await a_view(page, agent, {"query": "blue"}, result)
        await view.locator(".card .moment").first.click()
        start_s = data(result)["moments"][0]["start_s"]
        played = (
            "async (it) => { while (!it.currentTime) await new Promise(requestAnimationFrame); return it.currentTime }"
        )
        assert start_s - 0.1 <= await view.locator("dialog video").evaluate(played), "not from the beginning"
        await expect(view.locator(".facts")).to_contain_text("stand-in")


async def test_a_large_video_comes_in_parts_and_another_one_that_is_chosen_meanwhile_is_what_is_shown(
    tmp_path: Path,
) -> None:
    noise = tmp_path / "noise.mp4"
    source = ["-f", "lavfi", "-i", "color=gray:s=1280x720:r=24:d=4,noise=alls=100:allf=t"]
    ffmpeg(*source, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", noise)
    async with an_agent(tmp_path / "data", roots=[tmp_path], limit_s=120) as agent, a_page() as page:
        large = await agent.call_tool("import_video", {"video": str(noise)})
        clip = data(large)["clip"]
        assert clip["bytes"] > 2 * PART_BYTES
        read = [await agent.read_resource(f"clip://{clip['clip_id']}/video/{part}") for part in range(3)]
        joined = "".join(getattr(result.contents[0], "blob", "") for result in read)
        assert base64.b64decode(joined) == Path(clip["path"]).read_bytes()[: 3 * PART_BYTES]
        view = await a_view(page, agent, {}, large)
        ends = (
            "async (it) => { while (!(it.duration > 0)) await new Promise(requestAnimationFrame); return it.duration }"
        )
        assert await view.locator("dialog video").evaluate(ends) == pytest.approx(4, abs=0.1)
        await expect(view.locator("#loading")).to_be_hidden()
        small = data(await agent.call_tool("generate_video", {"prompt": "a red circle", **SHORT}))
        for shown in (data(large), small):
            await page.evaluate(RESULT, {"content": [], "structuredContent": shown})
        await expect(view.get_by_role("heading", level=2)).to_have_text("a red circle")
        assert await view.locator("dialog video").evaluate(ends) < 1


async def test_a_job_is_followed_to_its_clip(tmp_path: Path) -> None:
    gate = Gate(Stage.DECODING, limit_s=120)
    async with an_agent(tmp_path, engine=StandInEngine(gate), limit_s=120) as agent, a_page() as page:
        asked = {"prompt": "a red circle", "wait_s": 0, **SHORT}
        started = await agent.call_tool("generate_video", asked)
        await gate.arrived()
        view = await a_view(page, agent, asked, started)
        await expect(view.locator(".job")).to_contain_text("a red circle")
        gate.open()
        await expect(view.get_by_role("heading", level=2)).to_have_text("a red circle")
        await expect(view.locator(".job")).to_have_count(0)

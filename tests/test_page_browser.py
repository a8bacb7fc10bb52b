"""The page as a person uses it, in Chromium."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from agents import SHORT, a_lazy_studio, data
from gates import Gate
from mcp import Client
from page_kit import PHONE, a_page, a_site, until
from playwright.async_api import Page, expect

from ltx_mcp.cli.rendering import engine_session
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.settings import Settings
from ltx_mcp.types.stages import Stage

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

TWO = {"prompt": "a red screen, then a blue screen", "duration_s": 4, "quality": "draft"}
HOSTILE = "<img src=x onerror=\"document.title='run'\"> \u202egpj.exe\u2066 \x1b[31m</script><script>alert(1)</script>"
TOKEN = "0123456789abcdef" * 2
VIDEO = "document.querySelector('dialog video')"


async def test_a_person_searches_for_what_is_seen_clicks_a_moment_and_it_plays_from_that_second(tmp_path: Path) -> None:
    async with a_site(tmp_path) as (url, agent), a_page() as page:
        await agent.call_tool("generate_video", TWO)
        await agent.call_tool("generate_video", {**TWO, "prompt": "a green triangle"})
        found = data(await agent.call_tool("search_clips", {"query": "blue"}))["moments"]
        assert found[0]["start_s"] > 1, "it begins in the blue half"
        await page.goto(url)
        await expect(page.locator(".card")).to_have_count(2)
        await page.get_by_role("searchbox").fill("blue")
        await expect(page.locator(".card")).to_have_count(1)
        await page.locator(".card .moment").first.click()
        await until(page, f"{VIDEO}?.played.length > 0 && {VIDEO}.currentTime > {found[0]['start_s']}")
        began_s = await page.evaluate(f"{VIDEO}.played.start(0)")
        assert began_s == pytest.approx(found[0]["start_s"], abs=0.1)
        await expect(page.locator(".signature")).to_contain_text("Its manifest holds")


async def test_what_an_archive_holds_cannot_act(tmp_path: Path) -> None:
    async with a_site(tmp_path) as (url, agent), a_page() as page:
        made = data(await agent.call_tool("generate_video", {"prompt": HOSTILE, **SHORT}))["clip"]["clip_id"]
        await agent.call_tool("update_clip", {"clip": made, "title": HOSTILE, "tags": [HOSTILE[:40]]})
        await agent.call_tool("generate_video", {"prompt": HOSTILE, "extend": made, **SHORT})
        await page.goto(url)
        await page.locator(f".card[data-clip={made}] .open").click()
        await expect(page.get_by_role("heading", level=2)).to_contain_text("<img src=x onerror=")
        await page.keyboard.press("Escape")
        await page.get_by_text("Recent jobs").click()
        await page.get_by_role("button", name="Open <img").first.click()
        await expect(page.locator(".tree")).to_contain_text("<img src=x")
        shown = await page.evaluate("document.documentElement.textContent")
        assert "<img src=x onerror=" in shown
        assert not re.search("[\u202e\u2066\x1b]", shown)
        assert await page.title() == "Film archive"
        assert await page.evaluate("document.querySelectorAll('img[onerror], body script').length") == 0


async def test_all_of_it_is_done_with_the_keyboard_and_a_deleted_clip_comes_back(tmp_path: Path) -> None:
    async with a_site(tmp_path / "data", roots=(tmp_path,)) as (url, agent), a_page() as page:
        for colour in ("red", "green", "blue"):
            await agent.call_tool("generate_video", {"prompt": f"a {colour} circle", **SHORT})
        await page.goto(url)
        await expect(page.locator(".card")).to_have_count(3)
        await page.keyboard.press("/")
        await page.keyboard.press("ArrowDown")
        for key, focused in (("ArrowRight", "green"), ("End", "red"), ("Home", "blue"), ("ArrowRight", "green")):
            await page.keyboard.press(key)
            await expect(page.locator(".open:focus")).to_have_attribute("aria-label", f"a {focused} circle")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("slider")).to_be_focused()
        await page.keyboard.press("Space")
        await until(page, f"!{VIDEO}.paused")
        await page.get_by_role("button", name="Pin", exact=True).press("Enter")
        await expect(page.get_by_role("button", name="Unpin")).to_be_visible()
        await page.get_by_role("button", name="Delete").press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("pinned")
        await page.get_by_role("button", name="Unpin").press("Enter")
        await page.get_by_role("button", name="Export").press("Enter")
        await page.get_by_label("Format").select_option("gif")
        await page.get_by_label("Folder").fill(str(tmp_path))
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Exported.")).to_be_visible()
        assert [path.suffix for path in tmp_path.iterdir() if path.is_file()] == [".gif"]
        await page.get_by_role("button", name="Rename").press("Enter")
        await page.keyboard.type("Leaf")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("heading", level=2)).to_have_text("a green circle")
        await page.get_by_role("button", name="Rename").press("Enter")
        await page.keyboard.type("Leaf")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=2)).to_have_text("Leaf")
        await page.keyboard.press("Escape")
        await expect(page.locator("dialog[open]")).to_have_count(0)
        await expect(page.get_by_role("button", name="Leaf")).to_be_focused()
        await page.keyboard.press("Enter")
        await page.get_by_role("button", name="Delete").press("Enter")
        await expect(page.locator(".card")).to_have_count(2)
        await page.get_by_role("button", name="Undo").press("Enter")
        await expect(page.locator(".card")).to_have_count(3)
        assert data(await agent.call_tool("search_clips", {"query": "leaf"}))["moments"][0]["title"] == "Leaf"


async def test_a_clip_opened_before_the_last_one_has_quite_closed_is_shown(tmp_path: Path) -> None:
    async with a_site(tmp_path) as (url, agent), a_page() as page:
        await agent.call_tool("generate_video", {"prompt": "a red circle", **SHORT})
        await page.goto(url)
        await page.locator(".open").click()
        await expect(page.get_by_role("slider")).to_be_focused()
        await page.evaluate("document.querySelector('dialog').close(), document.querySelector('.open').click()")
        await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        await expect(page.get_by_role("slider")).to_be_focused()


async def test_a_job_is_followed_and_cancelled(tmp_path: Path) -> None:
    gate = Gate(Stage.DECODING, limit_s=120)
    async with a_site(tmp_path, engine=StandInEngine(gate)) as (url, agent), a_page() as page:
        job = data(await agent.call_tool("generate_video", {**TWO, "wait_s": 0}))["job_id"]
        await gate.arrived()
        await page.goto(url)
        await expect(page.get_by_role("heading", name="The archive is empty")).to_be_visible()
        await until(page, "document.querySelector('.job progress')?.value >= 0.8")
        await page.get_by_role("button", name="Cancel").click()
        await expect(page.locator(".job")).to_have_count(0)
        gate.open()
        assert data(await agent.call_tool("get_job", {"job_id": job}))["status"] == "cancelled"
        await agent.call_tool("generate_video", {"prompt": "a red circle", **SHORT})
        await expect(page.locator(".card")).to_have_count(1)


async def test_on_a_phone_nothing_scrolls_sideways_and_older_clips_follow(tmp_path: Path) -> None:
    async with a_site(tmp_path) as (_, agent):
        words = "Donaudampfschifffahrtsgesellschaftskapitänswitwenrentenauszahlungsstelle " * 3
        clip = data(await agent.call_tool("generate_video", {"prompt": words, **SHORT}))["clip"]["path"]
    copies(Path(clip).parent, 20)
    async with a_site(tmp_path) as (url, _), a_page(PHONE, motion="reduce") as page:
        await page.goto(url)
        await expect(page.locator(".card")).to_have_count(20)
        await fits(page)
        await page.get_by_role("button", name="Older clips").click()
        await expect(page.locator(".card")).to_have_count(21)
        await expect(page.get_by_role("button", name="Older clips")).to_be_hidden()
        await page.locator(".open").last.click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await fits(page)
        await page.get_by_role("button", name="Export").click()
        await fits(page)


async def fits(page: Page) -> None:
    wide = "[document.documentElement, ...document.querySelectorAll('dialog[open]')]"
    assert await page.evaluate(f"{wide}.every((each) => each.scrollWidth <= each.clientWidth)")


def copies(folder: Path, count: int) -> None:
    """As many clips more, each a minute older than the one before."""
    facts = json.loads((folder / "clip.json").read_text())
    for number in range(count):
        copy = folder.with_name(f"copy-{number:08d}")
        shutil.copytree(folder, copy)
        made = {**facts, "clip_id": copy.name, "created_at": f"2020-01-01T00:{59 - number:02d}:00Z"}
        (copy / "clip.json").write_text(json.dumps(made))


async def test_another_site_cannot_call_it(tmp_path: Path) -> None:
    async with a_site(tmp_path) as (url, agent), a_page() as page:
        clip = data(await agent.call_tool("generate_video", {"prompt": "a red circle", **SHORT}))["clip"]["clip_id"]
        call = {"name": "delete_clip", "arguments": {"clip": clip}}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call})
        await page.context.route(
            "http://127.0.0.1:9/", lambda route: route.fulfill(body="<p>", content_type="text/html")
        )
        for site in ("data:text/html,<p>", "http://127.0.0.1:9/"):  # the second has one of the server's names
            await page.goto(site)
            for kind, mode in (("application/json", "cors"), ("text/plain", "no-cors")):
                asked = {"method": "POST", "mode": mode, "headers": {"content-type": kind}, "body": body}
                answer = await page.evaluate(
                    "([url, asked]) => fetch(url, asked).then((got) => got.text()).catch(() => '')",
                    [f"{url}mcp", asked],
                )
                assert answer == ""
            read = "(url) => fetch(url).then((got) => got.text()).catch(() => '')"
            assert await page.evaluate(read, f"{url}page/clips/{clip}") == ""
        assert data(await agent.call_tool("search_clips", {}))["total_clips"] == 1


async def test_it_says_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    async with a_site(tmp_path, TOKEN) as (url, _), a_page() as page:
        await page.goto(url)
        for token in ("wrong", TOKEN):
            await expect(page.get_by_text("is opened with a token")).to_be_visible()
            await page.get_by_label("Token").fill(token)
            await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="The archive is empty")).to_be_visible()
        await page.reload()
        await expect(page.get_by_role("heading", name="The archive is empty")).to_be_visible()
        await page.get_by_role("searchbox").fill("a zebra")
        await expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
        await page.context.set_offline(True)
        await page.get_by_role("button", name="Show all clips").click()
        await expect(page.get_by_role("heading", name="The studio does not answer.")).to_be_visible()
        await page.context.set_offline(False)
        await expect(page.get_by_role("heading", name="The archive is empty")).to_be_visible()


async def test_the_command_attaches_to_the_engines_owner_and_lets_the_first_browser_in(tmp_path: Path) -> None:
    env = {**os.environ, "LTX_MCP_DATA_DIR": str(tmp_path), "LTX_MCP_MODEL": "none-of-them"}
    lazy_studio, settings = a_lazy_studio(tmp_path), Settings(data_dir=tmp_path, linger_s=0)
    command = [sys.executable, "-m", "ltx_mcp", "studio", "--print"]
    async with Client(engine_session(settings, lazy_studio)) as agent:
        await agent.call_tool("generate_video", {"prompt": "a red circle", **SHORT})
        with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                url = await anyio.to_thread.run_sync(address_said, process)
                async with a_page() as page, a_page() as other:
                    await page.goto(url)
                    await expect(page.get_by_role("button", name="a red circle")).to_be_visible()
                    assert "#" not in page.url, "the code is gone from it"
                    await page.reload()
                    await expect(page.get_by_role("button", name="a red circle")).to_be_visible()
                    await until(page, "document.querySelector('.card video')?.readyState >= 2")
                    await other.goto(url)
                    await expect(other.get_by_role("heading", name="was used already")).to_be_visible()
                process.send_signal(signal.SIGINT)
                out, errors = await anyio.to_thread.run_sync(process.communicate)
            finally:
                process.kill()
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in errors


def address_said(process: "subprocess.Popen[str]") -> str:
    """The page's address, once the command has said it."""
    assert process.stderr is not None
    return next(found[0] for line in process.stderr if (found := re.search(r"http://127\.0\.0\.1\S+", line)))

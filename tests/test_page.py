"""The page's files and what it asks beside MCP, without a browser."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from agents import SHORT, a_lazy_studio, data
from http_kit import HERE, an_agent_of, an_app, asked, bearer, client_of
from mcp import Client
from mcp.client.extension import advertise
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from starlette.routing import Route

from ltx_mcp import page
from ltx_mcp.cli.rendering import engine_session
from ltx_mcp.http.app import Access, make_app_of
from ltx_mcp.http.invitation import Invitation
from ltx_mcp.page import FILES, page_file
from ltx_mcp.server.apps import VIEW, VIEWED
from ltx_mcp.server.forwarding import forwarding_server
from ltx_mcp.server.server import make_server
from ltx_mcp.settings import Settings
from ltx_mcp.types import states

pytestmark = pytest.mark.anyio

TOKENS = {"": "0" * 32, "anna": "a" * 32}


def test_every_file_of_the_page_is_served_and_names_no_other() -> None:
    folder = Path(page.__file__).parent
    files = {path.name for path in folder.iterdir() if path.suffix not in (".py", "")}
    assert files == {*FILES, "app.html", "app.js", "host.js"}
    for name in files:
        text = page_file(name).decode()
        assert set(re.findall(r"page/([\w.]+\.\w+)", text)) <= set(FILES)
        imported = set(re.findall(r'from "\./([\w.]+)"', text))
        assert imported <= (set(FILES) if name in FILES else files), name
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|setAttribute\(\"style", text
        )
        assert re.findall(r"https?://[^\s\"]+", text) in ([], ["http://www.w3.org/2000/svg"])


def test_the_page_tells_why_a_job_ended_without_a_clip() -> None:
    told = {kind.status for kind in states.ENDED.values() if "message" in {field.name for field in fields(kind)}}
    [asked] = re.findall(r"(\[.*\])\.includes\(status\)\n +\? \[\"Why", page_file("jobs.js").decode())
    assert set(json.loads(asked)) == told


async def test_the_page_needs_no_token_but_a_clips_facts_need_its_owners(tmp_path: Path) -> None:
    async with an_app(tmp_path, Access.of(HERE, None, TOKENS)) as app, client_of(app) as anyone:
        for name, media_type in FILES.items():
            answer = await anyone.get("/" if name == "index.html" else f"/page/{name}")
            assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
            assert "unsafe" not in answer.headers["content-security-policy"]
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert (await anyone.get("/page/__init__.py")).status_code == 404
        async with client_of(app, TOKENS["anna"]) as anna, an_agent_of(anna) as agent:
            clip = data(await agent.call_tool("generate_video", {"prompt": "a red circle", **SHORT}))["clip"]
            told = (await anna.get(f"/page/clips/{clip['clip_id']}")).json()
        assert told["clip"]["title"] == "a red circle"
        for link in (told["file"], told["sheet"]):
            assert (await anyone.get(f"/{link}", headers={"range": "bytes=0-3"})).status_code == 206
        path = f"/page/clips/{clip['clip_id']}"
        assert (await anyone.get(path)).status_code == 401
        assert (await anyone.get(path, headers=bearer(TOKENS[""]))).status_code == 404
        assert (await anyone.get("/page/clips/..", headers=bearer(TOKENS["anna"]))).status_code == 404


async def test_the_studio_command_passes_calls_on_and_lets_one_browser_in(tmp_path: Path) -> None:
    settings, invitation = Settings(data_dir=tmp_path, linger_s=0), Invitation()
    access = Access.of(HERE, None, {"": invitation.token})
    invite = Route("/page/session", invitation.post, methods=["POST"])
    async with Client(engine_session(settings, a_lazy_studio(tmp_path))) as session:
        app = make_app_of(forwarding_server(session), settings, access, [invite])
        async with app.router.lifespan_context(app), client_of(app) as browser:
            assert (await browser.post("/mcp", **asked("tools/list"))).status_code == 401
            for wrong in ("", invitation.code[:-1], "x" * 100_000):
                assert (await browser.post("/page/session", content=wrong)).status_code == 403
            token = (await browser.post("/page/session", content=invitation.code)).json()["token"]
            again = await browser.post("/page/session", content=invitation.code)
            assert again.status_code == 403
            assert "ltx-mcp studio" in again.json()["error"]
            async with client_of(app, token) as inside, an_agent_of(inside) as agent:
                clip = data(await agent.call_tool("generate_video", {"prompt": "a red circle", **SHORT}))["clip"]
                told = (await inside.get(f"/page/clips/{clip['clip_id']}")).json()
                assert (await browser.get(f"/{told['file']}")).content == Path(clip["path"]).read_bytes()
                gone = await agent.call_tool("delete_clip", {"clip": clip["clip_id"]})
                assert data(gone)["in_trash"]
                assert (await inside.get(f"/page/clips/{clip['clip_id']}")).status_code == 404


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_only_hosts_that_show_views_are_told_of_one(tmp_path: Path, mode: str) -> None:
    shows = advertise(EXTENSION_ID, {"mimeTypes": [APP_MIME_TYPE]})
    for extensions, viewed in (([], set()), ([shows], VIEWED)):
        async with Client(make_server(a_lazy_studio(tmp_path)), mode=mode, extensions=extensions) as agent:
            tools = (await agent.list_tools()).tools
            assert {tool.name for tool in tools if tool.meta} == viewed
            [content] = (await agent.read_resource(VIEW)).contents
            assert content.mime_type == APP_MIME_TYPE
    assert {tool.meta["ui"]["resourceUri"] for tool in tools if tool.meta} == {VIEW}

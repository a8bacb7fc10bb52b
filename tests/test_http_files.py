"""Files over HTTP: signed links to clips, in which players seek, and uploads that calls may name."""

import io
import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from agents import SHORT, data, text
from http_kit import HERE, MAX_UPLOAD_BYTES, URL, a_server, an_agent_of, an_app, bearer, client_of
from media_kit import film
from PIL import Image
from starlette.datastructures import QueryParams

from ltx_mcp.archive.uploads import KEEP_DAYS, Uploads, safe_name
from ltx_mcp.http.app import Access
from ltx_mcp.http.links import LIFE_S, Links

pytestmark = pytest.mark.anyio

TOKEN = "0123456789abcdef" * 2


async def a_clip(client: httpx2.AsyncClient, **arguments: Any) -> dict[str, Any]:
    async with an_agent_of(client) as agent:
        made = await agent.call_tool("generate_video", {"prompt": "a red circle", **SHORT, **arguments})
    clip: dict[str, Any] = data(made)["clip"]
    assert clip["url"] in text(made)
    return clip


async def test_a_link_plays_without_a_token_and_seeks(tmp_path: Path, subtests: pytest.Subtests) -> None:
    async with an_app(tmp_path, Access.of(HERE, None, {"": TOKEN})) as app, client_of(app) as player:
        async with client_of(app, TOKEN) as client:
            clip = await a_clip(client)
        whole, url = Path(clip["path"]).read_bytes(), clip["url"]
        assert url.startswith(f"{URL}/clips/{clip['clip_id']}/video.mp4?")
        size = len(whole)
        cases: list[tuple[str, int, bytes]] = [
            ("", 200, whole),
            ("bytes=0-9", 206, whole[:10]),
            (f"bytes={size - 5}-", 206, whole[-5:]),
            ("bytes=-7", 206, whole[-7:]),
            (f"bytes=10-{size * 2}", 206, whole[10:]),
            (f"bytes={size}-", 416, b""),
            ("bytes=9-3", 400, b"Range header: start must be less than end"),
            ("lines=1-2", 400, b"Only support bytes range"),
        ]
        for asked, status, body in cases:
            with subtests.test(asked or "the whole"):
                answer = await player.get(url, headers={"range": asked} if asked else {})
                assert (answer.status_code, answer.content) == (status, body)
                assert status != 416 or answer.headers["content-range"] == f"bytes */{size}"
                assert answer.headers["x-content-type-options"] == "nosniff"
        head = await player.head(url)
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(size))
        assert head.headers["content-type"] == "video/mp4"
        assert "default-src 'none'" in head.headers["content-security-policy"]
        again = await player.get(url, headers={"if-none-match": head.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert (await player.post(url)).status_code == 405


async def test_health_is_told_to_anyone_and_figures_to_the_machines_user(tmp_path: Path) -> None:
    tokens = {"": TOKEN, "anna": f"{TOKEN}0"}
    async with an_app(tmp_path, Access.of(HERE, None, tokens)) as app, client_of(app) as anyone:
        assert (await anyone.get("/healthz")).text == "ok\n"
        assert (await anyone.get("/healthz", headers={"host": "evil.example"})).status_code == 421
        assert (await anyone.get("/metrics")).status_code == 401
        async with client_of(app, tokens["anna"]) as anna:
            clip = await a_clip(anna)
            assert (await anna.get("/metrics")).status_code == 404
        answer = await anyone.get("/metrics", headers=bearer(TOKEN))
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    figures = {name: float(value) for name, value in (line.split() for line in lines)}
    assert figures['ltx_mcp_jobs{status="succeeded"}'] == figures["ltx_mcp_clips"] == 1
    assert figures["ltx_mcp_clip_bytes"] > clip["bytes"]
    assert figures["ltx_mcp_render_seconds_total"] > 0
    assert figures["ltx_mcp_queued"] == 0


async def test_no_other_link_opens_anything(tmp_path: Path, subtests: pytest.Subtests) -> None:
    (tmp_path / "link-secret").write_text(TOKEN)
    links = Links(TOKEN)
    async with a_server(tmp_path) as client:
        clip = await a_clip(client)
        clip_id, url = clip["clip_id"], clip["url"].removeprefix(URL)
        query = url.partition("?")[2]
        changed = "0" if url[-1] != "0" else "1"
        refused = {
            "no signature": f"/clips/{clip_id}/video.mp4",
            "a changed signature": url[:-1] + changed,
            "a later end": url.replace("expires=", "expires=9"),
            "an end that is no number": url.replace("expires=", "expires=x"),
            "another file": f"/clips/{clip_id}/clip.json?{query}",
            "another clip": f"/clips/{clip_id[:-1]}{changed}/video.mp4?{query}",
            "a signature twice": f"{url}&sig=",
            "letters that are not ASCII": f"{url[:-1]}%C3%A9",
        }
        for what, path in refused.items():
            with subtests.test(what):
                assert (await client.get(path)).status_code == 403
        absent = [links.path(clip_id, "clip.json"), links.path(clip_id, ".."), links.path("..", "jobs.sqlite"),
                  links.path("hill-00000000", "video.mp4"), links.path(clip_id, "photo.jpg")]  # fmt: skip
        for path in [*absent, f"/clips/{clip_id}/..%2F..%2Fjobs.sqlite?{query}", f"/clips/..%2f/video.mp4?{query}"]:
            with subtests.test(path):
                assert (await client.get(httpx2.URL(URL).join(path))).status_code in (403, 404)
        assert (await client.get(links.path(clip_id, "sheet.jpg"))).headers["content-type"] == "image/jpeg"
        async with an_agent_of(client) as agent:
            await agent.call_tool("delete_clip", {"clip": clip_id})
        assert (await client.get(url)).status_code == 404, "in the trash it is not published"


def test_a_link_expires_and_is_the_same_for_an_hour() -> None:
    now = [1_000_000.0]
    links = Links(TOKEN, clock=lambda: now[0])
    path = links.path("hill-00000000", "video.mp4")
    query = QueryParams(path.partition("?")[2])
    now[0] += 60
    assert links.path("hill-00000000", "video.mp4") == path
    now[0] += LIFE_S - 60
    assert links.allows("hill-00000000", "video.mp4", query)
    assert not Links(f"{TOKEN}0", links.clock).allows("hill-00000000", "video.mp4", query), "another installation's"
    now[0] += 3600
    assert not links.allows("hill-00000000", "video.mp4", query)


async def test_a_moment_that_is_found_has_a_link_that_begins_there(tmp_path: Path) -> None:
    async with an_app(tmp_path, Access.of(HERE, "https://films.example.org", {})) as app, client_of(app) as client:
        await a_clip(client)
        async with an_agent_of(client, "legacy") as agent:
            assert (await client.get("/metrics")).status_code == 200, "without tokens nobody is asked for one"
            assert (await client.post("/uploads?name=a.srt", content=b"1\n")).status_code == 201
            [moment] = data(await agent.call_tool("search_clips", {"query": "circle"}))["moments"]
    assert moment["url"].startswith(f"{URL}/clips/{moment['clip_id']}/video.mp4?")
    assert moment["url"].endswith(f"#t={moment['start_s']:g}")


async def test_an_upload_is_taken_by_what_it_is_and_named_in_a_call(tmp_path: Path, subtests: pytest.Subtests) -> None:
    footage = film("bikes.mp4").read_bytes()[: MAX_UPLOAD_BYTES // 2]
    png = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(png, "png")
    image = png.getvalue()
    cases: list[tuple[str, bytes, dict[str, str], int]] = [
        ("an image", image, {"content-type": "image/png"}, 201),
        ("an image that says nothing", image, {}, 201),
        ("a video that says that it is an image", footage, {"content-type": "image/png"}, 415),
        ("a program", b"\x7fELF" + bytes(100), {"content-type": "video/mp4"}, 415),
        ("a page", b"<html><script>alert(1)</script>", {"content-type": "video/mp4"}, 415),
        ("nothing", b"", {"content-type": "video/mp4"}, 415),
        ("more than there is room for", footage * 9, {}, 413),
        ("a length that is too large", image, {"content-length": str(MAX_UPLOAD_BYTES * 9)}, 413),
    ]
    async with an_app(tmp_path, Access.of(HERE, None, {"": TOKEN})) as app, client_of(app, TOKEN) as client:
        for what, body, headers, status in cases:
            with subtests.test(what):
                answer = await client.post("/uploads?name=../../x.png", content=body, headers=headers)
                assert answer.status_code == status, answer.text
        assert (await client.post("/uploads", content=image, headers=bearer("no"))).status_code == 401
        kept = sorted((tmp_path / "uploads").rglob("*.*"))
        assert [path.name for path in kept] == ["x.png", "x.png"], "nothing is left of what was refused"
        reference = (await client.post("/uploads?name=a red thing.png", content=image)).json()["reference"]
        async with an_agent_of(client) as agent:
            taken = data(await agent.call_tool("import_video", {"video": reference}))
            assert taken["clip"]["kind"] == "photo"
            assert (await client.get(taken["clip"]["url"])).headers["content-type"] == "image/jpeg"
            where = {"clip": taken["clip"]["clip_id"], "folder": str(kept[0].parent)}
            into = await agent.call_tool("export_clip", where)
            assert into.is_error, "no place to write to"
            for path in ("jobs.sqlite", "http-token", "uploads/@/../../jobs.sqlite"):
                assert (await agent.call_tool("search_clips", {"image": str(tmp_path / path)})).is_error


async def test_two_uploads_at_once_have_room_for_one_of_them(tmp_path: Path) -> None:
    body, refused = b"GIF89a" + bytes(MAX_UPLOAD_BYTES * 2 // 3), anyio.Event()
    answers: list[int] = []

    async def slowly() -> AsyncGenerator[bytes]:
        yield body
        await refused.wait()

    async with a_server(tmp_path) as client, anyio.create_task_group() as tasks:

        async def send_slowly() -> None:
            answers.append((await client.post("/uploads", content=slowly())).status_code)

        tasks.start_soon(send_slowly)
        with anyio.fail_after(10):
            while not list(tmp_path.glob("uploads/@/*/.part")):
                await anyio.lowlevel.checkpoint()
        answers.append((await client.post("/uploads", content=body)).status_code)
        refused.set()
    assert answers == [413, 201]


def test_uploads_go_after_a_week_but_for_footage_of_clips(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, 100)
    with uploads.new("a.mp4") as (used, file):
        file.write(b"1234")
    with uploads.new("b.mp4") as (forgotten, file):
        file.write(b"1234")
    assert uploads.room() == 92
    assert uploads.outdated() == []
    for path in (used, forgotten):
        os.utime(path.parent, (0, 0))
    uploads.remove(uploads.outdated(), but=[used])
    assert used.exists()
    assert not forgotten.exists()
    with pytest.raises(ValueError, match="broke"), uploads.new("c.mp4"):
        raise ValueError("it broke")
    assert len(list(tmp_path.rglob("*.*"))) == 1
    assert KEEP_DAYS == 7


def test_names_of_uploads_are_plain() -> None:
    names = ("../../etc/passwd", "C:\\a\\b.mp4", ".htaccess", "", "a b\n.png", "é", "x" * 300 + ".mp4", "-rf")
    assert [safe_name(name) for name in names][:6] == ["passwd", "b.mp4", "htaccess", "upload", "a-b-.png", "upload"]
    assert all(len(safe_name(name)) <= 80 and not safe_name(name).startswith((".", "-")) for name in names)

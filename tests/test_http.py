"""MCP over HTTP, in this process: both eras, who may call, and what is refused by name."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from agents import SHORT, data
from http_kit import ACCEPT, HERE, LEGACY, a_server, an_agent_of, asked, bearer
from mcp.server.streamable_http import EventMessage
from mcp.types import JSONRPCNotification

from ltx_mcp.errors import ArchiveError, BadInput, SettingsError
from ltx_mcp.http.address import Address, Hosts, listen, read_address
from ltx_mcp.http.app import Access
from ltx_mcp.http.events import KeptEvents, SessionEvents
from ltx_mcp.http.request_checks import RequestChecks
from ltx_mcp.http.tokens import needed_tokens
from ltx_mcp.settings import Settings

pytestmark = pytest.mark.anyio

TOKEN = "0123456789abcdef" * 2
LIST = asked("tools/list")


async def test_both_eras_share_one_studio(tmp_path: Path) -> None:
    async with a_server(tmp_path) as client:
        for mode, so_far in (("auto", 1), ("legacy", 2)):
            async with an_agent_of(client, mode) as agent:
                made = data(await agent.call_tool("generate_video", {"prompt": f"a red circle, {mode}", **SHORT}))
                assert made["status"] == "succeeded"
                assert data(await agent.call_tool("search_clips", {}))["total_clips"] == so_far


async def test_what_is_not_a_message_is_refused_and_the_server_goes_on(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    whole = LIST["headers"]
    cases: list[tuple[str, dict[str, Any], int, int | None]] = [
        ("garbage", {"content": b"\x00\xff{", "headers": whole}, 400, -32700),
        ("a batch", {"content": b"[]", "headers": whole}, 400, -32600),
        ("5 MB", {"content": b" " * 5_000_000, "headers": whole}, 413, None),
        ("5 MB that say nothing of it", {"content": _chunks(), "headers": whole}, 413, None),
        ("a method that does not exist", asked("tools/steal"), 404, -32601),
        ("a method of another era", asked("initialize"), 404, -32601),
        ("a header that says another method", {**LIST, "headers": {**whole, "mcp-method": "x"}}, 400, -32020),
        ("no kind of content", {"content": b"{}", "headers": {**ACCEPT, "content-type": "text/plain"}}, 400, None),
        ("a session that is not there", {"json": {}, "headers": {**ACCEPT, "mcp-session-id": "0"}}, 404, -32600),
        ("garbage of the older era", {"content": b"{", "headers": {**ACCEPT, **_OLD}}, 400, -32700),
    ]
    async with a_server(tmp_path) as client:
        for what, request, status, code in cases:
            with subtests.test(what):
                answer = await client.post("/mcp", **request)
                assert answer.status_code == status, answer.text
                assert code is None or answer.json()["error"]["code"] == code
        assert len((await client.post("/mcp", **LIST)).json()["result"]["tools"]) > 10
        assert (await client.get("/nothing")).status_code == 404


_OLD = {"mcp-protocol-version": LEGACY}


async def _chunks() -> Any:
    for _ in range(50):
        yield b" " * 100_000


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "localhost:1"}, 200),
        ({"host": "evil.example:8765"}, 421),
        ({"host": "127.0.0.1.evil.example"}, 421),
        ({"host": "evil@127.0.0.1"}, 421),
        ({"host": ""}, 421),
        ({"host": "10.0.0.7:8765"}, 421),
        ({"origin": "http://localhost:3000"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1.evil.example"}, 403),
    ],
)
async def test_only_its_own_hosts_and_origins_reach_a_local_server(
    tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    async with a_server(tmp_path) as client:
        answer = await client.post("/mcp", json=LIST["json"], headers={**LIST["headers"], **headers})
    assert answer.status_code == status
    assert status == 200 or "LTX_MCP_HTTP_URL" in answer.text


def test_in_a_network_a_server_answers_to_addresses_and_to_the_name_of_its_url() -> None:
    hosts = Hosts.of(Address("0.0.0.0", 8765), "https://films.example.org/studio")
    assert all(map(hosts.serves, ("10.0.0.7:8765", "[fe80::1]:8765", "films.example.org", "FILMS.example.org:443")))
    assert not any(map(hosts.serves, ("evil.example", "10.0.0.7.evil.example", "a:b", "", "films.example.org:x")))
    assert hosts.trusts("https://films.example.org", "10.0.0.7:8765")
    assert hosts.trusts("http://10.0.0.7:8765", "10.0.0.7:8765")
    assert not hosts.trusts("http://10.6.6.6", "10.0.0.7:8765"), "a page that some address gave is not one of ours"


async def test_where_there_is_a_token_nothing_is_answered_without_it(tmp_path: Path) -> None:
    async with a_server(tmp_path, Access.of(HERE, None, {"": TOKEN})) as client:
        wrong = (bearer(TOKEN[:-1] + "0"), bearer(""), {"authorization": b"Bearer \xe9"}, bearer(f"{TOKEN}0"))
        for given in ({}, *wrong, {"authorization": f"Basic {TOKEN}"}):
            answer = await client.post("/mcp", json=LIST["json"], headers={**LIST["headers"], **given})
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
        answer = await client.post("/mcp", json=LIST["json"], headers={**LIST["headers"], **bearer(TOKEN)})
        assert answer.status_code == 200


def test_other_machines_need_a_token_which_is_made_once_in_a_file_of_its_own(tmp_path: Path) -> None:
    network = Address("0.0.0.0", 8765)
    assert needed_tokens(HERE, {}, tmp_path) == ({}, None)
    assert needed_tokens(network, {"anna": TOKEN}, tmp_path) == ({"anna": TOKEN}, None)
    tokens, path = needed_tokens(network, {}, tmp_path / "new")
    assert path is not None
    assert list(tokens) == [""]
    assert len(tokens[""]) >= 32
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    assert needed_tokens(network, {}, tmp_path / "new") == (tokens, path)
    assert path.stat().st_mode & 0o777 == 0o600, "whoever opened it closes it again"
    path.write_text("short")
    with pytest.raises(ArchiveError, match="Delete the file"):
        needed_tokens(network, {}, tmp_path / "new")


def test_a_token_that_is_too_short_is_refused_and_not_shown() -> None:
    with pytest.raises(SettingsError, match="32 or more") as refused:
        Settings.load({"LTX_MCP_HTTP_TOKEN": "hunter2", "LTX_MCP_HTTP_URL": "films.example.org"})
    assert "hunter2" not in str(refused.value)
    assert "LTX_MCP_HTTP_URL='films.example.org'" in str(refused.value)
    for given in ({"anna": "hunter2"}, ["hunter2"]):
        with pytest.raises(ValueError, match="token"):
            Settings.model_validate({"http_token": given})
    for twice in (f"a:{TOKEN} b:{TOKEN}", f"a:{TOKEN} a:{TOKEN}0", f"a b:{TOKEN}"):
        with pytest.raises(SettingsError) as refused:
            Settings.load({"LTX_MCP_HTTP_TOKEN": twice})
        assert TOKEN not in str(refused.value)
    settings = Settings.load({"LTX_MCP_HTTP_TOKEN": f"{TOKEN}, anna:{TOKEN}0"})
    assert settings.http_token == {"": TOKEN, "anna": f"{TOKEN}0"}
    assert TOKEN not in repr(settings)


def test_addresses_are_read_as_people_write_them(subtests: pytest.Subtests) -> None:
    read = {"9000": ("127.0.0.1", 9000), "::1": None, "[::1]:1": ("::1", 1), "0.0.0.0": ("0.0.0.0", 8765),
            "localhost:0": ("localhost", 0), "a:b": None, "x@y:1": None, "127.0.0.1:99999": None}  # fmt: skip
    for text, meant in read.items():
        with subtests.test(text):
            if meant is None:
                with pytest.raises(BadInput, match="HOST:PORT"):
                    read_address(text)
            else:
                assert read_address(text) == Address(*meant)
    assert [Address(host).is_loopback for host in ("::1", "127.1.2.3", "localhost", "0.0.0.0", "::", "gpu")] == [
        *(True, True, True),
        *(False, False, False),
    ]


def test_a_port_that_is_taken_is_told() -> None:
    with listen(Address(port=0)) as taken, pytest.raises(BadInput, match="--http"):
        listen(Address(port=taken.getsockname()[1]))


async def test_events_are_found_again_in_their_session_and_stream_alone() -> None:
    kept = KeptEvents()
    mine, other = SessionEvents(kept), SessionEvents(kept)
    begin = await mine.store_event("1", None)
    for session, stream, name in ((mine, "1", "a"), (other, "1", "b"), (mine, "2", "c"), (mine, "1", "d")):
        await session.store_event(stream, JSONRPCNotification(jsonrpc="2.0", method=name))
    assert await _replayed(mine, begin) == ("1", ["a", "d"])
    assert await _replayed(other, begin) == (None, []), "another session's"


async def test_few_events_are_kept_however_many_and_large_they_are() -> None:
    kept = KeptEvents(max_events=10, max_bytes=5000)
    session = SessionEvents(kept)
    first = await session.store_event("1", None)
    for size in (10, 2000, 10_000, *[10] * 30, 2000, 2000):
        await session.store_event("1", JSONRPCNotification(jsonrpc="2.0", method="x" * size))
        assert len(kept) <= 10
        assert kept.bytes <= 5000
    assert await _replayed(session, first) == (None, []), "the oldest went first"


async def _replayed(session: SessionEvents, event_id: str) -> tuple[str | None, list[str]]:
    methods = []

    async def keep(event: EventMessage) -> None:
        assert isinstance(event.message, JSONRPCNotification)
        methods.append(event.message.method)

    return await session.replay_events_after(event_id, keep), methods


async def test_a_client_that_stands_still_is_taken_for_gone() -> None:
    got: list[Any] = []
    first: dict[str, Any] = {"type": "http.request", "body": b"x", "more_body": True}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        got.extend([await receive(), await receive()])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    sent = [first]

    async def receive() -> Any:
        return sent.pop() if sent else await anyio.sleep_forever()

    async def never(_: Any) -> None:
        await anyio.sleep_forever()

    scope = {"type": "http", "headers": [(b"host", b"localhost")]}
    with anyio.fail_after(10), pytest.raises(BrokenPipeError):
        await RequestChecks(app, Hosts.of(HERE, None), body_s=0.01, send_s=0.01)(scope, receive, never)
    assert got == [first, {"type": "http.disconnect"}]

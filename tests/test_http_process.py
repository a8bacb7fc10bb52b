"""`ltx-mcp serve --http` as a process of its own: real sockets, hostile clients, and how it stops."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from agents import SHORT, data
from http_kit import ACCEPT, LEGACY, asked
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

LIMIT_S = 120.0
LONG = {"prompt": "a long one", "duration_s": 20, "resolution": "540p"}


@contextmanager
def a_process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server on a free port, and its endpoint."""
    stand_ins = {"LTX_MCP_MODEL": "stand-in", "LTX_MCP_EMBEDDER": "stand-in"}
    env = {**os.environ, "LTX_MCP_DATA_DIR": str(folder), **stand_ins}
    command = [sys.executable, "-m", "ltx_mcp", "serve", "--http", "127.0.0.1:0"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            found = re.search(r"http://\S+", process.stderr.readline())
            assert found
            yield process, found[0]
        finally:
            process.kill()


def resident_bytes(process: subprocess.Popen[str]) -> int:
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_a_job_is_told_when_the_server_stops_and_standard_output_stays_silent(tmp_path: Path) -> None:
    with anyio.fail_after(LIMIT_S), a_process(tmp_path) as (process, url):
        for mode in ("auto", "legacy"):
            async with Client(url, mode=mode) as agent:
                made = data(await agent.call_tool("generate_video", {"prompt": f"a red circle, {mode}", **SHORT}))
                assert made["status"] == "succeeded"
        async with httpx2.AsyncClient() as player:
            answer = await player.get(made["clip"]["url"], headers={"range": "bytes=4-7"})
        assert (answer.status_code, answer.content) == (206, b"ftyp")
        notes: list[str | None] = []

        async def stop(progress: float, total: float | None, message: str | None) -> None:
            if not notes and progress > 0.1:
                notes.append(message)
                process.send_signal(signal.SIGTERM)

        async with Client(url) as agent:
            await agent.list_tools()  # or this client asks for them after its first answer, of a server that is gone
            told = data(await agent.call_tool("generate_video", LONG, progress_callback=stop))
        assert told["status"] in ("queued", "running"), "it is left to the next server"
        assert "get_job" in told["next"]
        out, errors = await anyio.to_thread.run_sync(process.communicate)
    assert process.returncode == 0
    assert out == ""
    assert "Traceback" not in errors


async def test_servers_on_stdio_attach_to_it_and_another_one_over_http_does_not_start(tmp_path: Path) -> None:
    stand_ins = {"LTX_MCP_MODEL": "stand-in", "LTX_MCP_EMBEDDER": "stand-in"}
    env = {**os.environ, "LTX_MCP_DATA_DIR": str(tmp_path), **stand_ins, "LTX_MCP_HTTP_TOKEN": "0" * 32}
    with anyio.fail_after(LIMIT_S), a_process(tmp_path) as (process, url), (tmp_path / "errors").open("w+") as errors:
        stdio = StdioServerParameters(command=sys.executable, args=["-m", "ltx_mcp", "serve"], env=env)
        async with Client(stdio_client(stdio, errlog=errors)) as neighbour, Client(url) as agent:
            made = data(await neighbour.call_tool("generate_video", {"prompt": "a red circle", **SHORT}))
            assert data(await agent.call_tool("get_job", {"job_id": made["job_id"]}))["status"] == "succeeded"
        told = (tmp_path / "errors").read_text()
        assert f"served by process {process.pid}" in told
        assert "0" * 32 not in told, "a token is a setting that is never told"
        command = [sys.executable, "-m", "ltx_mcp", "serve", "--http", "127.0.0.1:0"]
        second = await anyio.run_process(command, env=env, check=False)
        assert second.returncode == 1
        assert f"Process {process.pid} serves" in second.stderr.decode()


async def test_a_stream_that_broke_goes_on_where_it_was(tmp_path: Path) -> None:
    first = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}}
    with anyio.fail_after(LIMIT_S), a_process(tmp_path) as (_, url):
        async with httpx2.AsyncClient(headers=ACCEPT, timeout=LIMIT_S) as client:
            opened = await client.post(url, json=_request("initialize", first))
            headers = {"mcp-session-id": opened.headers["mcp-session-id"], "mcp-protocol-version": LEGACY}
            call = _request("tools/call", {"name": "generate_video", "arguments": {**SHORT, "prompt": "a red circle"}})
            async with client.stream("POST", url, json={**call, "id": 2}, headers=headers) as answer:
                last_id = (await anext(_events(answer)))["id"]
            async with client.stream("GET", url, headers={**headers, "last-event-id": last_id}) as answer:
                async for event in _events(answer):
                    message = json.loads(event.get("data") or "{}")
                    if message.get("id") == 2:
                        break
    assert message["result"]["structuredContent"]["status"] == "succeeded"


async def test_hostile_clients_cost_little_and_nobody_else_notices(tmp_path: Path) -> None:
    with anyio.fail_after(LIMIT_S), a_process(tmp_path) as (process, url), ExitStack() as open_sockets:
        async with httpx2.AsyncClient(timeout=LIMIT_S, limits=httpx2.Limits(max_connections=200)) as client:
            assert (await client.post(url, **asked("tools/list"))).status_code == 200
            before = resident_bytes(process)
            where = (str(urlsplit(url).hostname), int(urlsplit(url).port or 0))
            silent = [open_sockets.enter_context(socket.create_connection(where)) for _ in range(50)]
            for each in silent[:25]:  # half of them say something that never ends, the others nothing
                each.sendall(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
            garbage = open_sockets.enter_context(socket.create_connection(where))
            garbage.sendall(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
            assert b"400" in await anyio.to_thread.run_sync(garbage.recv, 100)
            liar = open_sockets.enter_context(socket.create_connection(where))
            liar.sendall(b"POST /uploads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nGIF89a")
            liar.shutdown(socket.SHUT_WR)
            assert await anyio.to_thread.run_sync(liar.recv, 100) == b"", "half of it came"
            assert not list(tmp_path.glob("uploads/@/*/*"))
            answers: list[int] = []

            async def call() -> None:
                answers.append((await client.post(url, **asked("tools/list"))).status_code)

            async def flood() -> None:
                large = {"content": b" " * 5_000_000, "headers": asked("tools/list")["headers"]}
                answers.append((await client.post(url, **large)).status_code)

            async with anyio.create_task_group() as tasks:
                for _ in range(100):
                    tasks.start_soon(call)
                for _ in range(20):
                    tasks.start_soon(flood)
            assert sorted(answers) == [200] * 100 + [413] * 20
            assert resident_bytes(process) - before < 150_000_000
            for each in silent:  # each is closed by the server, which waits for none for ever
                each.settimeout(LIMIT_S)
                assert await anyio.to_thread.run_sync(each.recv, 100) == b""
            assert (await client.post(url, **asked("tools/list"))).status_code == 200


def _request(method: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


async def _events(answer: httpx2.Response) -> AsyncGenerator[dict[str, str]]:
    """The events of a stream, as their fields."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if not line:
            if fields:
                yield fields
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value

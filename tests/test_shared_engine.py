"""Several processes on one data directory: one engine, and nobody notices when its owner goes."""

import json
import os
import signal
import stat
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from agents import SHORT, data, text
from gates import Gate
from mcp import Client
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCNotification, JSONRPCRequest, JSONRPCResponse
from media_kit import photo
from test_stdio import a_server

from ltx_mcp import __version__
from ltx_mcp.cli.doctor import engine_owner
from ltx_mcp.compose import open_studio
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.errors import StudioError
from ltx_mcp.index.stand_in import ColourEmbedder
from ltx_mcp.jobs.engine_lock import Address, EngineLock
from ltx_mcp.moderation.stand_in import MagentaClassifier
from ltx_mcp.server.attaching import attached, status_of
from ltx_mcp.server.introduction import Guest, Stranger
from ltx_mcp.server.relay import Relay, Streams
from ltx_mcp.server.shared_engine import serve_client
from ltx_mcp.settings import Settings
from ltx_mcp.studio.lazy_studio import LazyStudio
from ltx_mcp.studio.studio import Studio
from ltx_mcp.tools._job import ASKED_AT
from ltx_mcp.types.stages import Stage

pytestmark = pytest.mark.anyio

LIMIT_S = 30.0
CIRCLE = {"prompt": "a red circle", **SHORT}
ME = Guest(pid=os.getpid())


class Process:
    """What `ltx-mcp serve` runs, in this process. `opened` counts the studios that it opened; `kill` ends it."""

    def __init__(self, folder: Path, pause: Callable[[Stage, int], None] | None = None, **settings: Any) -> None:
        self.settings = Settings(data_dir=folder, linger_s=0, **settings)
        self.opened = 0
        self.rendered: list[str] = []
        self.ended = anyio.Event()
        self._pause = pause or self._note
        self._scope = anyio.CancelScope()

    def kill(self) -> None:
        self._scope.cancel()

    def _note(self, stage: Stage, step: int) -> None:
        self.rendered.append(stage)

    def _open_studio(self) -> AbstractAsyncContextManager[Studio]:
        self.opened += 1
        return open_studio(
            self.settings, engine=StandInEngine(self._pause), classifier=MagentaClassifier(), embedder=ColourEmbedder()
        )

    async def serve(self, client: Streams, unreachable_s: float = 10) -> None:
        with self._scope:
            await serve_client(
                self.settings,
                LazyStudio(self._open_studio, self.settings.max_wait_s),
                client,
                unreachable_s=unreachable_s,
            )
        self.ended.set()


@asynccontextmanager
async def client_of(
    process: Process, mode: str = "auto", unreachable_s: float = 10, limit_s: float = LIMIT_S
) -> AsyncGenerator[Client]:
    """The client of a process, which is killed when the block is left."""
    async with a_pipe() as (streams, of_client):

        @asynccontextmanager
        async def transport() -> AsyncGenerator[Streams]:
            yield streams
            await streams[1].aclose()

        with anyio.fail_after(limit_s):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(process.serve, of_client, unreachable_s)
                async with Client(transport(), mode=mode) as client:
                    yield client
                process.kill()


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_one_process_renders_for_all_and_another_takes_over_when_it_goes(tmp_path: Path, mode: str) -> None:
    first, second, third = (Process(tmp_path) for _ in range(3))
    async with client_of(first, mode) as one, client_of(second, mode) as two, client_of(third, mode) as three:
        job = data(await two.call_tool("generate_video", CIRCLE))
        assert job["status"] == "succeeded"
        assert data(await one.call_tool("get_job", {"job_id": job["job_id"]}))["clip"] == job["clip"]
        assert (first.opened, second.opened, third.opened) == (1, 0, 0)
        first.kill()
        for client in (two, three):
            assert data(await client.call_tool("get_job", {"job_id": job["job_id"]}))["clip"] == job["clip"]
            assert len((await client.list_tools()).tools) > 10
        assert second.opened + third.opened == 1


async def test_what_a_client_may_read_is_its_own_setting_whoever_renders(tmp_path: Path) -> None:
    still = photo("astronaut.png")
    first, second = Process(tmp_path), Process(tmp_path, roots=(still.parent,))
    async with client_of(first) as one, client_of(second) as two:
        arguments = {"image": str(still), "prompt": "she turns", **SHORT}
        assert "LTX_MCP_ROOTS" in text(await one.call_tool("animate_image", arguments))
        assert data(await two.call_tool("animate_image", arguments))["status"] == "succeeded"
        assert second.opened == 0


@pytest.mark.parametrize("knows_the_id", [True, False])
async def test_a_client_that_leaves_leaves_its_job_to_the_end(tmp_path: Path, knows_the_id: bool) -> None:
    gate = Gate(Stage.DENOISING)
    process = Process(tmp_path, gate)
    with anyio.fail_after(LIMIT_S):
        async with raw_client(process) as (from_server, to_server):
            arguments = {**CIRCLE, "wait_s": 0 if knows_the_id else 45}
            await to_server.send(a_request(2, "tools/call", name="generate_video", arguments=arguments))
            if knows_the_id:
                await from_server.receive()
            await gate.arrived()
            await to_server.aclose()
            await anyio.wait_all_tasks_blocked()
            assert not process.ended.is_set(), "it stays for the job"
            gate.open()
            await process.ended.wait()
    async with client_of(Process(tmp_path)) as client:
        (job,) = data(await client.call_tool("get_job", {}))["recent"]
        assert job["status"] == "succeeded"


async def test_a_process_stays_for_those_who_are_attached(tmp_path: Path) -> None:
    first, second = Process(tmp_path), Process(tmp_path)
    with anyio.fail_after(LIMIT_S):
        async with raw_client(first) as (_, to_server):
            async with client_of(second) as two:
                await to_server.aclose()
                assert data(await two.call_tool("generate_video", CIRCLE))["status"] == "succeeded"
                assert (first.opened, second.opened, first.ended.is_set()) == (1, 0, False)
            await first.ended.wait()


async def test_the_doctor_says_who_has_the_engine(tmp_path: Path) -> None:
    gate = Gate(Stage.DENOISING)
    first, second = Process(tmp_path, gate), Process(tmp_path)
    assert "no server runs" in await anyio.to_thread.run_sync(engine_owner, first.settings)
    async with client_of(first), client_of(second) as two:
        await two.call_tool("generate_video", {**CIRCLE, "wait_s": 0})
        told = await anyio.to_thread.run_sync(engine_owner, first.settings)
        gate.open()
    assert f"process {os.getpid()} (ltx-mcp {__version__}" in told
    assert f"attached processes: {os.getpid()}; unfinished jobs: 1" in told
    with EngineLock(tmp_path) as lock:
        assert lock.acquire()
        with pytest.raises(StudioError, match="does not say where"):
            await anyio.to_thread.run_sync(engine_owner, first.settings)


async def test_an_owner_that_cannot_be_reached_is_done_without(tmp_path: Path) -> None:
    process = Process(tmp_path)
    with EngineLock(tmp_path) as lock:
        assert lock.acquire()
        async with client_of(process, unreachable_s=0) as client:
            assert data(await client.call_tool("generate_video", CIRCLE))["status"] == "succeeded"
        assert lock.is_held


async def test_only_who_can_read_the_key_is_let_in(tmp_path: Path) -> None:
    async with client_of(Process(tmp_path)) as client:
        await client.list_tools()
        address = EngineLock(tmp_path).address()
        assert address is not None
        assert stat.S_IMODE((tmp_path / "engine.json").stat().st_mode) == 0o600
        assert address.key not in repr(address)
        for stranger in (
            b"\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b'{"nonce":"1","proof":"2","guest":{"pid":1}}\n',
            b"x" * 200_000,
        ):
            async with await anyio.connect_tcp("127.0.0.1", address.port) as stream:
                assert b"nonce" in await stream.receive()
                await stream.send(stranger)
                await stream.send_eof()
                with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                    await stream.receive()
        with pytest.raises(Stranger):
            await status_of(Address(address.port, address.pid, "0" * 64))
        status = await status_of(address)
        assert (status.pid, status.guests, status.unfinished_jobs) == (os.getpid(), (), 0)
        async with attached(address, ME):
            assert (await status_of(address)).guests == (os.getpid(),)


async def test_a_guest_does_not_talk_to_whoever_listens_in_place_of_the_owner() -> None:
    async def impostor(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await stream.send(json.dumps({"nonce": "0" * 64}).encode() + b"\n")
            said = json.loads(await stream.receive())
            assert set(said) == {"nonce", "proof", "guest"}
            await stream.send(json.dumps({"proof": said["proof"], "host": {"pid": 1}}).encode() + b"\n")

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, impostor)
        address = Address(listener.extra(anyio.abc.SocketAttribute.local_port), 1, "a" * 64)
        with pytest.raises(Stranger):
            async with attached(address, ME):
                pass
        tasks.cancel_scope.cancel()


async def test_what_is_unanswered_is_asked_again_and_what_was_given_up_is_not() -> None:
    began = time.time()
    async with a_pipe() as ((from_relay, to_relay), client):
        relay = Relay(client)
        with anyio.fail_after(LIMIT_S):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(relay.read_client)
                async with a_pipe() as (server, (incoming, outgoing)):
                    tasks.start_soon(relay.serve, server)
                    asked = [a_request(1, "initialize"), a_notification("notifications/initialized")]
                    asked += [a_request(request_id, "tools/call", _meta=None) for request_id in (2, 3, 4)]
                    asked.append(a_notification("notifications/cancelled", requestId=3))
                    for item in asked:
                        await to_relay.send(item)
                        assert await incoming.receive() == item
                    for request_id in (1, 2):
                        await outgoing.send(an_answer(request_id))
                        assert await from_relay.receive() == an_answer(request_id)
                async with a_pipe() as (server, (incoming, outgoing)):
                    tasks.start_soon(relay.serve, server)
                    assert await incoming.receive() == asked[0]
                    await outgoing.send(an_answer(1))  # which the client has already
                    assert await incoming.receive() == asked[1]
                    again = await incoming.receive()
                    assert isinstance(again, SessionMessage)
                    assert isinstance(again.message, JSONRPCRequest)
                    meta = (again.message.params or {})["_meta"]
                    assert again == a_request(4, "tools/call", _meta=meta)
                    assert began <= meta[ASKED_AT] <= time.time()
                    await outgoing.send(an_answer(4))
                    assert await from_relay.receive() == an_answer(4)
                    await to_relay.aclose()
                    with pytest.raises(anyio.EndOfStream):
                        await incoming.receive()


@pytest.mark.slow
async def test_a_call_outlives_the_owner_that_is_killed_while_it_renders(tmp_path: Path) -> None:
    """Real processes, and the command beside them."""
    with anyio.fail_after(240):
        async with Client(a_server(tmp_path)) as one, Client(a_server(tmp_path)) as two:
            await one.call_tool("get_job", {})
            owner = json.loads((tmp_path / "engine.json").read_text(encoding="utf-8"))["pid"]
            jobs: list[dict[str, Any]] = []

            async def call() -> None:
                long = {"prompt": "a blue square", "duration_s": 8, "resolution": "240p"}
                jobs.append(data(await two.call_tool("generate_video", long)))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call)
                while not data(await one.call_tool("get_job", {})).get("recent"):
                    pass
                os.kill(owner, signal.SIGKILL)
            assert jobs[0]["status"] == "succeeded"
            arguments = ["generate", "a red circle", "--duration", "0.5", "--json"]
            command = [sys.executable, "-m", "ltx_mcp", *arguments]
            made = await anyio.run_process(command, env={**os.environ, **(a_server(tmp_path).env or {})})
            listed = data(await two.call_tool("get_job", {}))["recent"]
            assert listed[0]["clip_id"] == json.loads(made.stdout)["clip_id"]
            assert json.loads((tmp_path / "engine.json").read_text(encoding="utf-8"))["pid"] != owner


@pytest.mark.slow
async def test_an_owner_that_was_stopped_renders_alone_once_it_goes_on_and_nothing_is_lost(tmp_path: Path) -> None:
    """As when a terminal suspends it, or a debugger: another process answers meanwhile, and renders nothing."""
    other = Process(tmp_path)
    with anyio.fail_after(240):
        async with Client(a_server(tmp_path)) as owner, Client(a_server(tmp_path)) as attached_one:
            assert data(await owner.call_tool("generate_video", CIRCLE))["status"] == "succeeded"
            await attached_one.call_tool("get_job", {})
            address = EngineLock(tmp_path).address()
            assert address is not None
            (guest,) = (await status_of(address)).guests
            for pid in (address.pid, guest):
                os.kill(pid, signal.SIGSTOP)
            made: list[dict[str, Any]] = []

            async def make(client: Client, prompt: str) -> None:
                made.append(data(await client.call_tool("generate_video", {**CIRCLE, "prompt": prompt})))

            async with client_of(other, unreachable_s=0, limit_s=240) as third, anyio.create_task_group() as tasks:
                assert len(data(await third.call_tool("search_clips", {}))["moments"]) == 1
                tasks.start_soon(make, third, "a blue square")
                tasks.start_soon(make, attached_one, "a green ring")
                while len(data(await third.call_tool("get_job", {}))["recent"]) < 2:
                    pass
                for pid in (guest, address.pid):
                    os.kill(pid, signal.SIGCONT)
                while len(made) < 2:
                    await third.call_tool("get_job", {})
                assert (await status_of(address)).guests == (guest, os.getpid())
            assert [job["status"] for job in made] == ["succeeded"] * 2
            assert other.rendered == [], "the stopped process had a model loaded"
            assert len(data(await owner.call_tool("search_clips", {}))["moments"]) == 3


@asynccontextmanager
async def a_pipe() -> AsyncGenerator[tuple[Streams, Streams]]:
    """Both ends of a connection."""
    to_there, here = anyio.create_memory_object_stream[SessionMessage | Exception](16)
    to_here, there = anyio.create_memory_object_stream[SessionMessage | Exception](16)
    async with to_there, here, to_here, there:
        yield (there, to_there), (here, to_here)


@asynccontextmanager
async def raw_client(process: Process) -> AsyncGenerator[Streams]:
    """A client whose messages are written by hand; its session is open."""
    async with a_pipe() as ((from_server, to_server), client), anyio.create_task_group() as tasks:
        tasks.start_soon(process.serve, client)
        me = {"name": "raw", "version": "1"}
        await to_server.send(a_request(1, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo=me))
        await from_server.receive()
        await to_server.send(a_notification("notifications/initialized"))
        yield from_server, to_server


def a_request(request_id: int, method: str, **params: Any) -> SessionMessage:
    return SessionMessage(JSONRPCRequest(jsonrpc="2.0", id=request_id, method=method, params=params))


def a_notification(method: str, **params: Any) -> SessionMessage:
    return SessionMessage(JSONRPCNotification(jsonrpc="2.0", method=method, params=params))


def an_answer(request_id: int) -> SessionMessage:
    return SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=request_id, result={}))

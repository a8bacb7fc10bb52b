"""A device that is lost to its process: another goes on in its place, and no client notices."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
import torch
from agents import SHORT, data
from faulty_server import BREAKS, FaultyEngine
from mcp import Client, StdioServerParameters
from test_recovery import a_request, a_studio, ended, killed

from ltx_mcp.engine.lost_device import loses_device
from ltx_mcp.errors import OutOfMemory, RenderFailed
from ltx_mcp.server.fresh_process import Left, left_by_the_one_before
from ltx_mcp.server.standard_input import StandardInput
from ltx_mcp.types import states

pytestmark = pytest.mark.anyio

LIMIT_S = 60.0
BREAKING = f"a red circle {BREAKS}"


def test_an_error_loses_the_device_if_cuda_calls_it_sticky(subtests: pytest.Subtests) -> None:
    said = "CUDA error: {}\nCUDA kernel errors might be asynchronously reported at some other API call."
    sticky = [
        "device-side assert triggered", "an illegal memory access was encountered", "unspecified launch failure",
        "misaligned address", "uncorrectable ECC error encountered", "the launch timed out and was terminated",
        "context is destroyed",
    ]  # fmt: skip
    with_code = torch.AcceleratorError("CUDA error")
    with_code.error_code = 719  # type: ignore[attr-defined]  # torch sets it where the error comes from a device
    broken = RenderFailed("The pipeline broke.")
    broken.__cause__ = torch.AcceleratorError(said.format(sticky[0]))
    for error in (*(torch.AcceleratorError(said.format(text)) for text in sticky), with_code, broken):
        with subtests.test(str(error)):
            assert loses_device(error)
    harmless = ["invalid argument", "out of memory", "no kernel image is available for execution on the device"]
    others = [
        OutOfMemory("Too large."),
        RuntimeError("device-side assert triggered"),
        ValueError(said.format(sticky[0])),
    ]
    for error in (*(torch.AcceleratorError(said.format(text)) for text in harmless), *others):
        with subtests.test(str(error)):
            assert not loses_device(error)


async def test_the_job_that_loses_the_device_is_tried_twice_more_and_those_that_wait_are_not_held_against_it(
    tmp_path: Path,
) -> None:
    faults = tmp_path / "faults"
    faults.write_text("3")
    jobs: list[str] = []
    data = tmp_path / "data"
    with anyio.fail_after(LIMIT_S):
        for life in range(3):
            async with a_studio(data, FaultyEngine(faults), max_queue=9) as studio:
                if not jobs:
                    jobs = [(await studio.start(a_request(prompt))).job_id for prompt in (BREAKING, "a blue square")]
                await studio.jobs.device_lost()
                assert studio.jobs.get(jobs[0]).has_ended is (life == 2)
                assert studio.jobs.get(jobs[1]).state == states.Running(), "no other is begun in this process"
                jobs.append((await studio.start(a_request(f"a green ring {life}"))).job_id)
            data = killed(data)  # with its process the lock of the device would go
        async with a_studio(data, FaultyEngine(faults), max_queue=9) as studio:
            lost, *others = [await ended(studio, job_id) for job_id in jobs]
            restarts = [studio.jobs.get(job_id).restarts for job_id in jobs]
    assert isinstance(lost, states.Failed)
    assert (lost.code, "dmesg" in lost.hint, "device-side assert" in lost.message) == ("device_lost", True, True)
    assert [state.status for state in others] == ["succeeded"] * 4
    assert restarts == [2, 0, 0, 0, 0]


async def test_what_was_not_read_as_a_line_is_left_to_whoever_reads_on() -> None:
    reads, writes = os.pipe()
    with anyio.fail_after(LIMIT_S):
        first = StandardInput(reads)
        os.write(writes, "one\ntwö\nthr".encode())
        assert [await anext(first) for _ in range(2)] == ["one", "twö"]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.to_thread.run_sync, first.stop)
            assert [line async for line in first] == []
        assert first.unread == b"thr"
        os.write(writes, b"ee\nfour\nfive")
        os.close(writes)
        assert [line async for line in StandardInput(reads, first.unread) if line] == ["three", "four", "five"]
    os.close(reads)


def a_faulty_server(folder: Path) -> StdioServerParameters:
    env = {**os.environ, "LTX_MCP_DATA_DIR": str(folder / "data"), "LTX_MCP_EMBEDDER": "stand-in"}
    script = [str(Path(__file__).with_name("faulty_server.py")), str(folder / "faults"), "serve"]
    return StdioServerParameters(command=sys.executable, args=script, env=env | {"LTX_MCP_LINGER_S": "0"})


@pytest.mark.slow
async def test_the_engine_goes_on_in_a_fresh_process_and_its_clients_wait_for_their_answers(tmp_path: Path) -> None:
    answers: dict[str, Any] = {}

    async def make(client: Client, prompt: str) -> None:
        answers[prompt] = data(await client.call_tool("generate_video", {**SHORT, "prompt": prompt}))

    faults, engine = tmp_path / "faults", tmp_path / "data" / "engine.json"
    prompts = [BREAKING, "a blue square", f"a green ring {BREAKS}"]
    with anyio.fail_after(LIMIT_S):
        async with Client(a_faulty_server(tmp_path)) as one, Client(a_faulty_server(tmp_path)) as two:
            faults.write_text("0")
            await one.call_tool("get_job", {})
            pids = [json.loads(engine.read_text())["pid"]]
            await two.call_tool("get_job", {})
            for fault, client, mine in (("1", one, prompts[:2]), ("3", two, prompts[2:])):
                faults.write_text(fault)
                async with anyio.create_task_group() as tasks:
                    for prompt in mine:
                        tasks.start_soon(make, client, prompt)
                assert faults.read_text() == "0"
            for client in (one, two):
                assert len(data(await client.call_tool("get_job", {}))["recent"]) == 3
            pids.append(json.loads(engine.read_text())["pid"])
    assert pids[0] == pids[1], "a host watches the process that it started"
    assert [answers[prompt]["status"] for prompt in prompts] == ["succeeded", "succeeded", "failed"]
    assert answers[prompts[2]]["error"]["code"] == "device_lost"
    with closing(sqlite3.connect(tmp_path / "data" / "jobs.sqlite")) as db:
        assert dict(db.execute("SELECT status, MAX(restarts) FROM jobs GROUP BY status")) == {
            "succeeded": 1,
            "failed": 2,
        }
    assert not engine.exists(), "no process is left"


@pytest.mark.slow
async def test_a_command_says_that_the_device_broke(tmp_path: Path) -> None:
    server = a_faulty_server(tmp_path)
    (tmp_path / "faults").write_text("1")
    command = [server.command, *server.args[:-1], "generate", BREAKING, "--duration", "0.5"]
    with anyio.fail_after(LIMIT_S):
        told = await anyio.run_process(command, env=server.env, check=False)
    assert told.returncode == 1
    last = told.stderr.decode().splitlines()[-1]
    assert "The device broke" in last or "The process that renders has ended" in last


@pytest.mark.slow
async def test_a_server_over_http_goes_on_at_the_same_address(tmp_path: Path) -> None:
    server = a_faulty_server(tmp_path)
    (tmp_path / "faults").write_text("1")
    command = [server.command, *server.args, "--http", "127.0.0.1:0"]
    with subprocess.Popen(command, env=server.env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            found = re.search(r"http://\S+", process.stderr.readline())
            assert found
            with anyio.fail_after(LIMIT_S):
                async with Client(found[0]) as agent:
                    await agent.list_tools()
                    told = data(await agent.call_tool("generate_video", {**SHORT, "prompt": BREAKING}))
                    assert told["status"] in ("queued", "running"), "it is left to the process that goes on"
                async with Client(found[0]) as agent:
                    job = {"job_id": told["job_id"]}
                    while (made := data(await agent.call_tool("get_job", job)))["status"] in ("queued", "running"):
                        pass
            assert made["status"] == "succeeded"
            assert json.loads((tmp_path / "data" / "engine.json").read_text())["pid"] == process.pid
        finally:
            process.terminate()


def test_no_child_of_the_fresh_process_has_its_lock_or_its_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)
        (tmp_path / "left").write_text(Left(lock=lock.fileno()).model_dump_json())
        monkeypatch.setenv("_LTX_MCP_LEFT", str(os.open(tmp_path / "left", os.O_RDONLY)))
        assert left_by_the_one_before().lock == lock.fileno()
        assert not os.get_inheritable(lock.fileno())
        assert left_by_the_one_before() == Left(), "nor does any hear of what was left"

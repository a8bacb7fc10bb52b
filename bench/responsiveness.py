"""How fast the server answers while it renders: get_job and tools/list by 1, 10 and 100 clients, against an idle one.

    python bench/responsiveness.py [--clients 1 10 100] [--calls 200] [--seconds 20] [--jobs 300] [--dry-run]

Real processes on stdio: the first owns the engine (the stand-in: its frames are drawn, moderated, encoded, embedded),
ten more are attached to it as other hosts would be, and the clients are shared out among them. Two kinds of load: each
client asks for both once a second, as one that polls does, at times fixed beforehand and counted from these; and each
asks again as soon as it is answered, which saturates the machine. Then `--jobs` short clips are made, and the owner's
resident memory after the last is compared with that after a tenth of them.
"""

import argparse
import itertools
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters

PROCESSES = 11
LONG = {"prompt": "a red circle", "duration_s": 20, "resolution": "540p", "wait_s": 0}
SHORT = {"prompt": "a red circle", "duration_s": 0.5, "quality": "draft", "resolution": "240p"}


def server(folder: str) -> StdioServerParameters:
    stand_ins = {"LTX_MCP_MODEL": "stand-in", "LTX_MCP_EMBEDDER": "stand-in", "LTX_MCP_SPEECH": "off"}
    stand_ins |= {"LTX_MCP_DOWNLOADS": "never", "LTX_MCP_LOG_LEVEL": "ERROR"}
    env = {**os.environ, "LTX_MCP_DATA_DIR": folder, **stand_ins}
    return StdioServerParameters(command=sys.executable, args=["-m", "ltx_mcp", "serve"], env=env)


class Answers:
    """Times of answers in milliseconds, of each kind of call."""

    def __init__(self, job_id: str) -> None:
        self._job_id = job_id
        self.times_ms: dict[str, list[float]] = {"get_job": [], "tools/list": []}

    async def get_job(self, host: Client, asked_s: float) -> None:
        await host.call_tool("get_job", {"job_id": self._job_id, "wait_s": 0})
        self.times_ms["get_job"].append((time.perf_counter() - asked_s) * 1000)

    async def tools(self, host: Client, asked_s: float) -> None:
        await host.session.list_tools()
        self.times_ms["tools/list"].append((time.perf_counter() - asked_s) * 1000)


async def without_pause(hosts: list[Client], clients: int, calls: int, job_id: str) -> Answers:
    """`calls` calls of each kind by so many clients, each of which asks as soon as it is answered."""
    answers = Answers(job_id)

    async def client(host: Client) -> None:
        for _ in range(max(calls // clients, 1)):
            await answers.get_job(host, time.perf_counter())
            await answers.tools(host, time.perf_counter())

    async with anyio.create_task_group() as tasks:
        for number in range(clients):
            tasks.start_soon(client, hosts[number % len(hosts)])
    return answers


async def once_a_second(hosts: list[Client], clients: int, seconds: int, job_id: str) -> Answers:
    """Each client asks for both once a second, whether it is answered or not. Answers count from when it was to ask."""
    answers, rng = Answers(job_id), random.Random(0)
    calls = (answers.get_job, answers.tools)
    asks = [(n + rng.random(), number, call) for number in range(clients) for n in range(seconds) for call in calls]
    began_s = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for at_s, number, call in sorted(asks, key=lambda each: each[0]):
            await anyio.sleep(max(began_s + at_s - time.perf_counter(), 0))
            tasks.start_soon(call, hosts[number % len(hosts)], began_s + at_s)
    return answers


def show(what: str, answers: Answers, idle: Answers | None) -> None:
    for name, each in answers.times_ms.items():
        p50, p99 = quantile(each, 0.5), quantile(each, 0.99)
        ratio = f", {p50 / quantile(idle.times_ms[name], 0.5):.1f} times idle" if idle else ""
        print(f"{what}, {name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms{ratio}", flush=True)


def quantile(values: list[float], part: float) -> float:
    return sorted(values)[int(len(values) * part)]


def resident_bytes(pid: int) -> int:
    return int((Path("/proc") / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def told(host: Client, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    result = await host.call_tool(tool, arguments)
    assert isinstance(result.structured_content, dict), result.content
    return result.structured_content


async def make(host: Client, arguments: dict[str, Any]) -> dict[str, Any]:
    return await told(host, "generate_video", arguments)


@asynccontextmanager
async def rendering(host: Client) -> AsyncGenerator[None]:
    """One long clip after another is made while the block runs."""
    job = await make(host, LONG)

    async def render() -> None:
        nonlocal job
        for seed in itertools.count():
            while job["status"] in ("queued", "running"):
                job = await told(host, "get_job", {"job_id": job["job_id"], "wait_s": 40})
            job = await make(host, {**LONG, "seed": seed})

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(render)
        yield
        tasks.cancel_scope.cancel()
    await told(host, "cancel_job", {"job_id": job["job_id"]})


async def main(clients: list[int], calls: int, seconds: int, jobs: int) -> None:
    print(f"command: {' '.join(sys.argv)}")
    print(f"machine: {platform.machine()}, {os.cpu_count()} cores")
    print(f"versions: Python {platform.python_version()}, mcp {version('mcp')}")
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        hosts = [await stack.enter_async_context(Client(server(folder))) for _ in range(min(PROCESSES, max(clients)))]
        owner = json.loads((Path(folder) / "engine.json").read_text(encoding="utf-8"))["pid"]
        done = (await make(hosts[0], SHORT))["job_id"]
        show("idle, the first calls of each process", await without_pause(hosts, len(hosts), 1, done), None)
        alone = await without_pause(hosts[:1], 1, calls, done)
        show("idle, the owner's own client", alone, None)
        show("idle, an attached one", await without_pause(hosts[-1:], 1, calls, done), alone)
        for count in clients:
            async with rendering(hosts[0]):
                polled = await once_a_second(hosts, count, seconds, done)
                show(f"rendering, {count} clients once a second", polled, alone)
                show(
                    f"rendering, {count} clients without a pause", await without_pause(hosts, count, calls, done), alone
                )
        early = 0
        for number in range(jobs):
            await make(hosts[0], {**SHORT, "seed": number})
            if number == jobs // 10:
                early = resident_bytes(owner)
        print(f"memory at job {jobs}: {resident_bytes(owner) / early:.3f} of that at job {jobs // 10} (target 1.05)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--dry-run", action="store_true", help="only check that every part works, in seconds")
    given = parser.parse_args()
    if given.dry_run:
        given.clients, given.calls, given.seconds, given.jobs = [2], 2, 1, 2
    anyio.run(main, given.clients, given.calls, given.seconds, given.jobs)

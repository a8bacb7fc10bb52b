"""Time from spawn to the answer of tools/list: our server against a bare SDK server with one tool, in one run.

    python bench/startup.py [--runs 15] [--dry-run]

Both are real child processes on stdio, started in turn, so that a drift of the machine's speed hits both alike.
The first pair warms the disk cache and is not counted. `--dry-run` is that first pair alone.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from importlib.metadata import version

import anyio
from mcp import Client, StdioServerParameters

BARE = """
from mcp.server.mcpserver import MCPServer
server = MCPServer("bare")
@server.tool()
async def add(a: int, b: int) -> int:
    return a + b
server.run()
"""


async def tools_list_s(args: list[str], data_dir: str) -> float:
    """Seconds from spawning `python args` to the answer of tools/list."""
    env = {**os.environ, "LTX_MCP_DATA_DIR": data_dir}
    start = time.perf_counter()
    async with Client(StdioServerParameters(command=sys.executable, args=args, env=env)) as client:
        await client.list_tools()
        return time.perf_counter() - start


async def main(runs: int, warm_up: int) -> None:
    print(f"command: {' '.join(sys.argv)}")
    print(f"machine: {platform.machine()}, {os.cpu_count()} cores")
    print(f"versions: Python {platform.python_version()}, mcp {version('mcp')}, pydantic {version('pydantic')}")
    ours: list[float] = []
    bare: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(warm_up + runs):
            ours.append(await tools_list_s(["-m", "ltx_mcp", "serve"], folder))
            bare.append(await tools_list_s(["-c", BARE], folder))
    ratios = [mine / theirs for mine, theirs in zip(ours[warm_up:], bare[warm_up:], strict=True)]
    for name, times in (("ltx-mcp serve", ours[warm_up:]), ("bare server", bare[warm_up:])):
        print(f"{name}: median {statistics.median(times):.3f} s (min {min(times):.3f}, max {max(times):.3f})")
    print(f"ratio: median {statistics.median(ratios):.2f} over {runs} pairs (target 1.25)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--dry-run", action="store_true", help="only check that every part works, in seconds")
    given = parser.parse_args()
    anyio.run(main, *((1, 0) if given.dry_run else (given.runs, 1)))

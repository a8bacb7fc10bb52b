"""Drive the installed command over stdio from the current folder, as a host would. Not a pytest file: CI runs it
from a folder that holds hostile `tools/` and `index/`, with the wheel and nothing of the source tree installed."""

import os
import subprocess
import sys
from pathlib import Path

import anyio
from mcp import Client, StdioServerParameters

import ltx_mcp

COMMAND = Path(sys.executable).parent / "ltx-mcp"


async def main() -> None:
    assert "site-packages" in ltx_mcp.__file__, ltx_mcp.__file__
    subprocess.run([COMMAND, "--version"], check=True, timeout=60)
    subprocess.run([sys.executable, "-m", "ltx_mcp", "clips", "--json"], check=True, timeout=60)
    with anyio.fail_after(240):
        async with Client(StdioServerParameters(command=str(COMMAND), args=["serve"], env=dict(os.environ))) as agent:
            tools = {tool.name for tool in (await agent.list_tools()).tools}
            assert {"generate_video", "search_clips", "get_job", "cancel_job"} <= tools, tools
            arguments = {"prompt": "a lighthouse in the fog", "duration_s": 0.5, "quality": "draft"}
            job = (await agent.call_tool("generate_video", arguments)).structured_content
            while job["status"] in ("queued", "running"):
                job = (await agent.call_tool("get_job", {"job_id": job["job_id"]})).structured_content
            assert Path(job["clip"]["path"]).is_file(), job
            found = (await agent.call_tool("search_clips", {"query": "foggy lighthouse"})).structured_content
            assert found["moments"][0]["clip_id"] == job["clip"]["clip_id"], found
    sys.stdout.write("the installed wheel works\n")


if __name__ == "__main__":
    anyio.run(main)

"""`ltx-mcp install`: a host's own file gets our entry, and loses nothing."""

import json
import os
import re
import shlex
import stat
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import anyio
import pytest
from mcp import Client, StdioServerParameters
from test_cli import run

from ltx_mcp.cli.hosts import host
from ltx_mcp.cli.install_options import HostName
from ltx_mcp.errors import BadInput
from ltx_mcp.http.address import Address
from ltx_mcp.http.app import MCP_PATH

HOSTS = (Path(__file__).parent.parent / "docs" / "hosts.md").read_text(encoding="utf-8")
OTHERS = {"mcpServers": {"other": {"command": "node"}}, "theme": "dark", "letters": "\u00e9\u732b"}
PLACES = {
    "claude-code": (".claude.json",) * 3,
    "claude-desktop": (
        ".config/Claude/claude_desktop_config.json",
        "Library/Application Support/Claude/claude_desktop_config.json",
        "AppData/Roaming/Claude/claude_desktop_config.json",
    ),
    "cursor": (".cursor/mcp.json",) * 3,
    "vscode": (
        ".config/Code/User/mcp.json",
        "Library/Application Support/Code/User/mcp.json",
        "AppData/Roaming/Code/User/mcp.json",
    ),
    "codex": (".codex/config.toml",) * 3,
    "lmstudio": (".lmstudio/mcp.json",) * 3,
}


def install(home: Path, *arguments: str) -> dict[str, Any]:
    cleared = dict.fromkeys(("CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_CONFIG_HOME"), "")
    done = run(home / "data", "install", *arguments, "--json", HOME=str(home), **cleared)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def servers(file: Path) -> dict[str, Any]:
    text = file.read_text(encoding="utf-8")
    whole = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    found: dict[str, Any] = next(whole[key] for key in ("mcpServers", "servers", "mcp_servers") if key in whole)
    return found


@pytest.mark.parametrize("name", get_args(HostName))
def test_each_host_keeps_its_servers_where_it_looks_for_them(name: HostName) -> None:
    home = Path("/home/anna")
    found = [host(name, {"HOME": str(home)}, platform).file for platform in ("linux", "darwin", "win32")]
    assert [str(file.relative_to(home)) for file in found] == list(PLACES[name])


@pytest.mark.parametrize("name", get_args(HostName))
def test_a_host_learns_of_the_server_once_and_forgets_it_again(tmp_path: Path, name: HostName) -> None:
    file = tmp_path / PLACES[name][0]
    first, again = (install(tmp_path, name, "--yes", "--roots", "/films") for _ in range(2))
    assert (first["file"], first["changed"], first["backup"]) == (str(file), True, None)
    assert (again["changed"], again["backup"]) == (False, None)
    entry = servers(file)["ltx"]
    assert Path(entry["command"]).is_absolute()
    assert entry["args"] == ["-m", "ltx_mcp", "serve"]
    assert json.loads(entry["env"]["LTX_MCP_ROOTS"]) == ["/films"]
    assert entry["env"]["LTX_MCP_DATA_DIR"] == str(tmp_path / "data")
    assert install(tmp_path, name, "--remove", "--yes")["changed"]
    assert "ltx" not in file.read_text(encoding="utf-8")
    assert not install(tmp_path, name, "--remove", "--yes")["changed"]


def test_all_else_in_a_file_stays_and_the_file_as_it_was_is_kept(tmp_path: Path) -> None:
    real, file = tmp_path / "dotfiles.json", tmp_path / ".claude.json"
    real.write_text(json.dumps(OTHERS), encoding="utf-8")
    real.chmod(0o640)
    file.symlink_to(real)
    told = install(tmp_path, "claude-code", "--yes")
    assert Path(told["backup"]).read_text(encoding="utf-8") == json.dumps(OTHERS)
    assert (file.is_symlink(), stat.S_IMODE(real.stat().st_mode)) == (True, 0o640)
    assert servers(file)["ltx"]["type"] == "stdio"
    install(tmp_path, "claude-code", "--remove", "--yes")
    assert json.loads(file.read_text(encoding="utf-8")) == OTHERS
    commented = '# mine\nmodel = "x" # the good one\n\n[mcp_servers.other]\ncommand = "node"\n'
    codex = tmp_path / ".codex" / "config.toml"
    codex.parent.mkdir()
    codex.write_text(commented, encoding="utf-8")
    install(tmp_path, "codex", "--yes")
    assert codex.read_text(encoding="utf-8").startswith(commented)
    install(tmp_path, "codex", "--remove", "--yes")
    assert codex.read_text(encoding="utf-8").strip() == commented.strip()


def test_nothing_is_changed_without_a_yes_or_where_a_file_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / ".cursor" / "mcp.json"
    asked = run(tmp_path / "data", "install", "cursor", HOME=str(tmp_path))
    assert (asked.returncode, file.exists()) == (2, False)
    assert "--yes" in asked.stderr
    assert '+    "ltx": {' in asked.stderr, "the change is shown"
    file.parent.mkdir()
    for text in ('{"mcpServers": {}, // mine\n}', "[]", '{"mcpServers": []}', '{"mcpServers": "x"}'):
        file.write_text(text, encoding="utf-8")
        refused = run(tmp_path / "data", "install", "cursor", "--yes", HOME=str(tmp_path))
        assert (refused.returncode, file.read_text(encoding="utf-8")) == (2, text)
        assert "under mcpServers" in refused.stderr
    with pytest.raises(BadInput):
        host("codex", {"HOME": str(tmp_path)}).changed("a = = b", {"command": "x"})


def entries_of_the_document() -> list[dict[str, Any]]:
    """How the blocks of docs/hosts.md, and its line for Claude Code, have a host start the server."""
    tables = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", HOSTS, re.DOTALL)]
    tables += [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", HOSTS, re.DOTALL)]
    entries = [entry for table in tables for server in table.values() for entry in server.values()]
    [line] = re.findall(r"`claude mcp add ltx -- (.*?)`", HOSTS)
    command, *arguments = shlex.split(line)
    return [*entries, {"command": command, "args": arguments}]


def test_the_document_has_an_entry_for_every_kind_of_host() -> None:
    kinds = [set(entry) for entry in entries_of_the_document()]
    assert sum("command" in kind for kind in kinds) == 4
    [http] = [entry for entry in entries_of_the_document() if "url" in entry]
    assert http["url"] == f"http://{Address()}{MCP_PATH}"
    assert not [name for name in get_args(HostName) if host(name, {}).label not in HOSTS]


@pytest.mark.slow
def test_what_a_host_is_told_starts_the_server(tmp_path: Path) -> None:
    install(tmp_path, "claude-desktop", "--yes")
    written = servers(tmp_path / PLACES["claude-desktop"][0])["ltx"]
    entries = [written, *(entry for entry in entries_of_the_document() if "command" in entry)]
    starts = {(entry["command"], *entry["args"]) for entry in entries}
    assert len(starts) == 2, "by its path, and by its name"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {"PATH": path, **written["env"]}  # what a host with a window has

    async def count(command: str, arguments: Sequence[str]) -> int:
        with anyio.fail_after(120):
            async with Client(StdioServerParameters(command=command, args=[*arguments], env=env)) as client:
                return len((await client.list_tools()).tools)

    for command, *arguments in starts:
        assert anyio.run(count, command, arguments) > 10

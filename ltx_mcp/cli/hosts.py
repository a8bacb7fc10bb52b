"""MCP hosts: in which file each keeps its servers, under which key, and what an entry of ours is there.

Places are those of each host's own documentation, of November 2026.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from ltx_mcp.cli.install_options import HostName
from ltx_mcp.errors import BadInput

NAME = "ltx"  # of our server in every host


@dataclass(frozen=True)
class Host:
    """`key` is that of the table of servers; `typed` whether an entry says that it is on stdio."""

    label: str
    file: Path
    key: str = "mcpServers"
    typed: bool = False

    def changed(self, text: str, entry: Mapping[str, Any] | None) -> str:
        """The host's file with our entry or without it; all else stays. Raises BadInput for one that cannot be read."""
        is_toml = self.file.suffix == ".toml"
        try:
            table: Any = tomlkit.parse(text) if is_toml else json.loads(text or "{}")
            servers = table.setdefault(self.key, {})
            if entry is None:
                servers.pop(NAME, None)
            else:
                servers[NAME] = {**({"type": "stdio"} if self.typed else {}), **entry}
        except (ValueError, TOMLKitError, AttributeError, TypeError) as error:
            hint = f"Write it there yourself, under {self.key}: {json.dumps({NAME: entry})}" if entry else ""
            raise BadInput(f"{self.file} cannot be changed without a loss: {error}.", hint) from None
        if not servers:
            del table[self.key]
        return tomlkit.dumps(table) if is_toml else json.dumps(table, indent=2, ensure_ascii=False) + "\n"


def host(name: HostName, environ: Mapping[str, str], platform: str = sys.platform) -> Host:
    """Where this host keeps its servers on this machine."""
    home = Path(environ.get("HOME") or environ.get("USERPROFILE") or Path.home())
    match platform:
        case "darwin":
            programs = home / "Library" / "Application Support"
        case "win32":
            programs = Path(environ.get("APPDATA") or home / "AppData" / "Roaming")
        case _:
            programs = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    match name:
        case "claude-code":
            return Host("Claude Code", Path(environ.get("CLAUDE_CONFIG_DIR") or home) / ".claude.json", typed=True)
        case "claude-desktop":
            return Host("Claude Desktop", programs / "Claude" / "claude_desktop_config.json")
        case "cursor":
            return Host("Cursor", home / ".cursor" / "mcp.json")
        case "vscode":
            return Host("VS Code", programs / "Code" / "User" / "mcp.json", key="servers", typed=True)
        case "codex":
            return Host("Codex", Path(environ.get("CODEX_HOME") or home / ".codex") / "config.toml", key="mcp_servers")
        case "lmstudio":
            return Host("LM Studio", home / ".lmstudio" / "mcp.json")


def our_entry(environ: Mapping[str, str], roots: Sequence[Path]) -> dict[str, Any]:
    """How a host starts this very installation, with the settings that are set here.

    By its absolute path, for hosts with a window know no PATH of a shell; one that uvx keeps in its cache, by uvx.
    """
    settings = {name: value for name, value in environ.items() if name.startswith("LTX_MCP_")}
    if roots:
        settings["LTX_MCP_ROOTS"] = json.dumps([str(root.expanduser().absolute()) for root in roots])
    is_in_cache = any(part.startswith("archive-v") for part in Path(sys.prefix).parts)
    start = ("uvx", ["ltx-mcp", "serve"]) if is_in_cache else (sys.executable, ["-m", "ltx_mcp", "serve"])
    return {"command": start[0], "args": start[1], **({"env": dict(sorted(settings.items()))} if settings else {})}

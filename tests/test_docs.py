"""What the documents promise is what is there."""

import re
import tomllib
from pathlib import Path

from ltx_mcp.cli.main import _parser
from ltx_mcp.settings import PREFIX, Settings
from ltx_mcp.tools import TOOLS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_ci_runs_exactly_the_readmes_test_command() -> None:
    [command] = [line for line in README.splitlines() if line.endswith("uv run pytest")]
    steps = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert command in steps
    assert ".uv/bin/uv run pytest -m slow" in steps, "and what that command leaves out"


def test_every_tool_stands_in_the_readmes_table_and_no_other() -> None:
    table = README.split("## Tools")[1].split("##")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [tool.name for tool in TOOLS]


def test_every_setting_is_documented_and_no_other() -> None:
    documented = set(re.findall(rf"{PREFIX}\w+", README.split("## Settings")[1]))
    assert documented == {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}


def test_every_command_is_named_in_the_readme() -> None:
    named = set(re.findall(r"[a-z]+", " ".join(re.findall(r"`ltx-mcp ([a-z |]+)`", README)))) | {"demo"}
    assert "uv run ltx-mcp demo" in README
    for action in _parser()._subparsers._group_actions:  # type: ignore[union-attr]
        assert action.choices
        assert set(action.choices) <= named


def test_the_changelog_names_every_tool() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert not [tool.name for tool in TOOLS if tool.name not in text]


def test_the_architecture_names_every_room() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    rooms = {package.split(".")[1] for package in packages if "." in package}
    assert not [room for room in sorted(rooms) if f"`{room}/`" not in text]

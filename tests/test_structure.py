"""The shape of the code itself: imports point downward, nothing is mocked, nothing heavy loads early."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = {"ltx_mcp": ROOT / "ltx_mcp", "ltx_mcp.tools": ROOT / "tools", "ltx_mcp.index": ROOT / "index"}

# Each room and the rooms it may import from, as in docs/architecture.md. A room is a package, or a module of the root.
MAY_IMPORT = {
    "errors": set(),
    "settings": {"errors"},
    "types": {"errors"},
    "media": {"types", "errors"},
    "typeset": {"media", "types", "errors"},
    "micro": {"engine", "media", "types", "errors"},  # engine: training alone
    "engine": {"micro", "media", "types", "errors"},
    "controls": {"engine", "media", "types", "errors"},
    "moderation": {"media", "types", "errors"},
    "index": {"media", "types", "errors"},
    "jobs": {"engine", "types", "errors"},
    "archive": {"jobs", "index", "media", "engine", "types", "errors"},
    "edit": {"typeset", "media", "types", "errors"},
    "preparation": {
        "edit", "typeset", "archive", "jobs", "controls", "moderation", "index", "engine", "media", "types", "errors",
        "__version__",
    },
    "studio": {
        "preparation", "archive", "jobs", "controls", "moderation", "index", "engine", "media", "types", "errors",
    },
}  # fmt: skip
TOP = {"tools", "compose", "server", "cli", "__main__", ""}
HEAVY = {"numpy", "torch", "diffusers", "transformers", "open_clip", "lancedb", "pyarrow", "onnxruntime", "PIL"}


def modules() -> list[tuple[str, Path]]:
    found = []
    for package, folder in FOLDERS.items():
        for path in sorted(folder.rglob("*.py")):
            inside = path.relative_to(folder)
            if package == "ltx_mcp" and inside.parts[0] in ("tools", "index"):
                continue
            found.append((".".join([package, *inside.with_suffix("").parts]).removesuffix(".__init__"), path))
    return found


def imported(path: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += (
                [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "ltx_mcp" else [node.module]
            )
    return names


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_point_downward(module: str, path: Path) -> None:
    here = room(module)
    if here in TOP:
        return
    assert here in MAY_IMPORT, f"{module} is a new room: say in docs/architecture.md and here what it may import"
    rooms = {room(name) for name in imported(path) if name.split(".")[0] == "ltx_mcp"}
    assert rooms - {here} <= MAY_IMPORT[here]


@pytest.mark.parametrize("top", ["tools", "compose", "server", "cli"])
def test_nothing_below_imports_the_top(top: str) -> None:
    order = ["studio", "tools", "server", "compose", "cli"]
    above = set(order[order.index(top) + 1 :])
    for module, path in modules():
        if room(module) == top:
            rooms = {room(name) for name in imported(path) if name.split(".")[0] == "ltx_mcp"}
            assert not rooms & above, f"{module} imports {rooms & above}"


def test_nothing_is_mocked() -> None:
    banned = ("unittest.mock", "MagicMock", "mocker.", "monkeypatch.setattr")
    for path in (ROOT / "tests").glob("*.py"):
        if path.name != Path(__file__).name:
            text = path.read_text(encoding="utf-8")
            assert not [word for word in banned if word in text], path.name


def test_importing_the_server_loads_nothing_heavy() -> None:
    code = f"import sys, ltx_mcp.cli.main, ltx_mcp.server.server; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_every_package_is_listed_for_the_wheel() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    packages = {module for module, path in modules() if path.name == "__init__.py"}
    assert listed == packages - {"ltx_mcp.micro.training"}


def test_the_root_folders_are_real_and_the_links_point_at_them() -> None:
    for name in ("tools", "index"):
        assert not (ROOT / name).is_symlink()
        assert (ROOT / "ltx_mcp" / name).resolve() == ROOT / name


def test_no_module_prints() -> None:
    for module, path in modules():
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        assert not [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"], module

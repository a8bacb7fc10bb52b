"""The shape of the code itself: imports point downward, nothing is mocked, nothing heavy loads early."""

import ast
import re
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = {"ltx_mcp": ROOT / "ltx_mcp", "ltx_mcp.tools": ROOT / "tools", "ltx_mcp.index": ROOT / "index"}

# Each room and the rooms it may import from, as in docs/architecture.md. A room is a package, or a module of the root.
MAY_IMPORT = {
    "errors": set(),
    "private_files": set(),
    "licences": set(),
    "page": set(),
    "settings": {"licences", "errors"},
    "types": {"errors"},
    "media": {"types", "errors"},
    "typeset": {"media", "types", "errors"},
    "hub": {"types", "errors"},
    "micro": {"engine", "media", "types"},  # engine: training alone
    "engine": {"micro", "hub", "media", "types", "errors"},
    "controls": {"hub", "media", "types", "errors"},
    "moderation": {"hub", "media", "types", "errors", "private_files"},
    "watermark": {"media", "types", "errors", "private_files"},
    "provenance": {"media", "types", "errors", "private_files", "__version__"},
    "narration": {"hub", "types", "errors"},
    "transcription": {"hub", "media", "types", "errors"},
    "index": {"hub", "media", "types", "errors"},
    "jobs": {"engine", "types", "errors", "private_files"},
    "archive": {"jobs", "index", "transcription", "provenance", "media", "engine", "types", "errors"},
    "edit": {"media", "types", "errors"},
    "preparation": {
        "edit", "typeset", "archive", "jobs", "controls", "moderation", "narration", "provenance", "watermark",
        "index", "engine", "media", "types", "errors", "__version__",
    },
    "studio": {
        "preparation", "archive", "jobs", "controls", "moderation", "narration", "provenance", "watermark",
        "index", "engine", "media", "licences", "types", "errors",
    },
}  # fmt: skip
TOP = {"tools", "compose", "parts", "server", "http", "cli", "__main__", ""}
HEAVY = {"numpy", "torch", "diffusers", "transformers", "open_clip", "lancedb", "pyarrow", "onnxruntime", "PIL", "c2pa"}


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


def rooms_used(path: Path) -> set[str]:
    return {room(name) for name in imported(path) if name.split(".")[0] == "ltx_mcp"}


def test_imports_point_downward() -> None:
    rooms = {room(module) for module, _ in modules()}
    assert rooms - TOP <= set(MAY_IMPORT), "a new room: say in docs/architecture.md and here what it may import"
    upward = {
        module: forbidden
        for module, path in modules()
        if (here := room(module)) not in TOP and (forbidden := rooms_used(path) - {here} - MAY_IMPORT[here])
    }
    assert not upward


def test_every_arrow_of_the_architecture_is_an_import() -> None:
    used: dict[str, set[str]] = {}
    for module, path in modules():
        used.setdefault(room(module), set()).update(rooms_used(path))
    chart = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```mermaid")[1].split("```")[0]
    lines = [re.findall(r"(\w+)(?:\[.*?\])?(?= -->|$)", line) for line in chart.splitlines() if "-->" in line]
    arrows = [arrow for rooms in lines for arrow in pairwise(rooms)]
    assert {"watermark", "transcription", "page", "hub"} <= {below for _, below in arrows}
    assert not [(above, below) for above, below in arrows if below not in used[above]]


def test_nothing_below_imports_the_top() -> None:
    order = ["studio", "tools", "server", "http", "parts", "compose", "cli"]
    upward = {
        module: forbidden
        for module, path in modules()
        if (here := room(module)) in order and (forbidden := rooms_used(path) & set(order[order.index(here) + 1 :]))
    }
    assert not upward


def test_nothing_is_mocked() -> None:
    banned = ("unittest.mock", "MagicMock", "mocker.", "monkeypatch.setattr")
    texts = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("*.py")}
    del texts[Path(__file__).name]
    assert not {name: word for name, text in texts.items() for word in banned if word in text}


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
    assert not [module for module, path in modules() if "print" in called(path)]


def called(path: Path) -> set[str]:
    """The plain names that a module calls."""
    calls = [node.func for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    return {name.id for name in calls if isinstance(name, ast.Name)}

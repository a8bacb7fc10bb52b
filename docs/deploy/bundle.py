"""Make the bundle that Claude Desktop installs with one click (MCPB 0.4, run by uv): `bundle.py OUT.mcpb`.

It holds the manifest beside it and the package's sources; the host's uv fetches what they depend on.
"""

import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FILES = ("pyproject.toml", "README.md", "LICENSE")
FOLDERS = ("ltx_mcp", "tools", "index")
LEFT_OUT = {"__pycache__", "training"}  # the makers of the micro model are not in the wheel either


def build(out: Path) -> Path:
    """Write the bundle there. The same sources give the same bytes but for the times of files."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.write(HERE / "manifest.json", "manifest.json")
        for file in sorted(sources()):
            bundle.write(file, file.relative_to(ROOT).as_posix())
    return out


def sources() -> Iterator[Path]:
    """Of the package, without the links in it that type checkers follow: the build maps the folders themselves."""
    yield from (ROOT / name for name in FILES)
    for folder in FOLDERS:
        for file in (ROOT / folder).rglob("*"):
            inside = file.relative_to(ROOT)
            is_linked = any((ROOT / parent).is_symlink() for parent in inside.parents)
            if file.is_file() and not is_linked and not LEFT_OUT & set(inside.parts):
                yield file


if __name__ == "__main__":
    sys.stdout.write(f"{build(Path(sys.argv[1]))}\n")

"""Print the exact versions of pyproject's [tool.uv] table as a constraints file."""

import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"

if __name__ == "__main__":
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    sys.stdout.write("\n".join(project["tool"]["uv"]["constraint-dependencies"]) + "\n")

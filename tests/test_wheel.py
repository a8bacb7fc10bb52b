"""What the wheel holds: these packages with all their modules, these data files, and nothing else."""

import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {
    "ltx_mcp", "ltx_mcp/archive", "ltx_mcp/cli", "ltx_mcp/controls", "ltx_mcp/edit", "ltx_mcp/engine",
    "ltx_mcp/engine/diffusers_ltx", "ltx_mcp/engine/lora", "ltx_mcp/engine/plan", "ltx_mcp/engine/weights",
    "ltx_mcp/http", "ltx_mcp/hub", "ltx_mcp/index", "ltx_mcp/jobs", "ltx_mcp/media", "ltx_mcp/micro",
    "ltx_mcp/moderation", "ltx_mcp/narration", "ltx_mcp/page", "ltx_mcp/preparation", "ltx_mcp/provenance",
    "ltx_mcp/server", "ltx_mcp/studio", "ltx_mcp/tools", "ltx_mcp/transcription", "ltx_mcp/types", "ltx_mcp/typeset",
    "ltx_mcp/watermark",
}  # fmt: skip
NOT_SHIPPED = {"ltx_mcp/micro/training"}
WEIGHTS = (
    "text", "text_encoder", "connectors", "transformer", "vae", "audio_vae", "vocoder", "latent_upsampler",
    "temporal_upsampler",
)  # fmt: skip
DATA = {
    "ltx_mcp/py.typed",
    "ltx_mcp/moderation/policy.toml",
    "ltx_mcp/moderation/confusables.txt",
    "ltx_mcp/moderation/UNICODE-LICENCE.txt",
    *(f"ltx_mcp/page/*.{kind}" for kind in ("html", "css", "js", "svg")),
    "ltx_mcp/typeset/OFL.txt",
    "ltx_mcp/typeset/fonts/*.ttf",
    "ltx_mcp/micro/shapes_clip/*",
    *(f"ltx_mcp/micro/weights/{part}/*" for part in WEIGHTS),
}


def test_the_packages_that_are_listed_are_these() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert {name.replace(".", "/") for name in project["tool"]["setuptools"]["packages"]} == PACKAGES


@pytest.mark.slow
def test_the_wheel_holds_these_packages_and_data_and_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in ("ltx_mcp", "tools", "index"):
        ignored = shutil.ignore_patterns("__pycache__", *(["tools", "index"] if name == "ltx_mcp" else []))
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path / "dist"), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)  # sdist, wheel from it
    assert done.returncode == 0, done.stdout + done.stderr
    [wheel] = (tmp_path / "dist").glob("*.whl")
    names = {name for name in ZipFile(wheel).namelist() if not name.split("/")[0].endswith(".dist-info")}
    modules = {name for name in names if name.endswith(".py")}
    assert {name.rpartition("/")[0] for name in modules} == PACKAGES
    assert modules == {name for name in in_the_tree() if name.rpartition("/")[0] not in NOT_SHIPPED}
    files = names - modules
    assert not [name for name in files if not any(fnmatch(name, pattern) for pattern in DATA)]
    assert not [pattern for pattern in DATA if not any(fnmatch(name, pattern) for name in files)]


def in_the_tree() -> set[str]:
    """Every module, by its name in the wheel."""
    folders = {"ltx_mcp": ROOT / "ltx_mcp", "ltx_mcp/tools": ROOT / "tools", "ltx_mcp/index": ROOT / "index"}
    return {
        f"{package}/{path.relative_to(folder).as_posix()}"
        for package, folder in folders.items()
        for path in folder.rglob("*.py")
    }

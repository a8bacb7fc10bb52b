"""Which model to use, and why: families known by name, and what must hold before anything is downloaded.

Revisions: the commits of these repositories could not be looked up when this was written, so they read "main",
which moves. Replace each with the commit that was tried as soon as one has been.
"""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from ltx_mcp.engine.decode import GPU_WINDOWS
from ltx_mcp.engine.memory import GB, Machine, pick
from ltx_mcp.engine.source import UPSAMPLER_BYTES, DiffusersSource, MicroSource, ModelInfo, ModelSource, folder_source
from ltx_mcp.errors import ModelUnavailable

LICENCE = "LTX-2 Community License (free of charge below US$10M of yearly revenue; not Apache-2.0)"
LICENCE_URL = "https://github.com/Lightricks/LTX-2/blob/main/LICENSE"
LTX_2_3_BYTES = 70_520_000_000  # two bytes for each of its 35.26 billion parameters, all components counted


@dataclass(frozen=True)
class Family:
    """A model known by name: two repositories in diffusers' layout, their sizes, and the licence to accept first."""

    name: str
    repo: str
    about: str
    revision: str = "main"
    upsampler_repo: str = "rootonchair/LTX-2.3-spatial-upscaler-x2-v1.1-Diffusers"
    upsampler_revision: str = "main"
    weights_bytes: int = LTX_2_3_BYTES
    device_bytes: int = 15 * GB
    licence: str = LICENCE
    licence_url: str = LICENCE_URL

    @property
    def download_bytes(self) -> int:
        return self.weights_bytes + UPSAMPLER_BYTES


FAMILIES = (
    Family("ltx-2.3", "diffusers/LTX-2.3-Distilled-Diffusers", "LTX-2.3 distilled, the diffusers team's conversion"),
    Family(
        "ltx-2.3-v1.1",
        "rootonchair/LTX-2.3-Distilled-v1.1-Diffusers",
        "LTX-2.3 distilled v1.1, a private conversion of newer weights with cleaner endings",
    ),
)
DEFAULT = FAMILIES[0]


@dataclass(frozen=True)
class Hub:
    """The local side of the Hugging Face hub: its cache folder, and whether it may be asked at all."""

    cache: Path
    offline: bool = False

    def cached_bytes(self, repo: str) -> int:
        """Bytes of this repository already here, whole or partial files."""
        blobs = self.cache / f"models--{repo.replace('/', '--')}" / "blobs"
        return sum(file.stat().st_size for file in blobs.iterdir()) if blobs.is_dir() else 0

    def free_bytes(self) -> int:
        folder = self.cache
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free


def local_hub(environment: dict[str, str] | None = None) -> Hub:
    """As Hugging Face's own variables say: HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME and HF_HUB_OFFLINE."""
    env = dict(os.environ) if environment is None else environment
    base = env.get("XDG_CACHE_HOME", "~/.cache")
    home = env.get("HF_HOME", f"{base}/huggingface")
    cache = Path(env.get("HF_HUB_CACHE", f"{home}/hub")).expanduser()
    return Hub(cache, env.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"})


@dataclass(frozen=True)
class Choice:
    """The model that will be used, and the reason in words, for `doctor`."""

    source: ModelSource
    reason: str


def choose(model: str, accepted_licence: bool, machine: Machine, hub: Hub) -> Choice:
    """Decide by the setting LTX_MCP_MODEL: `auto`, `micro`, a family, a folder or a repository id.

    `auto` takes LTX-2.3 where it can run and its licence was accepted, and else the micro model. Anything named is
    honoured or refused with ModelUnavailable. Nothing is loaded or downloaded here.
    """
    if model == "auto":
        return _automatic(accepted_licence, machine, hub)
    if model == "micro":
        return Choice(MicroSource(), "LTX_MCP_MODEL names the micro model.")
    for family in FAMILIES:
        if model == family.name:
            return Choice(_from_hub(family, accepted_licence, hub), f"LTX_MCP_MODEL names {family.name}.")
    folder = Path(model).expanduser()
    if folder.is_dir() or folder.is_absolute():
        return Choice(folder_source(folder), f"LTX_MCP_MODEL names the folder {folder}.")
    if re.fullmatch(r"[\w.-]+/[\w.-]+", model):
        family = Family(model, model, "a repository named by its id", licence="the licence on its page, and " + LICENCE)
        return Choice(_from_hub(family, accepted_licence, hub), f"LTX_MCP_MODEL names the repository {model}.")
    names = ", ".join(["auto", "micro", *(family.name for family in FAMILIES)])
    raise ModelUnavailable(f"There is no model {model!r}.", f"LTX_MCP_MODEL is {names}, a repository id or a folder.")


def _automatic(accepted_licence: bool, machine: Machine, hub: Hub) -> Choice:
    if machine.cuda_bytes is None:
        return Choice(MicroSource(), "There is no CUDA device, so the micro model is used.")
    try:
        policy = pick("cuda", machine, DEFAULT.weights_bytes)
        source = _from_hub(DEFAULT, accepted_licence, hub)
    except ModelUnavailable as obstacle:
        return Choice(MicroSource(), f"The micro model is used. {obstacle.message} {obstacle.hint}")
    memory = f"{machine.cuda_bytes / GB:.0f} GB of device memory"
    return Choice(source, f"{DEFAULT.about}: {memory} (policy {policy.name}), and its licence was accepted.")


def _from_hub(family: Family, accepted_licence: bool, hub: Hub) -> DiffusersSource:
    """The family's source, once nothing stands between it and the download."""
    if not accepted_licence:
        raise ModelUnavailable(
            f"The weights of {family.name} are under the {family.licence}.",
            f"Read {family.licence_url}, then set LTX_MCP_ACCEPT_LICENCE=1. Nothing is downloaded before.",
        )
    _check_download(family, hub)
    info = ModelInfo(
        name=family.name,
        label=f"{family.about}.",
        default_resolution="720p",
        trained_short_side=1080,  # its rotary positions cover 2048 pixels a side: 1080p wide, not 1440p
        weights_bytes=family.weights_bytes,
        windows=GPU_WINDOWS,
        licence=f"{family.licence}, {family.licence_url}",
    )
    return DiffusersSource(
        info,
        family.repo,
        family.revision,
        upsampler=family.upsampler_repo,
        upsampler_revision=family.upsampler_revision,
    )


def _check_download(family: Family, hub: Hub) -> None:
    cached = {repo: hub.cached_bytes(repo) for repo in (family.repo, family.upsampler_repo)}
    missing = family.download_bytes - sum(cached.values())
    if hub.offline and not all(cached.values()):
        raise ModelUnavailable(
            f"{family.name} is not in {hub.cache}, and HF_HUB_OFFLINE forbids fetching it.",
            "Unset HF_HUB_OFFLINE for the first start, or point LTX_MCP_MODEL at a folder.",
        )
    if not hub.offline and missing > hub.free_bytes():
        raise ModelUnavailable(
            f"{family.name} needs {missing / GB:.1f} GB more in {hub.cache}; {hub.free_bytes() / GB:.1f} GB are free.",
            "Make room, or point HF_HOME at a larger disk.",
        )

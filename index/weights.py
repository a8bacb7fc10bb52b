"""Where an embedder's weights are: the embedded checkpoint, a folder, a file, or an open_clip tag of the hub.

open_clip itself would load random weights with no more than a log line where it finds none, and without a
network it retries for 46 seconds. Here the answer comes at once, with the remedy.
"""

import hashlib
import json
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.index.background import TrainedDomain

CONFIG = "open_clip_config.json"
CHECKPOINT = "open_clip_model.safetensors"  # open_clip's own name for it, and the first that it looks for
WORLD = "world.json"
EMBEDDED = ("", "auto", "embedded")
HUB_TIMEOUT_S = 5.0
_GRAMMAR = (
    "Set LTX_MCP_EMBEDDER to auto, to an open_clip tag such as ViT-B-32/laion2b_s34b_b79k, to ARCHITECTURE/FILE, "
    f"or to a folder that holds {CONFIG} and {CHECKPOINT}."
)


@dataclass(frozen=True)
class Checkpoint:
    """Weights that are on this disk. `architecture` and `pretrained` are what open_clip calls them."""

    architecture: str
    pretrained: str
    file: Path
    domain: TrainedDomain | None = None
    preprocess: dict[str, Any] = field(default_factory=dict)
    quick_gelu: bool = False

    @property
    def is_folder(self) -> bool:
        return self.architecture.startswith("local-dir:")

    def model_id(self) -> str:
        """`name/pretrained@` and eight digits of the SHA-256 of the weights. Reads the file once."""
        with self.file.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        name = self.file.parent.name if self.is_folder else self.architecture
        return f"{name}/{self.pretrained}@{digest[:8]}"


def find_checkpoint(weights: str) -> Checkpoint:
    """The checkpoint that a setting names; a tag is downloaded if the hub can be reached. Raises ModelUnavailable."""
    if weights in EMBEDDED:
        return _folder(Path(str(files("ltx_mcp.micro") / "shapes_clip")))
    path = Path(weights).expanduser()
    if path.is_dir():
        return _folder(path)
    if path.is_file() and path.name == CHECKPOINT:
        return _folder(path.parent)
    architecture, _, pretrained = weights.partition("/")
    if not pretrained or path.is_file():
        raise ModelUnavailable(f"The embedder {weights!r} does not name both a model and its weights.", _GRAMMAR)
    file = Path(pretrained).expanduser()
    return Checkpoint(architecture, file.stem, file) if file.is_file() else _tag(architecture, pretrained)


def _folder(folder: Path) -> Checkpoint:
    missing = [name for name in (CONFIG, CHECKPOINT) if not (folder / name).is_file()]
    if missing:
        raise ModelUnavailable(f"The embedder's folder {folder} has no {' and no '.join(missing)}.", _GRAMMAR)
    trained_on = folder / WORLD
    try:
        domain = (
            TrainedDomain.from_json(json.loads(trained_on.read_text(encoding="utf-8")))
            if trained_on.is_file()
            else None
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelUnavailable(f"{trained_on} cannot be read ({error!r}).", "Repair it, or remove it.") from error
    return Checkpoint(f"local-dir:{folder}", "local-dir", folder / CHECKPOINT, domain)


def _tag(architecture: str, tag: str) -> Checkpoint:
    from open_clip import pretrained as catalogue

    table = catalogue.get_pretrained_cfg(architecture, tag)
    if not table.get("hf_hub"):
        known = catalogue.list_pretrained_tags_by_model(architecture)
        names = f"Tags of {architecture}: {', '.join(known)}." if known else f"open_clip has no {architecture}."
        raise ModelUnavailable(f"The embedder {architecture}/{tag} is not known.", f"{names} {_GRAMMAR}")
    repo, _, name = table["hf_hub"].rpartition("/")
    file = _from_hub(repo, name)
    preprocess = {key: table[key] for key in ("mean", "std", "interpolation", "resize_mode") if key in table}
    return Checkpoint(architecture, tag, file, None, preprocess, bool(table.get("quick_gelu")))


def _from_hub(repo: str, name: str) -> Path:
    """The cached file, or a download. The hub's own retries take 46 s offline, so it is asked first if it is there."""
    import huggingface_hub as hub

    wanted = (
        [CHECKPOINT, "open_clip_pytorch_model.bin"] if not name else [str(Path(name).with_suffix(".safetensors")), name]
    )
    for candidate in wanted:
        cached = hub.try_to_load_from_cache(repo, candidate)
        if isinstance(cached, str):
            return Path(cached)
    remedy = f"Download it once with `hf download {repo}` on a machine with a network, or set LTX_MCP_EMBEDDER=auto."
    if hub.is_offline_mode():
        raise ModelUnavailable(f"The weights of {repo} are not in the cache, and HF_HUB_OFFLINE is set.", remedy)
    try:
        hub.get_session().head(hub.constants.ENDPOINT, timeout=HUB_TIMEOUT_S)
    except Exception as error:
        raise ModelUnavailable(
            f"The weights of {repo} are not in the cache; the hub did not answer: {error}.", remedy
        ) from error
    return _download(repo, wanted, remedy)


def _download(repo: str, wanted: list[str], remedy: str) -> Path:
    import huggingface_hub as hub
    from huggingface_hub.errors import EntryNotFoundError

    try:
        try:
            return Path(hub.hf_hub_download(repo, wanted[0]))
        except EntryNotFoundError:
            return Path(hub.hf_hub_download(repo, wanted[1]))
    except Exception as error:
        raise ModelUnavailable(f"The weights of {repo} could not be downloaded: {error}.", remedy) from error

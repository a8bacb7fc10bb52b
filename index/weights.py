"""Where an embedder's weights are on this disk: the embedded checkpoint, a folder, a file, or a tag in the hub's cache.

open_clip itself would load random weights with no more than a log line where it finds none, and without a
network it retries for 46 seconds. Here nothing is asked of the network: the answer comes at once, with the remedy.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.hub.cache import Hub, local_hub
from ltx_mcp.index.background import TrainedDomain
from ltx_mcp.index.catalogue import CATALOGUE, CHECKPOINT, CONFIG, GRAMMAR, INSTEAD, KnownEmbedder, described
from ltx_mcp.index.choice import AUTOMATIC, EMBEDDED

WORLD = "world.json"


@dataclass(frozen=True)
class Checkpoint:
    """Weights that are on this disk. `architecture` and `pretrained` are what open_clip calls them."""

    architecture: str
    pretrained: str
    file: Path
    domain: TrainedDomain | None = None
    preprocess: dict[str, Any] = field(default_factory=dict)
    quick_gelu: bool = False
    name: str = ""  # of a folder, where its own says nothing

    @property
    def is_folder(self) -> bool:
        return self.architecture.startswith("local-dir:")

    def model_id(self) -> str:
        """`name/pretrained@` and eight digits of the SHA-256 of the weights.

        The hub's cache names large files by their SHA-256, and what came was checked; other files are read once.
        """
        digest = self.file.resolve().name
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            with self.file.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        name = self.name or (self.file.parent.name if self.is_folder else self.architecture)
        return f"{name}/{self.pretrained}@{digest[:8]}"


def find_checkpoint(
    weights: str, hub: Hub | None = None, catalogue: tuple[KnownEmbedder, ...] = CATALOGUE
) -> Checkpoint:
    """The checkpoint that a setting names, which may be a tag if it is in the hub's cache. Raises ModelUnavailable."""
    if weights in (*AUTOMATIC, EMBEDDED):
        return _folder(Path(str(files("ltx_mcp.micro") / "shapes_clip")))
    path = Path(weights).expanduser()
    if path.is_dir():
        return _folder(path)
    if path.is_file() and path.name == CHECKPOINT:
        return _folder(path.parent)
    architecture, _, pretrained = weights.partition("/")
    if not pretrained or path.is_file():
        raise ModelUnavailable(f"The embedder {weights!r} does not name both a model and its weights.", GRAMMAR)
    file = Path(pretrained).expanduser()
    if file.is_file():
        return Checkpoint(architecture, file.stem, file)
    return _cached(described(weights, catalogue), hub or local_hub())


def _folder(folder: Path) -> Checkpoint:
    missing = [name for name in (CONFIG, CHECKPOINT) if not (folder / name).is_file()]
    if missing:
        raise ModelUnavailable(f"The embedder's folder {folder} has no {' and no '.join(missing)}.", GRAMMAR)
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


def _cached(known: KnownEmbedder, hub: Hub) -> Checkpoint:
    """A tag's weights. With their own configuration beside them they are a folder, which asks the hub for nothing."""
    found = known.find(hub)
    path = None if found is None else hub.find(found)
    if path is None:
        raise ModelUnavailable(
            f"The weights of {known.weights} are not in {hub.cache}.",
            f"With the network on, `ltx-mcp setup` fetches them; or {INSTEAD}.",
        )
    architecture, _, tag = known.weights.partition("/")
    if path.name == CHECKPOINT and (path.parent / CONFIG).is_file():
        return replace(_folder(path.parent), name=architecture, pretrained=tag)
    from open_clip import pretrained as tags

    table = tags.get_pretrained_cfg(architecture, tag)
    preprocess = {key: table[key] for key in ("mean", "std", "interpolation", "resize_mode") if key in table}
    return Checkpoint(architecture, tag, path, None, preprocess, bool(table.get("quick_gelu")))

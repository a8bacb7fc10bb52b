"""Installed LoRAs: one folder of safetensors files, read by their headers alone, and behind it the hub.

A file that cannot be used stays on the list with its reason and is refused by name: nobody should wonder why
a LoRA has no effect. Whether it fits the loaded model is adapters.py's question.
"""

import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from ltx_mcp.engine.base import Watch
from ltx_mcp.engine.lora.card import LoraCard, described
from ltx_mcp.engine.lora.catalogue import CATALOGUE, CatalogueEntry
from ltx_mcp.engine.lora.header import read_header
from ltx_mcp.engine.lora.hub import REPOSITORY, HubLora, LoraHub
from ltx_mcp.errors import BadInput, NotFound
from ltx_mcp.types.requests import LoraUse
from ltx_mcp.types.stages import Stage

_SAFE = ".safetensors"
_PICKLED = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl"})


@dataclass(frozen=True)
class Picked:
    """A usable LoRA and its strength."""

    card: LoraCard
    strength: float


class InstalledLoras:
    """The LoRAs of one folder; with no folder it is empty. Reads the disk at every call: files may come and go."""

    def __init__(
        self, folder: Path | None, catalogue: Sequence[CatalogueEntry] = CATALOGUE, hub: LoraHub | None = None
    ) -> None:
        self._folder = folder
        self._catalogue = tuple(catalogue)
        self._hub = hub

    def all(self) -> list[LoraCard]:
        """Every weight file in the folder by name, the unusable ones with their `problem`."""
        return [self._card(path) for path in self._paths()]

    def names(self) -> list[str]:
        """Of all usable ones."""
        return [card.name for card in self.all() if not card.problem]

    def find(self, name: str, revision: str | None = None) -> LoraCard:
        """By name or file name in the folder, by the id of a known one, or by repository: in the folder if it is there.

        Raises NotFound with the nearest names, BadInput if the file cannot be used, ModelUnavailable if it cannot be
        had.
        """
        cards = [] if revision else self._in_folder(name)
        if not cards:
            return self._from_hub(name, revision)
        card = min(cards, key=lambda card: card.problem != "")
        if card.problem:
            raise BadInput(f"{_shown(card.here.name)} cannot be used: {card.problem}", self._suggestion(name))
        return card

    def pick(self, uses: Sequence[LoraUse]) -> tuple[Picked, ...]:
        """Find each. Raises what `find` raises, and BadInput where one is asked for twice."""
        repeated = [name for name, count in Counter(use.name for use in uses).items() if count > 1]
        if repeated:
            raise BadInput(f"The LoRA {repeated[0]!r} is asked for more than once.", "Name each LoRA once.")
        return tuple(_picked(self.find(use.name, use.revision), use.strength) for use in uses)

    def fetch(self, uses: Sequence[LoraUse], watch: Watch) -> tuple[Picked, ...]:
        """The same with every file here; what is missing is downloaded, in the stage LOADING. May raise Cancelled."""
        picked = []
        for each in self.pick(uses):
            card = each.card
            if card.path is None:
                watch.stage(Stage.LOADING)
                assert self._hub is not None, "only the hub gives cards without a path"
                repo, _, file = card.name.partition(":")
                path = self._hub.fetch(self._hub.find(repo, file, card.revision), watch.check, watch.step)
                card = card.model_copy(update={"path": path})
            picked.append(Picked(card, each.strength))
        return tuple(picked)

    def _in_folder(self, name: str) -> list[LoraCard]:
        paths = self._paths()
        named = [self._card(path) for path in paths if name in (_shown(path.stem), _shown(path.name))]
        if named:
            return named
        entries = self._entries(name)
        cards = [(path.name, self._card(path)) for path in paths if entries]
        return [card for file, card in cards if any(entry.describes(file, card.bytes) for entry in entries)]

    def _entries(self, name: str) -> list[CatalogueEntry]:
        return [entry for entry in self._catalogue if entry.goes_by(name)]

    def _from_hub(self, name: str, revision: str | None) -> LoraCard:
        entry = next(iter(self._entries(name)), None)
        asked = REPOSITORY.fullmatch(name)
        if self._hub is None or (entry is None and asked is None):
            raise NotFound(f"There is no LoRA {name[:80]!r}.", self._suggestion(name))
        if entry is not None:
            found = self._hub.find(entry.repo, entry.file, revision)
        else:
            assert asked is not None
            found = self._hub.find(asked["repo"], asked["file"] or "", revision)
        return self._hub_card(found)

    def _hub_card(self, found: HubLora) -> LoraCard:
        card = LoraCard(name=f"{found.repo}:{found.file}", path=found.path, bytes=found.header.bytes)
        known = next(
            (each for each in self._catalogue if each.repo == found.repo and each.file in ("", found.file)), None
        )
        return described(card.model_copy(update={"revision": found.revision}), found.header, known)

    def _paths(self) -> list[Path]:
        if self._folder is None:
            return []
        try:
            found = sorted(self._folder.iterdir())
        except OSError:
            return []  # `_suggestion` says so
        return [path for path in found if path.suffix.lower() in {_SAFE, *_PICKLED} and path.name[0] != "."]

    def _card(self, path: Path) -> LoraCard:
        unread = LoraCard(name=_shown(path.stem), path=path, bytes=0)
        try:
            real = self._confined(path)
            header = read_header(real)
            known = next((entry for entry in self._catalogue if entry.describes(path.name, header.bytes)), None)
            return described(unread.model_copy(update={"path": real, "bytes": header.bytes}), header, known)
        except BadInput as error:
            return unread.model_copy(update={"problem": error.message})

    def _confined(self, path: Path) -> Path:
        """The regular file that the path leads to, inside the folder. Raises BadInput."""
        if path.suffix.lower() in _PICKLED:
            raise BadInput("It is a pickle, which can run code when it is loaded; only safetensors files are read.")
        if not path.name.isprintable():
            raise BadInput("Its name holds control characters.")
        assert self._folder is not None, "paths come from a folder"
        try:
            real = path.resolve(strict=True)
            if not real.is_relative_to(self._folder.resolve()):
                raise BadInput("It is a link that leads out of the folder.")
            if not stat.S_ISREG(real.stat().st_mode):
                raise BadInput("It is not a regular file.")
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
            raise BadInput(f"It cannot be followed: {error}.") from None
        return real

    def _suggestion(self, name: str) -> str:
        names = [*self.names(), *(entry.id for entry in self._catalogue if self._hub is not None)]
        if self._folder is None and not names:
            return "No folder of LoRAs is set: the user can name one in LTX_MCP_LORA_DIR."
        if near := get_close_matches(name[:80], names, n=3, cutoff=0.4):
            return f"The nearest are {', '.join(near)}."
        return f"There are {', '.join(names[:20])}." if names else f"{self._folder} holds no usable LoRA."


def _picked(card: LoraCard, strength: float | None) -> Picked:
    return Picked(card, card.strength if strength is None else strength)


def _shown(name: str) -> str:
    """A file's name fit for lists and messages."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)

"""Installed LoRAs: one folder of safetensors files, read by their headers alone, and behind it the hub.

A file that cannot be used stays on the list with its reason and is refused by name: nobody should wonder why
a LoRA has no effect. Whether it fits the loaded model is adapters.py's question.
"""

import json
import re
import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ltx_mcp.engine.base import Watch
from ltx_mcp.engine.lora.catalogue import CATALOGUE, CatalogueEntry, LoraKind, Position
from ltx_mcp.engine.lora.header import Header, read_header
from ltx_mcp.engine.lora.hub import REPOSITORY, HubFile, LoraHub
from ltx_mcp.errors import BadInput, NotFound
from ltx_mcp.types.requests import Control, LoraUse
from ltx_mcp.types.stages import Stage
from ltx_mcp.types.value import Value

_SAFE = ".safetensors"
_PICKLED = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl"})
_TRIGGER_KEYS = ("modelspec.trigger_phrase", "trigger_phrase", "trigger_words", "trigger_word")
_LICENCE_KEYS = ("modelspec.license", "license")
_MAX_WORD = 80  # characters of a trigger word or a licence that a file may put into prompts and lists
_MAX_TRIGGERS = 4
_MAX_DOWNSCALE = 8  # published: 2
_NAMED_IC = re.compile(r"ic[-_]?lora", re.IGNORECASE)
_NAMED_RESTYLE = re.compile(r"re-?style", re.IGNORECASE)
_NAMED_CONTROL = re.compile(r"\b(canny|depth|pose)[-_ ]control\b", re.IGNORECASE)
_LTX_WIDTH = 4096  # of the transformer of LTX-2.0 to 2.5
_VERSION = re.compile(r"ltx-?(2(?:\.\d)?)(?!\d)", re.IGNORECASE)


class Trigger(Value):
    """Words that wake a LoRA, in their exact spelling."""

    word: str
    position: Position = "anywhere"


class LoraCard(Value):
    """One file of the folder, or of a repository at a commit, `revision`. `problem` is why it cannot be used.

    The last fields are of IC-LoRAs. `reference_downscale_factor`: by what the reference is smaller than the clip
    (pixels). `second_stage`: whether a pass without it may follow. `controls`: the signals that it takes for a
    reference; none: the source as it is. `restyle`: it makes of a video what the prompt says. `unsupported`: why
    nothing here can drive it.
    """

    name: str  # of the file, without its ending; owner/repo:file of a repository's
    path: Path | None  # None while it has to be fetched
    bytes: int
    kind: LoraKind = "lora"
    base: str = ""  # the model it was made for, as far as is known
    rank: int | None = None  # the most frequent one
    triggers: tuple[Trigger, ...] = ()
    strength: float = 1.0  # recommended
    licence: str = ""
    template: str = ""
    problem: str = ""
    revision: str | None = None
    reference_downscale_factor: int | None = None
    second_stage: bool = True
    controls: tuple[Control, ...] = ()
    restyle: bool = False
    unsupported: str = ""

    @property
    def here(self) -> Path:
        """Where the file is, of a LoRA that need not be fetched any more."""
        assert self.path is not None, f"{self.name} was not fetched"
        return self.path


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
        return [card for file, card in cards if any(_is(entry, file, card.bytes) for entry in entries)]

    def _entries(self, name: str) -> list[CatalogueEntry]:
        """Those of the catalogue that go by this id, or by this repository and file."""
        repo, _, file = name.partition(":")
        return [
            entry
            for entry in self._catalogue
            if name == entry.id or ((repo == entry.repo and file in ("", entry.file)) and "/" in name)
        ]

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

    def _hub_card(self, found: HubFile) -> LoraCard:
        card = LoraCard(name=f"{found.repo}:{found.file}", path=found.path, bytes=found.header.bytes)
        known = next((each for each in self._catalogue if each.repo == found.repo and _holds(each, found)), None)
        return _described(card.model_copy(update={"revision": found.revision}), found.header, known)

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
            known = next((entry for entry in self._catalogue if _is(entry, path.name, header.bytes)), None)
            return _described(unread.model_copy(update={"path": real, "bytes": header.bytes}), header, known)
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


def suits(card: LoraCard, model: str) -> bool:
    """Whether a LoRA may be meant for the model of this name. Where nothing says that it is not, it may be."""
    if model == "micro":
        return card.base == ""
    version = _VERSION.search(model)
    return version is None or card.base in ("", "LTX-2.x", f"LTX-{version[1]}")


def reworking(cards: Sequence[LoraCard], model: str) -> list[LoraCard]:
    """The IC-LoRAs that may be used with the model of this name."""
    return [
        card
        for card in cards
        if card.kind == "ic_lora" and not card.problem and not card.unsupported and suits(card, model)
    ]


def _holds(entry: CatalogueEntry, found: HubFile) -> bool:
    return entry.file in ("", found.file)


def _is(entry: CatalogueEntry, file: str, bytes: int) -> bool:
    if entry.file:
        return (file, bytes) == (entry.file, entry.bytes)
    return file.lower().startswith(entry.repo.partition("/")[2].lower())


def _described(card: LoraCard, header: Header, known: CatalogueEntry | None) -> LoraCard:
    """The card with what the file says of itself, and with what the catalogue knows of it."""
    factor = _downscale_factor(header.metadata)
    facts: dict[str, Any] = {
        "rank": Counter(layer.rank for layer in header.layers.values()).most_common(1)[0][0],
        "reference_downscale_factor": factor,
        "kind": "ic_lora" if factor is not None or _NAMED_IC.search(card.name) else "lora",
        "base": "LTX-2.x" if any(_LTX_WIDTH in (each.inputs, each.outputs) for each in header.layers.values()) else "",
        "triggers": tuple(Trigger(word=word) for word in _triggers(header.metadata)),
        "licence": next((header.metadata[key][:_MAX_WORD] for key in _LICENCE_KEYS if key in header.metadata), ""),
    }
    if known is not None:
        facts |= {"kind": known.kind, "base": known.base, "strength": known.strength, "template": known.template}
        facts |= {"second_stage": not known.skip_stage_2, "unsupported": known.unsupported}
        facts["licence"] = known.licence or facts["licence"]
        if known.trigger:
            facts["triggers"] = (Trigger(word=known.trigger, position=known.position),)
    if facts["kind"] == "ic_lora":
        facts["restyle"] = bool(_NAMED_RESTYLE.search(card.name))
        facts["controls"] = known.controls if known else tuple(map(str.lower, _NAMED_CONTROL.findall(card.name)))
    return card.model_copy(update=facts)


def _downscale_factor(metadata: dict[str, str]) -> int | None:
    """Of an IC-LoRA's reference. LTX-2's trainer writes it as text (`reference_downscale_factor`: "2")."""
    text = metadata.get("reference_downscale_factor")
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,3}(\.0*)?", text) or not 1 <= float(text) <= _MAX_DOWNSCALE:
        raise BadInput(f"Its reference_downscale_factor is {text[:20]!r}, no whole number from 1 to {_MAX_DOWNSCALE}.")
    return int(float(text))


def _triggers(metadata: dict[str, str]) -> list[str]:
    """Trigger words that the file names: text, words apart by commas, or a JSON list. Unfit ones are left out."""
    text = next((metadata[key] for key in _TRIGGER_KEYS if metadata.get(key)), "")
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        listed = None
    words = [word for word in listed if isinstance(word, str)] if isinstance(listed, list) else text.split(",")
    words = [word.strip() for word in words]
    return [word for word in words if word and len(word) <= _MAX_WORD and word.isprintable()][:_MAX_TRIGGERS]


def with_triggers(prompt: str, cards: Sequence[LoraCard]) -> str:
    """The prompt with the trigger words that it lacks put before it, `first_token` ones foremost.

    Doing it again changes nothing. Spelling counts, upper and lower case too: the text encoder tells them apart.
    """
    triggers = [trigger for card in cards for trigger in card.triggers]
    first = [trigger.word for trigger in triggers if trigger.position == "first_token"]
    anywhere = [trigger.word for trigger in triggers if trigger.position == "anywhere"]
    there = _heads(prompt, first) + [word for word in anywhere if re.search(_alone(word), prompt)]
    missing = dict.fromkeys(word for word in [*first, *anywhere] if word not in there)
    return " ".join([*missing, prompt]).strip()


def _heads(prompt: str, words: Sequence[str]) -> list[str]:
    """Those of the words that the prompt begins with, one after the other."""
    for word in words:
        if found := re.match(rf"{_alone(word)}[\s,]*", prompt):
            return [word, *_heads(prompt[found.end() :], [other for other in words if other != word])]
    return []


def _alone(word: str) -> str:
    """A pattern for the word by itself: `f4nt4sy` is not part of `f4nt4sy4n1m6`."""
    before, after = (r"(?<!\w)" if word[0].isalnum() else ""), (r"(?!\w)" if word[-1].isalnum() else "")
    return f"{before}{re.escape(word)}{after}"


def _shown(name: str) -> str:
    """A file's name fit for lists and messages."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)

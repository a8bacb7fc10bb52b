"""What is known of one LoRA: from its header, from the catalogue, and whether it suits a model."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ltx_mcp.engine.lora.catalogue import CatalogueEntry, LoraKind, Position
from ltx_mcp.engine.lora.header import Header
from ltx_mcp.errors import BadInput
from ltx_mcp.types.requests import Control
from ltx_mcp.types.value import Value

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


def described(card: LoraCard, header: Header, known: CatalogueEntry | None) -> LoraCard:
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
        raise BadInput(
            f"Its reference_downscale_factor is {text[:20]!r}, not a whole number from 1 to {_MAX_DOWNSCALE}."
        )
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

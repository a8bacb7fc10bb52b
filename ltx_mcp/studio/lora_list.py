"""The LoRAs that requests may name, as ltx://loras lists them."""

from collections.abc import Sequence

from ltx_mcp.engine.lora.card import LoraCard
from ltx_mcp.engine.lora.catalogue import CATALOGUE
from ltx_mcp.types.value import Value


class KnownLora(Value):
    """A published LoRA that can be named by its id. `megabytes` is 0 where its size is not known."""

    id: str
    repo: str
    kind: str
    trigger: str
    megabytes: int
    licence: str


class LoraList(Value):
    """`installed` are here; `known` are others, which are fetched when they are named."""

    installed: tuple[LoraCard, ...]
    known: tuple[KnownLora, ...]


def lora_list(installed: Sequence[LoraCard]) -> LoraList:
    return LoraList(installed=tuple(installed), known=tuple(_known(installed)))


def _known(loras: Sequence[LoraCard]) -> list[KnownLora]:
    here = {lora.path.name for lora in loras if lora.path is not None}
    return [
        KnownLora(
            id=entry.id,
            repo=entry.repo,
            kind=entry.kind,
            trigger=entry.trigger,
            megabytes=round(entry.bytes / 1e6),
            licence=entry.licence,
        )
        for entry in CATALOGUE
        if not entry.unsupported and entry.file not in here
    ]

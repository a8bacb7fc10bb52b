"""The voices that narrate films, as ltx://capabilities lists them."""

import math
from collections.abc import Sequence

from ltx_mcp.narration.base import Voice
from ltx_mcp.types.value import Value


class VoicesOffer(Value):
    """Voices of one language, a BCP 47 tag. `megabytes` are fetched when one first speaks; 0: they are here."""

    language: str
    voices: tuple[str, ...]
    megabytes: int


def offered(voices: Sequence[Voice]) -> tuple[VoicesOffer, ...]:
    """Together what shares a language and a size; the first of all is the default voice."""
    groups: dict[tuple[str, int], list[str]] = {}
    for voice in voices:
        groups.setdefault((voice.language, math.ceil(voice.megabytes)), []).append(voice.name)
    return tuple(
        VoicesOffer(language=language, voices=tuple(names), megabytes=megabytes)
        for (language, megabytes), names in groups.items()
    )

"""Which embedder should look, which of them is here, and what would have to be fetched for a better one."""

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

from ltx_mcp.hub.cache import Hub
from ltx_mcp.index.catalogue import CATALOGUE, KnownEmbedder, described

EMBEDDED = "embedded"
AUTOMATIC = ("", "auto")
AUTOMATIC_BYTES = 2_000_000_000  # what is larger is never fetched without being asked for
USEFUL_PACE = 8.0
"""Frames a second. Two are sampled of each second of a clip, so footage is embedded in a quarter of its own length."""

BUSY_CORES = 0.9  # of each core, when several share the memory: measured 1.8 times the pace on two
LOADING = 3.5
"""Main memory over the size of the file. PE-Core-B-16 took 4.3 GB at its peak, 2.4 times its file; others need some."""


@dataclass(frozen=True)
class Means:
    """What an embedder may use: perhaps a CUDA device with room, cores, whether these compute bfloat16, memory."""

    has_device: bool
    cores: int
    has_bf16: bool
    ram_bytes: int


@dataclass(frozen=True)
class EmbedderChoice:
    """`weights` is what looks now. `best` would look if it were here, and `automatic` may be fetched without asking.

    `reason` says why in words, for `doctor`; `problem` why what was named cannot be used at all.
    """

    weights: str
    reason: str
    best: KnownEmbedder | None = None
    automatic: KnownEmbedder | None = None
    problem: str = ""


def choose(setting: str, means: Means, hub: Hub, catalogue: tuple[KnownEmbedder, ...] = CATALOGUE) -> EmbedderChoice:
    """Decide by LTX_MCP_EMBEDDER. Reads the hub's cache; loads and fetches nothing. Raises ModelUnavailable.

    `auto` takes the best that is here of those which this machine runs at a useful pace, else the embedded one.
    """
    if setting in AUTOMATIC:
        return _automatic(means, hub, catalogue)
    if setting == EMBEDDED or not _is_tag(setting):
        return EmbedderChoice(setting, "LTX_MCP_EMBEDDER names it.")
    named = described(setting, catalogue)
    if named.find(hub) is not None:
        return EmbedderChoice(setting, "LTX_MCP_EMBEDDER names it.")
    automatic = named if named.permissive and 0 < named.bytes < AUTOMATIC_BYTES else None
    return EmbedderChoice(EMBEDDED, f"LTX_MCP_EMBEDDER names {named.name}, which is not here yet.", named, automatic)


def _automatic(means: Means, hub: Hub, catalogue: tuple[KnownEmbedder, ...]) -> EmbedderChoice:
    fitting = ranked(means, catalogue)
    if not fitting:
        return EmbedderChoice(EMBEDDED, "No other runs at a useful pace on this machine.")
    best = fitting[0]
    here = next((known for known in fitting if known.find(hub) is not None), None)
    if here is best:
        return EmbedderChoice(best.weights, "The best that this machine runs at a useful pace.")
    if here is not None:
        return EmbedderChoice(here.weights, f"It is here; {best.name} would be better, and is not.", best)
    automatic = next((known for known in fitting if known.bytes < AUTOMATIC_BYTES), None)
    return EmbedderChoice(EMBEDDED, f"{best.name} is not here yet.", best, automatic)


def ranked(means: Means, catalogue: tuple[KnownEmbedder, ...] = CATALOGUE) -> list[KnownEmbedder]:
    """Those that may be used for anything and run here at a useful pace, the best first."""
    fitting = [
        known
        for known in catalogue
        if known.permissive and means.ram_bytes >= LOADING * known.bytes and pace(known, means) >= USEFUL_PACE
    ]
    return sorted(fitting, key=lambda known: -known.recall)


def pace(known: KnownEmbedder, means: Means) -> float:
    """Frames a second on this machine, about; those that need a device have none without it."""
    if means.has_device:
        return float("inf")
    if known.needs_device:
        return 0.0
    return (known.bf16 if means.has_bf16 else known.fp32) * (1 + (means.cores - 1) * BUSY_CORES)


def _is_tag(setting: str) -> bool:
    """Whether it names weights of the hub, and not a folder or a file."""
    architecture, _, pretrained = setting.partition("/")
    path = Path(setting).expanduser()
    named = bool(architecture and pretrained) and not Path(pretrained).expanduser().is_file()
    return named and not path.exists() and not path.is_absolute()


def cpu_cores() -> int:
    """Those that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1


def cpu_has_bf16() -> bool:
    """Whether the cores compute bfloat16 themselves, as Linux tells; elsewhere it is taken that they do not."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    wanted = r"\b(?:avx512_bf16|amx_bf16)\b" if platform.machine() in ("x86_64", "AMD64") else r"\bbf16\b"
    return re.search(wanted, text) is not None

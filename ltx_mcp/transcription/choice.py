"""Which Whisper transcribes, which of them is here, and what would have to be fetched for a better one.

Sizes are calculated from the parameters, in the precision that is published. Paces were measured with random weights by
`bench/transcribe.py`; figures and machine are in docs/retrieval.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ltx_mcp.hub.cache import Hub, HubFile
from ltx_mcp.hub.download import fetch
from ltx_mcp.types.callbacks import BytesProgress, Check

OFF = "off"
AUTOMATIC = ("", "auto")
STAND_IN = "stand-in"
CHECKPOINT = "model.safetensors"
CONFIGURATION = ("config.json", "generation_config.json", "preprocessor_config.json", "tokenizer_config.json")
INSTEAD = "set LTX_MCP_SPEECH=off"
AUTOMATIC_BYTES = 2_000_000_000  # as for embedders: what is larger is never fetched without being asked for
USEFUL_PACE = 4.0
"""Seconds of speech in a second: footage is heard in a quarter of its own length, as it is embedded."""
BUSY_CORES = 0.9  # of each core but the first, as for embedders (index/choice.py)


@dataclass(frozen=True)
class KnownTranscriber:
    """A model of the hub. `pace` is seconds of dense speech that one core transcribes in a second, in float32."""

    name: str
    repo: str
    checkpoint_bytes: int
    licence: str
    pace: float
    needs_device: bool = False

    @property
    def files(self) -> list[HubFile]:
        return [
            *(HubFile(self.repo, name, 5_000) for name in CONFIGURATION),
            HubFile(self.repo, "tokenizer.json", 2_500_000),
            HubFile(self.repo, CHECKPOINT, self.checkpoint_bytes),
        ]

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    @property
    def said(self) -> str:
        """Its name, with its size and licence before anything is fetched."""
        return f"{self.name} ({self.bytes / 1e9:.1f} GB, {self.licence})"

    def find(self, hub: Hub) -> HubFile | None:
        """The checkpoint, if it is here, whole, with all that goes with it."""
        return self.files[-1] if all(hub.find(file) is not None for file in self.files) else None

    def folder(self, hub: Hub) -> Path | None:
        found = self.find(hub)
        path = None if found is None else hub.find(found)
        return None if path is None else path.parent

    def fetch(self, hub: Hub, check: Check = lambda: None, progress: BytesProgress = lambda done, of: None) -> None:
        """Download what is missing, as `hub.fetch` does. Raises ModelUnavailable, NotFound, and what `check` does."""
        fetch(hub, self.files, INSTEAD, check, progress)


CATALOGUE = (
    KnownTranscriber("whisper-large-v3-turbo", "openai/whisper-large-v3-turbo", 1_618_000_000, "MIT", 0, True),
    KnownTranscriber("whisper-small", "openai/whisper-small", 967_000_000, "Apache-2.0", 2.0),
    KnownTranscriber("whisper-base", "openai/whisper-base", 290_000_000, "Apache-2.0", 5.4),
    KnownTranscriber("whisper-tiny", "openai/whisper-tiny", 151_000_000, "Apache-2.0", 10.0),
)
"""The best first: Whisper's errors fall with its size in every language (Radford et al. 2022, tables 8 to 14)."""


@dataclass(frozen=True)
class TranscriberChoice:
    """`folder` holds the weights of what transcribes now; None: nothing does, or it needs none (`stand-in`).

    `best` would do it if it were here, and `automatic` may be fetched without asking. `problem` is why what was named
    cannot be used at all.
    """

    name: str
    reason: str
    folder: Path | None = None
    best: KnownTranscriber | None = None
    automatic: KnownTranscriber | None = None
    problem: str = ""


def choose(
    setting: str, has_device: bool, cores: int, hub: Hub, catalogue: Sequence[KnownTranscriber] = CATALOGUE
) -> TranscriberChoice:
    """Decide by LTX_MCP_SPEECH. Reads the hub's cache; loads and fetches nothing.

    `auto` takes the best that is here of those which this machine runs at a useful pace, else none.
    """
    if setting in (OFF, STAND_IN):
        return TranscriberChoice(setting, "LTX_MCP_SPEECH says so.")
    if (folder := Path(setting).expanduser()).is_absolute():
        problem = "" if (folder / CHECKPOINT).is_file() else f"{folder} holds no {CHECKPOINT}."
        return TranscriberChoice(folder.name, "LTX_MCP_SPEECH names it.", None if problem else folder, problem=problem)
    if setting not in AUTOMATIC:
        named = [known for known in catalogue if known.name == setting]
        if not named:
            names = ", ".join(("auto", OFF, *(known.name for known in catalogue)))
            problem = f"LTX_MCP_SPEECH={setting} is not known: it is one of {names}, or a folder."
            return TranscriberChoice(OFF, "Nothing transcribes.", problem=problem)
        return _best_here(named, hub, "LTX_MCP_SPEECH names it.")
    useful = [known for known in catalogue if pace(known, has_device, cores) >= USEFUL_PACE]
    if not useful:
        return TranscriberChoice(OFF, "No Whisper runs at a useful pace on this machine.")
    return _best_here(useful, hub, "The best that this machine runs at a useful pace.")


def pace(known: KnownTranscriber, has_device: bool, cores: int) -> float:
    """Seconds of speech in a second of this machine, about; those that need a device have none without it."""
    if has_device:
        return float("inf")
    return 0.0 if known.needs_device else known.pace * (1 + (cores - 1) * BUSY_CORES)


def _best_here(useful: Sequence[KnownTranscriber], hub: Hub, reason: str) -> TranscriberChoice:
    best = useful[0]
    here = next((known for known in useful if known.find(hub) is not None), None)
    if here is best:
        return TranscriberChoice(best.name, reason, best.folder(hub))
    automatic = next((known for known in useful if known.bytes < AUTOMATIC_BYTES), None)
    if here is not None:
        return TranscriberChoice(
            here.name, f"It is here; {best.name} would be better, and is not.", here.folder(hub), best
        )
    return TranscriberChoice(OFF, f"{best.name} is not here yet.", None, best, automatic)

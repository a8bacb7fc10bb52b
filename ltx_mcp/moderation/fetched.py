"""What moderation can have fetched, beside what is installed with it: by `ltx-mcp setup`, with its licence said before.

Never in the background: a gate that changed while jobs run would judge the same clip twice.
"""

from dataclasses import dataclass
from pathlib import Path

from ltx_mcp.hub.cache import Hub, HubFile
from ltx_mcp.hub.download import fetch
from ltx_mcp.types.callbacks import BytesProgress, Check


@dataclass(frozen=True)
class FetchedModel:
    """A model of the hub, all of whose files are needed. `instead` is what to set to do without it."""

    name: str
    licence: str
    files: tuple[HubFile, ...]
    instead: str

    @property
    def bytes(self) -> int:
        """About."""
        return sum(file.bytes for file in self.files)

    def folder(self, hub: Hub) -> Path | None:
        """Where it is here, whole."""
        found = [hub.find(file) for file in self.files]
        first = found[0]
        return None if first is None or None in found else first.parent

    def fetch(self, hub: Hub, check: Check = lambda: None, progress: BytesProgress = lambda done, of: None) -> None:
        """Download what is missing. Raises ModelUnavailable, NotFound, and what `check` does."""
        fetch(hub, self.files, self.instead, check, progress)


def _files(repo: str, **sizes: int) -> tuple[HubFile, ...]:
    return tuple(HubFile(repo, name.replace("__", "."), size) for name, size in sizes.items())


NSFW_384 = FetchedModel(
    "nsfw-image-detection-384",
    "Apache-2.0",
    _files("Marqo/nsfw-image-detection-384", config__json=1000, model__safetensors=22_500_000),
    "set LTX_MCP_MODERATION=open-nsfw",
)
"""A ViT-Tiny of 384 pixels. Its card: 98.56 % of its authors' own 20,000 images, drawings among them."""

QWEN3_GUARD = FetchedModel(
    "Qwen3Guard-Gen-0.6B",
    "Apache-2.0",
    _files(
        "Qwen/Qwen3Guard-Gen-0.6B",
        config__json=1000,
        generation_config__json=500,
        tokenizer__json=11_400_000,
        tokenizer_config__json=14_000,
        model__safetensors=1_500_000_000,
    ),
    "set LTX_MCP_GUARD=off",
)
"""Reads prompts of 119 languages (its card); 0.75 billion parameters in two bytes each."""

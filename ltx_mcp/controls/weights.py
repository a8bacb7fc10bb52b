"""The small models that see depth and people: from the Hugging Face hub or a folder, safetensors only, when asked."""

from dataclasses import dataclass
from typing import Any

from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.hub.cache import HubFile, local_hub
from ltx_mcp.hub.download import fetch, require
from ltx_mcp.types.callbacks import Check

_INSTEAD = "take control=canny, which needs no model"


@dataclass(frozen=True)
class Weights:
    """A model by its repository id, or by a folder in the same layout. `revision` is a commit or branch."""

    location: str
    licence: str
    megabytes: int
    revision: str = "main"

    def ready(self) -> None:
        """Raise ModelUnavailable if it is not here and may not be fetched."""
        require(local_hub(), self._files(), _INSTEAD)

    def load(self, kind: Any, device: str, check: Check) -> Any:
        """A model of this class, ready to be called on the device. Raises ModelUnavailable."""
        folder = fetch(local_hub(), self._files(), _INSTEAD, check)[0].parent
        try:
            model = kind.from_pretrained(folder, use_safetensors=True)
        except (OSError, ValueError, ImportError) as broken:  # what the loaders raise
            hint = f"Delete {folder} to have it fetched again, or {_INSTEAD}."
            raise ModelUnavailable(f"{self.location} could not be loaded: {broken}", hint) from broken
        return model.to(device).eval()

    def _files(self) -> list[HubFile]:
        sizes = {"config.json": 0, "model.safetensors": self.megabytes * 1_000_000}
        return [HubFile(self.location, file, size, self.revision) for file, size in sizes.items()]

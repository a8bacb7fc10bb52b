"""The small models that see depth and people: from the Hugging Face hub or a folder, safetensors only, when asked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltx_mcp.errors import ModelUnavailable

_FILES = ("config.json", "model.safetensors")


@dataclass(frozen=True)
class Weights:
    """A model by its repository id, or by a folder in the same layout. `revision` is a commit or branch."""

    location: str
    licence: str
    megabytes: int
    revision: str = "main"

    def ready(self) -> None:
        """Raise ModelUnavailable if it is not here and may not be fetched."""
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.constants import is_offline_mode

        if Path(self.location).is_absolute():
            here = all((Path(self.location) / file).is_file() for file in _FILES)
        else:
            found = (try_to_load_from_cache(self.location, file, revision=self.revision) for file in _FILES)
            here = not is_offline_mode() or all(isinstance(path, str) for path in found)
        if not here:
            raise self._absent("it is not in the Hugging Face cache, and HF_HUB_OFFLINE forbids fetching it")

    def load(self, kind: Any, device: str) -> Any:
        """A model of this class, ready to be called on the device. Raises ModelUnavailable."""
        try:
            model = kind.from_pretrained(self.location, revision=self.revision, use_safetensors=True)
        except (OSError, ValueError, ImportError) as broken:  # what the hub and the loaders raise
            raise self._absent(str(broken)) from broken
        return model.to(device).eval()

    def _absent(self, why: str) -> ModelUnavailable:
        return ModelUnavailable(
            f"{self.location} ({self.megabytes} MB, {self.licence}) is needed for this control: {why}.",
            f"With the network on, let the user run: hf download {self.location}. control=canny needs no model.",
        )

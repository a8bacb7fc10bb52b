"""A file of a voice on the Hugging Face hub, or in a folder with the same layout; fetched when it is first used."""

from dataclasses import dataclass
from pathlib import Path

from ltx_mcp.errors import ModelUnavailable


@dataclass(frozen=True)
class HubFile:
    """`repo` is a repository id, or an absolute folder."""

    repo: str
    file: str
    megabytes: float
    revision: str = "main"

    def ready(self) -> None:
        """Raise ModelUnavailable if it is not here and may not be fetched. Fetches nothing."""
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.constants import is_offline_mode

        if Path(self.repo).is_absolute():
            here = (Path(self.repo) / self.file).is_file()
        else:
            here = not is_offline_mode() or isinstance(
                try_to_load_from_cache(self.repo, self.file, revision=self.revision), str
            )
        if not here:
            raise self._absent("it is not in the Hugging Face cache, and HF_HUB_OFFLINE forbids fetching it")

    def path(self) -> Path:
        """Where it lies, fetched if need be. Raises ModelUnavailable."""
        from huggingface_hub import hf_hub_download

        if Path(self.repo).is_absolute():
            self.ready()
            return Path(self.repo) / self.file
        try:
            return Path(hf_hub_download(self.repo, self.file, revision=self.revision))
        except (OSError, ValueError) as broken:  # what the hub raises
            raise self._absent(str(broken)) from broken

    def _absent(self, why: str) -> ModelUnavailable:
        return ModelUnavailable(
            f"{self.file} of {self.repo} ({self.megabytes:g} MB) is needed for this voice: {why}.",
            f"With the network on, let the user run: hf download {self.repo} {self.file} --revision {self.revision}. "
            "LTX_MCP_NARRATOR=hibari has a voice that needs nothing.",
        )

"""The local side of the Hugging Face hub: what its cache holds, and whether the network may be used."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.hub.refusals import no_room

if TYPE_CHECKING:
    from huggingface_hub import CachedRepoInfo, CachedRevisionInfo, HFCacheInfo


@dataclass(frozen=True)
class HubFile:
    """One file of a repository at a commit or branch. `repo` is owner/name, or an absolute folder laid out like one.

    `bytes` is about its size, 0 where that is not known. `sha256` is what its content must have, if that is known.
    """

    repo: str
    file: str
    bytes: int = 0
    revision: str = "main"
    sha256: str = ""

    @property
    def folder(self) -> Path | None:
        return Path(self.repo) if Path(self.repo).is_absolute() else None


@dataclass(frozen=True)
class Hub:
    """The cache folder, and whether the hub may not be asked. Reads the disk at every call: downloads may go on.

    `endpoint` is another hub's address.
    """

    cache: Path
    offline: bool = False
    endpoint: str | None = None

    def find(self, wanted: HubFile) -> Path | None:
        """Where the file lies on this disk, if it is here. Asks nothing of the hub."""
        from huggingface_hub import try_to_load_from_cache

        if wanted.folder is not None:
            path = wanted.folder / wanted.file
            return path if path.is_file() else None
        found = try_to_load_from_cache(wanted.repo, wanted.file, cache_dir=self.cache, revision=wanted.revision)
        return Path(found) if isinstance(found, str) else None

    def require_network(self, what: str, instead: str) -> None:
        """Raise ModelUnavailable if the hub may not be asked for what is missing."""
        if self.offline:
            message = f"{what} is not in {self.cache}, and HF_HUB_OFFLINE forbids fetching it."
            raise ModelUnavailable(message, f"Unset HF_HUB_OFFLINE to fetch it, or {instead}.")

    def require_room(self, what: str, missing: int, instead: str) -> None:
        """Raise ModelUnavailable if so many bytes more do not fit the cache's disk."""
        if missing > (free := self.free_bytes()):
            raise no_room(what, missing, self.cache, free, instead)

    def cached_bytes(self, repos: Iterable[str]) -> dict[str, int]:
        """Bytes of each of these repositories that are here already, in whole files and in partial ones."""
        from huggingface_hub.file_download import repo_folder_name

        found = self._scan()
        if found is None:
            return dict.fromkeys(repos, 0)
        held = {}
        for repo in repos:
            folder = repo_folder_name(repo_id=repo, repo_type="model")
            whole = sum(each.size_on_disk for each in _repositories(found, repo))
            partial = sum(each.size_on_disk for each in found.incomplete_files if folder in each.file_path.parts)
            held[repo] = whole + partial
        return held

    def revisions(self, repo: str) -> "list[CachedRevisionInfo]":
        """The commits of a repository that are here: that of its main branch first, then the newest.

        A file that was fetched by its commit, as LoRAs are, leaves no note of branches.
        """
        found = self._scan()
        here = [each for info in _repositories(found, repo) for each in info.revisions] if found is not None else []
        return sorted(here, key=lambda each: ("main" in each.refs, each.last_modified), reverse=True)

    def snapshot(self, repo: str) -> Path | None:
        """The folder of its main branch, if its model_index.json is there already. Raises ModelUnavailable."""
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError

        try:
            found = try_to_load_from_cache(repo, "model_index.json", cache_dir=self.cache)
        except HFValidationError:
            raise ModelUnavailable(
                f"{repo!r} is not a valid repository id.", "It is owner/name, without '--', '..' or a dot at the end."
            ) from None
        return Path(found).parent if isinstance(found, str) else None

    def free_bytes(self) -> int:
        folder = self.cache
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free

    def _scan(self) -> "HFCacheInfo | None":
        from huggingface_hub import CacheNotFound, scan_cache_dir

        try:
            return scan_cache_dir(self.cache)
        except (CacheNotFound, ValueError):  # ValueError: it is a file
            return None


def local_hub() -> Hub:
    """As Hugging Face's own variables say: HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME and HF_HUB_OFFLINE."""
    from huggingface_hub import constants

    return Hub(Path(constants.HF_HUB_CACHE), constants.is_offline_mode())


def _repositories(found: "HFCacheInfo", repo: str) -> "list[CachedRepoInfo]":
    return [each for each in found.repos if each.repo_type == "model" and each.repo_id == repo]

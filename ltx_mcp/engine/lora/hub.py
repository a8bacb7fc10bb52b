"""LoRAs from repositories of the Hugging Face hub: in its cache already, or looked at first and fetched when needed.

A LoRA can be told from its header, which is some hundred kilobytes at its beginning. So a request is planned, and a
wrong one refused, before gigabytes are fetched; fetching is the lane's business.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ltx_mcp.engine.lora.header import MAX_FILE_BYTES, Header, header_of, read_header
from ltx_mcp.errors import BadInput, NotFound, StudioError
from ltx_mcp.hub.cache import Hub, HubFile
from ltx_mcp.hub.download import fetch
from ltx_mcp.hub.refusals import explained, unlicensed
from ltx_mcp.types.callbacks import BytesProgress, Check

REPOSITORY = re.compile(r"(?P<repo>[\w-][\w.-]*/[\w-][\w.-]*)(?::(?P<file>[^:]+))?")  # owner/repo or owner/repo:file
_SAFE = ".safetensors"
_INSTEAD = "put the file into the folder that LTX_MCP_LORA_DIR names"


@dataclass(frozen=True)
class HubLora:
    """One file of a repository at a commit; `path` is None where it is not here yet. `repo` is owner/name."""

    repo: str
    file: str
    revision: str
    header: Header
    path: Path | None = None


class LoraHub:
    """`hub` says where the cache is and whether the network may be used; `accepted` whether the licence is."""

    def __init__(self, hub: Hub, accepted: Callable[[], bool]) -> None:
        self._hub = hub
        self._accepted = accepted

    def find(self, repo: str, file: str = "", revision: str | None = None) -> HubLora:
        """The file in the cache, else on the hub by its header alone. With no name it is the repository's only one.

        Takes seconds where the hub must be asked. Raises BadInput, NotFound, ModelUnavailable.
        """
        if file and (not file.lower().endswith(_SAFE) or ".." in Path(file).parts or file.startswith("/")):
            raise BadInput(f"{file[:80]!r} cannot be used: only safetensors files are read.")
        return self._cached(repo, file, revision) or self._remote(repo, file, revision)

    def fetch(self, found: HubLora, check: Check, progress: BytesProgress) -> Path:
        """The file, downloaded unless it is here (see hub/download.py). Raises ModelUnavailable."""
        if found.path is not None:
            return found.path
        self._may_ask(found.repo)
        wanted = HubFile(found.repo, found.file, found.header.bytes, found.revision)
        return fetch(self._hub, [wanted], _INSTEAD, check, progress)[0].resolve()

    def _cached(self, repo: str, file: str, revision: str | None) -> HubLora | None:
        for each in self._hub.revisions(repo):
            if revision not in (None, each.commit_hash):
                continue
            paths = (found.file_path for found in each.files if found.file_path.suffix == _SAFE)
            here = {path.relative_to(each.snapshot_path).as_posix(): path.resolve() for path in paths}
            if not file and len(here) != 1:
                continue  # others may be missing: only the hub knows
            path = here.get(file or next(iter(here)))
            if path is not None and path.is_relative_to(self._hub.cache.resolve()):
                return HubLora(repo, file or next(iter(here)), each.commit_hash, read_header(path), path)
        return None

    def _remote(self, repo: str, file: str, revision: str | None) -> HubLora:
        self._may_ask(repo)
        from huggingface_hub import HfApi
        from huggingface_hub.errors import SafetensorsParsingError

        api = HfApi(endpoint=self._hub.endpoint)
        try:
            info = api.model_info(repo, revision=revision, files_metadata=True, timeout=20)
            sizes = {each.rfilename: each.size or 0 for each in info.siblings or []}
            name = _chosen(repo, file, [name for name in sizes if name.lower().endswith(_SAFE)])
            if sizes[name] > MAX_FILE_BYTES:
                raise BadInput(f"{repo}:{name} has {sizes[name]:,} bytes, more than any LoRA.")
            commit = str(info.sha)
            head = api.parse_safetensors_file_metadata(repo, name, revision=commit, timeout=20)
        except StudioError:
            raise
        except SafetensorsParsingError as error:
            message = f"{repo} cannot be used: its file is not a safetensors file, or is damaged."
            raise BadInput(message) from error
        except Exception as error:  # httpx and the hub's own tree: all mean that it cannot be had
            raise explained(error, repo, _INSTEAD) from error
        shapes = {name: (str(each.dtype), tuple(each.shape)) for name, each in head.tensors.items()}
        return HubLora(repo, name, commit, header_of(sizes[name], shapes, dict(head.metadata or {})))

    def _may_ask(self, repo: str) -> None:
        self._hub.require_network(repo, _INSTEAD)
        if not self._accepted():
            raise unlicensed(repo, "the licence on its page", f"https://huggingface.co/{repo}")


def _chosen(repo: str, file: str, there: Sequence[str]) -> str:
    if file in there:
        return file
    listed = ", ".join(sorted(there)[:8]) or "none"
    if file:
        raise NotFound(f"{repo} holds no {file[:80]!r}.", f"Its safetensors files: {listed}.")
    if len(there) != 1:
        hint = f"Name one, as {repo}:file. Its safetensors files: {listed}."
        raise BadInput(f"{repo} holds {len(there)} safetensors files.", hint)
    return there[0]

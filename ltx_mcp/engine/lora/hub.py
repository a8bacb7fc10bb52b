"""LoRAs from repositories of the Hugging Face hub: in its cache already, or looked at first and fetched when needed.

A LoRA can be told from its header, which is some hundred kilobytes at its beginning. So a request is planned, and a
wrong one refused, before gigabytes are fetched; fetching is the lane's business.
"""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from ltx_mcp.engine.diffusers_ltx.interrupt import Check
from ltx_mcp.engine.lora.header import MAX_FILE_BYTES, Header, header_of, read_header
from ltx_mcp.engine.weights.hub_cache import Hub, gated
from ltx_mcp.errors import BadInput, ModelUnavailable, NotFound, StudioError

REPOSITORY = re.compile(r"(?P<repo>[\w-][\w.-]*/[\w-][\w.-]*)(?::(?P<file>[^:]+))?")  # owner/repo or owner/repo:file
_SAFE = ".safetensors"
_POLL_S = 0.2  # between checks for a cancel


@dataclass(frozen=True)
class HubFile:
    """One file of a repository at a commit; `path` is None where it is not here yet. `repo` is owner/name."""

    repo: str
    file: str
    revision: str
    header: Header
    path: Path | None = None


class LoraHub:
    """`hub` says where the cache is and whether the network may be used; `accepted` whether the licence was.

    `endpoint` is another hub's address.
    """

    def __init__(self, hub: Hub, accepted: bool, endpoint: str | None = None) -> None:
        self._hub = hub
        self._accepted = accepted
        self._endpoint = endpoint

    def find(self, repo: str, file: str = "", revision: str | None = None) -> HubFile:
        """The file in the cache, else on the hub by its header alone. With no name it is the repository's only one.

        Takes seconds where the hub must be asked. Raises BadInput, NotFound, ModelUnavailable.
        """
        if file and (not file.lower().endswith(_SAFE) or ".." in Path(file).parts or file.startswith("/")):
            raise BadInput(f"{file[:80]!r} cannot be used: only safetensors files are read.")
        return self._cached(repo, file, revision) or self._remote(repo, file, revision)

    def fetch(self, found: HubFile, check: Check, progress: Callable[[int, int], None]) -> Path:
        """Download the file into the cache, unless it is there. `progress` is called with the bytes done and in all.

        `check` is called five times a second; once it raises, the download goes on by itself, and is found in the
        cache the next time. Raises ModelUnavailable.
        """
        if found.path is not None:
            return found.path
        self._may_ask(found.repo)
        if found.header.bytes > self._hub.free_bytes():
            raise ModelUnavailable(
                f"{found.repo} needs {found.header.bytes / 1e9:.1f} GB in {self._hub.cache}, which has no room for it.",
                "Make room, or point HF_HOME at a larger disk.",
            )
        received, total = Received(), found.header.bytes
        download = self._start(found, received)
        while not download.done():
            check()
            progress(min(received.bytes, total), total)
            wait([download], _POLL_S)
        if (error := download.exception()) is not None:
            raise _explained(error, found.repo) from error
        progress(total, total)
        return Path(download.result()).resolve()

    def _start(self, found: HubFile, received: "Received") -> "Future[str]":
        """The download on a daemon thread: one that nobody waits for any more must not hold up the exit."""
        from huggingface_hub import hf_hub_download

        outcome: Future[str] = Future()

        def run() -> None:
            try:
                path = hf_hub_download(
                    found.repo,
                    found.file,
                    revision=found.revision,
                    cache_dir=self._hub.cache,
                    endpoint=self._endpoint,
                    tqdm_class=received.bar_class(),
                )
                outcome.set_result(path)
            except BaseException as error:
                outcome.set_exception(error)

        Thread(target=run, name="lora-download", daemon=True).start()
        return outcome

    def _cached(self, repo: str, file: str, revision: str | None) -> HubFile | None:
        for each in self._hub.revisions(repo):
            if revision not in (None, each.commit_hash):
                continue
            paths = (found.file_path for found in each.files if found.file_path.suffix == _SAFE)
            here = {path.relative_to(each.snapshot_path).as_posix(): path.resolve() for path in paths}
            if not file and len(here) != 1:
                continue  # others may be missing: only the hub knows
            path = here.get(file or next(iter(here)))
            if path is not None and path.is_relative_to(self._hub.cache.resolve()):
                return HubFile(repo, file or next(iter(here)), each.commit_hash, read_header(path), path)
        return None

    def _remote(self, repo: str, file: str, revision: str | None) -> HubFile:
        self._may_ask(repo)
        from huggingface_hub import HfApi

        api = HfApi(endpoint=self._endpoint)
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
        except Exception as error:  # httpx, the hub's own tree, damaged headers: all mean that it cannot be had
            raise _explained(error, repo) from error
        shapes = {name: (str(each.dtype), tuple(each.shape)) for name, each in head.tensors.items()}
        return HubFile(repo, name, commit, header_of(sizes[name], shapes, dict(head.metadata or {})))

    def _may_ask(self, repo: str) -> None:
        if self._hub.offline:
            raise ModelUnavailable(
                f"{repo} is not in {self._hub.cache}, and HF_HUB_OFFLINE forbids fetching it.",
                "Unset HF_HUB_OFFLINE, or put the file into the folder that LTX_MCP_LORA_DIR names.",
            )
        if not self._accepted:
            raise ModelUnavailable(
                f"{repo} would be fetched from the Hugging Face hub, under the licence on its page.",
                f"Read https://huggingface.co/{repo}, then let the user set LTX_MCP_ACCEPT_LICENCE=1.",
            )


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


def _explained(error: BaseException, repo: str) -> StudioError:
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return gated(repo)
    if isinstance(error, errors.RevisionNotFoundError):
        return NotFound(f"{repo} has no such revision.", "Leave revision out for the newest.")
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        return NotFound(f"There is no repository {repo} on the hub, or it is private.", "Check the spelling.")
    if isinstance(error, errors.SafetensorsParsingError):
        return BadInput(f"{repo} cannot be used: its file is not a safetensors file, or is damaged.")
    return ModelUnavailable(
        f"{repo} could not be had from the hub: {error}.",
        "Check the network and the disk, or put the file into the folder that LTX_MCP_LORA_DIR names.",
    )


class Received:
    """Bytes of a download that are on the disk, counted by the progress bar that huggingface_hub is given."""

    bytes = 0

    def bar_class(self) -> Any:
        """A bar that shows nothing. `initial` are the bytes of a partial file that is resumed."""
        from huggingface_hub.utils.tqdm import tqdm

        received = self

        class CountingBar(tqdm):
            def __init__(self, *arguments: Any, **options: Any) -> None:
                super().__init__(*arguments, **{**options, "disable": True})  # type: ignore[no-untyped-call]
                received.bytes = options.get("initial") or 0

            def update(self, n: float | None = 1) -> None:
                received.bytes += int(n or 0)

            def update_transfer(self, n: float) -> None:
                """Xet tells what came over the network apart, to a bar that has this method."""

            def set_transfer_postfix_str(self, *_arguments: Any, **_options: Any) -> None:
                """Its speed."""

        return CountingBar

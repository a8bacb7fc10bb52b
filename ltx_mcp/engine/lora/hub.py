"""LoRAs from repositories of the Hugging Face hub: in its cache already, or looked at first and fetched when needed.

A LoRA can be told from its header, which is some hundred kilobytes at its beginning. So a request is planned, and a
wrong one refused, before gigabytes are fetched; fetching is the lane's business.
"""

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ltx_mcp.engine.diffusers_ltx.interrupt import Check
from ltx_mcp.engine.lora.header import MAX_FILE_BYTES, Header, header_of, read_header
from ltx_mcp.engine.weights.choice import Hub
from ltx_mcp.errors import BadInput, ModelUnavailable, NotFound, StudioError

T = TypeVar("T")

REPOSITORY = re.compile(r"(?P<repo>[\w-][\w.-]*/[\w-][\w.-]*)(?::(?P<file>[^:]+))?")  # owner/repo or owner/repo:file
_SAFE = ".safetensors"
_POLL_S = 0.2  # between looks at a cancel and at what has come


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
        from huggingface_hub import hf_hub_download

        before = self._hub.cached_bytes(found.repo)
        path = _aside(
            lambda: hf_hub_download(
                found.repo,
                found.file,
                revision=found.revision,
                cache_dir=self._hub.cache,
                endpoint=self._endpoint,
                tqdm_class=_silent(),
            ),
            lambda: self._listen(found, before, check, progress),
            lambda error: _explained(error, found.repo),
        )
        return Path(path).resolve()

    def _listen(self, found: HubFile, before: int, check: Check, progress: Callable[[int, int], None]) -> None:
        check()
        came = self._hub.cached_bytes(found.repo) - before
        progress(min(max(came, 0), found.header.bytes), found.header.bytes)

    def _cached(self, repo: str, file: str, revision: str | None) -> HubFile | None:
        folder = self._hub.cache / f"models--{repo.replace('/', '--')}"
        for commit in [revision] if revision else _commits(folder):
            snapshot = folder / "snapshots" / commit
            here = sorted(path.relative_to(snapshot).as_posix() for path in snapshot.rglob(f"*{_SAFE}"))
            if not file and len(here) != 1:
                continue  # others may be missing: only the hub knows
            name = file or here[0]
            path = (snapshot / name).resolve()
            if name in here and path.is_file() and path.is_relative_to(folder.resolve()):
                return HubFile(repo, name, commit, read_header(path), path)
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


def _commits(folder: Path) -> list[str]:
    """Those of a repository in the cache: of its main branch, if that is known, then by when they came, newest first.

    A file that was fetched by its commit, as ours are, says nothing of branches.
    """
    main = folder / "refs" / "main"
    named = [main.read_text(encoding="utf-8").strip()] if main.is_file() else []
    snapshots = folder / "snapshots"
    there = sorted(snapshots.iterdir(), key=lambda each: each.stat().st_mtime) if snapshots.is_dir() else []
    return [*named, *(each.name for each in reversed(there) if each.name not in named)]


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

    page = f"https://huggingface.co/{repo}"
    if isinstance(error, errors.GatedRepoError):
        return ModelUnavailable(
            f"{repo} is gated: its makers let in whoever accepts their terms, and you are not in yet.",
            f"Accept them on {page}, then set HF_TOKEN to a token of that account (or run `hf auth login`).",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return NotFound(f"{repo} has no such revision.", "Leave revision out for the newest.")
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        return NotFound(f"There is no repository {repo} on the hub, or it is private.", "Look for a typing error.")
    if isinstance(error, errors.SafetensorsParsingError):
        return BadInput(f"{repo} cannot be used: its file is not a safetensors file, or is damaged.")
    return ModelUnavailable(
        f"{repo} could not be had from the hub: {error}.",
        "Check the network and the disk, or put the file into the folder that LTX_MCP_LORA_DIR names.",
    )


def _aside(work: Callable[[], T], meanwhile: Callable[[], None], explain: Callable[[BaseException], Exception]) -> T:
    """What `work` returns, on a thread of its own; `meanwhile` is called until it ends, and may raise out of here."""
    outcome: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, name="lora-download", daemon=True)
    thread.start()
    while thread.is_alive():
        meanwhile()
        thread.join(_POLL_S)
    if failure:
        raise explain(failure[0]) from failure[0]
    return outcome[0]


def _silent() -> Any:
    """A progress bar that shows nothing."""
    from functools import partialmethod

    from huggingface_hub.utils.tqdm import tqdm

    return type("Silent", (tqdm,), {"__init__": partialmethod(tqdm.__init__, disable=True)})

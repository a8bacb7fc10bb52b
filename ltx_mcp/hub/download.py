"""Fetching files of the hub, one after another: with progress, a cancel, room on the disk, and a checksum after.

huggingface_hub does the work, but for one thing: `hf_hub_download` (2.4) deletes a partial file when it stops. So the
content is fetched by its `http_get`, which can go on from a partial file, to where `hf_hub_download` finds it. That is
plain HTTP: Xet would keep no partial file.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, wait
from pathlib import Path
from threading import Thread
from typing import Any

from filelock import FileLock

from ltx_mcp.errors import Cancelled, ModelUnavailable
from ltx_mcp.hub.cache import Hub, HubFile
from ltx_mcp.hub.refusals import explained
from ltx_mcp.types.callbacks import BytesProgress, Check

_POLL_S = 0.2  # between checks for a cancel


def require(hub: Hub, files: Iterable[HubFile], instead: str) -> None:
    """Raise ModelUnavailable if one of the files is not here and may not be fetched either. Fetches nothing."""
    for each in files:
        if hub.find(each) is not None:
            continue
        if each.folder is not None:
            raise ModelUnavailable(f"{each.folder} holds no {each.file}.", f"Name a folder that does, or {instead}.")
        size = f" ({each.bytes / 1e6:.3g} MB)" if each.bytes else ""
        hub.require_network(f"{each.file} of {each.repo}{size}", instead)


def fetch(
    hub: Hub,
    files: Sequence[HubFile],
    instead: str,
    check: Check = lambda: None,
    progress: BytesProgress = lambda _done, _total: None,
) -> list[Path]:
    """Where each of the files lies; those that are missing are downloaded into the cache first.

    `progress` is called with the bytes done and in all of what was missing. `check` is called five times a second;
    once it raises, the download stops, and goes on from there the next time. `instead` is for errors (refusals.py).
    Raises ModelUnavailable, and NotFound where the hub knows no such repository or file.
    """
    paths = {each: hub.find(each) for each in files}
    missing = [each for each, path in paths.items() if path is None]
    require(hub, missing, instead)
    hub.require_room(", ".join(dict.fromkeys(each.repo for each in missing)), sum(m.bytes for m in missing), instead)
    before = 0
    for position, each in enumerate(missing):
        received, later = Received(each.bytes), sum(file.bytes for file in missing[position + 1 :])
        download = _start(hub, each, received)
        try:
            while not download.done():
                check()
                progress(before + min(received.bytes, received.total), before + received.total + later)
                wait([download], _POLL_S)
        finally:
            received.wanted = False
        if (error := download.exception()) is not None:
            raise explained(error, each.repo, instead) from error
        paths[each] = download.result()
        before += received.total
        progress(before, before + later)
    return [path for path in paths.values() if path is not None]


def _start(hub: Hub, wanted: HubFile, received: "Received") -> "Future[Path]":
    """The download on a daemon thread: a server that sends nothing must hold up neither a cancel nor the exit."""
    outcome: Future[Path] = Future()

    def run() -> None:
        try:
            outcome.set_result(_download(hub, wanted, received))
        except BaseException as error:
            outcome.set_exception(error)

    Thread(target=run, name="hub-download", daemon=True).start()
    return outcome


def _download(hub: Hub, wanted: HubFile, received: "Received") -> Path:
    """Raises what huggingface_hub raises."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.file_download import repo_folder_name

    url = hf_hub_url(wanted.repo, wanted.file, revision=wanted.revision, endpoint=hub.endpoint)
    there = get_hf_file_metadata(url, endpoint=hub.endpoint)
    if there.size is None or not re.fullmatch(r"\w[\w.-]*", there.etag or ""):
        raise OSError(f"{url} was not answered as the hub answers")
    folder = repo_folder_name(repo_id=wanted.repo, repo_type="model")
    blob = hub.cache / folder / "blobs" / str(there.etag)
    lock = hub.cache / ".locks" / folder / f"{there.etag}.lock"  # huggingface_hub's own
    for path in (blob, lock):
        path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        if not blob.exists():
            partial = blob.with_name(f"{there.etag}.incomplete")
            _complete(partial, url, there.size, received)
            _verify(partial, wanted, str(there.etag))
            partial.replace(blob)
    return Path(  # finds the content here, and notes which revision it belongs to
        hf_hub_download(wanted.repo, wanted.file, revision=wanted.revision, endpoint=hub.endpoint, cache_dir=hub.cache)
    )


def _complete(partial: Path, url: str, size: int, received: "Received") -> None:
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # documented, but not in its __all__

    with partial.open("ab") as file:
        if file.tell() > size:
            file.seek(0)
            file.truncate()
        http_get(
            url,
            file,
            resume_size=file.tell(),
            headers=build_hf_headers(),
            expected_size=size,
            tqdm_class=received.bar_class(),
        )


def _verify(partial: Path, wanted: HubFile, etag: str) -> None:
    """The hub's ETag of a large file is its SHA-256. A file that has another is deleted: it is fetched again."""
    expected = wanted.sha256 or (etag if re.fullmatch(r"[0-9a-f]{64}", etag) else "")
    if not expected:
        return
    with partial.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        partial.unlink()
        message = f"{wanted.file} of {wanted.repo} came damaged: its SHA-256 is {found}, not {expected}."
        raise ModelUnavailable(message, "Try again.")


class Received:
    """Bytes of a download that are on the disk, counted by the progress bar that huggingface_hub is given.

    `total` is what was said of the size, until the hub says it exactly. Once it is not `wanted`, the download stops at
    its next piece.
    """

    def __init__(self, total: int = 0) -> None:
        self.bytes, self.total, self.wanted = 0, total, True

    def bar_class(self) -> Any:
        """A bar that shows nothing. `initial` are the bytes of a partial file that is resumed."""
        from huggingface_hub.utils.tqdm import tqdm

        received = self

        class CountingBar(tqdm):
            def __init__(self, *arguments: Any, **options: Any) -> None:
                super().__init__(*arguments, **{**options, "disable": True})  # type: ignore[no-untyped-call]
                received.bytes = options.get("initial") or 0
                received.total = options.get("total") or received.total

            def update(self, n: float | None = 1) -> None:
                if not received.wanted:
                    raise Cancelled
                received.bytes += int(n or 0)

        return CountingBar

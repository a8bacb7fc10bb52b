"""LoRAs from the hub: found in a cache as huggingface_hub lays it out, or looked at, refused and fetched."""

import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from engine_kit import Listener
from huggingface_hub import hf_hub_download
from safetensors.torch import save

from ltx_mcp.engine.lora.catalogue import CatalogueEntry
from ltx_mcp.engine.lora.hub import LoraHub, Received
from ltx_mcp.engine.lora.installed import InstalledLoras
from ltx_mcp.engine.weights.hub_cache import Hub
from ltx_mcp.errors import BadInput, Cancelled, ModelUnavailable, NotFound
from ltx_mcp.types.requests import LoraUse
from ltx_mcp.types.stages import Stage

COMMIT, OLDER = "a" * 40, "b" * 40
STYLE = save(
    {"transformer.proj_out.lora_A.weight": torch.ones(4, 64), "transformer.proj_out.lora_B.weight": torch.ones(128, 4)},
    {"trigger_words": "F3lt", "reference_downscale_factor": "2"},
)
ENTRY = CatalogueEntry("felt-style", "maker/felt", "Felt.safetensors", len(STYLE), trigger="F3lt", strength=0.8)


def put(cache: Path, repo: str, *files: str, commit: str = COMMIT, newest: bool = True) -> None:
    """A repository in a cache: blobs by digest, links to them by commit, and the commit of each branch."""
    folder = cache / f"models--{repo.replace('/', '--')}"
    for part in ("refs", "blobs", f"snapshots/{commit}"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    if newest:
        (folder / "refs" / "main").write_text(commit)
    (folder / "blobs" / "digest").write_bytes(STYLE)
    for file in files:
        link = folder / "snapshots" / commit / file
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(folder / "blobs" / "digest", link.parent))


def installed(cache: Path, folder: Path | None = None, accepted: bool = False, offline: bool = True) -> InstalledLoras:
    return InstalledLoras(folder, [ENTRY], LoraHub(Hub(cache, offline), accepted))


@pytest.mark.parametrize("name", ["felt-style", "maker/felt", "maker/felt:Felt.safetensors"])
def test_what_is_in_the_cache_needs_neither_network_nor_licence(tmp_path: Path, name: str) -> None:
    put(tmp_path, "maker/felt", "Felt.safetensors")
    [picked] = installed(tmp_path).pick([LoraUse(name=name)])
    assert (picked.card.name, picked.card.revision) == ("maker/felt:Felt.safetensors", COMMIT)
    assert (picked.strength, [trigger.word for trigger in picked.card.triggers]) == (0.8, ["F3lt"])
    assert picked.card.here.read_bytes() == STYLE
    watch = Listener()
    use = LoraUse(name=picked.card.name, strength=0.5, revision=picked.card.revision)
    assert installed(tmp_path).fetch([use], watch)[0].card == picked.card
    assert watch.stages == []


def test_a_repository_that_nobody_described_is_told_by_its_file(tmp_path: Path) -> None:
    put(tmp_path, "someone/own", "deep/ic.safetensors")
    card = installed(tmp_path).find("someone/own")
    assert (card.name, card.kind, card.reference_downscale_factor) == ("someone/own:deep/ic.safetensors", "ic_lora", 2)
    assert installed(tmp_path).find("someone/own:deep/ic.safetensors") == card


def test_the_users_folder_comes_first(tmp_path: Path) -> None:
    put(tmp_path / "cache", "maker/felt", "Felt.safetensors")
    home = tmp_path / "loras"
    home.mkdir()
    (home / "Felt.safetensors").write_bytes(STYLE)
    for name in ("felt-style", "maker/felt", "Felt"):
        card = installed(tmp_path / "cache", home).find(name)
        assert (card.name, card.here.parent, card.revision) == ("Felt", home, None)
    (home / "Felt.safetensors").write_bytes(STYLE + b"other")
    assert installed(tmp_path / "cache", home).find("felt-style").revision == COMMIT, "another file of the same name"


def test_an_older_commit_can_be_named(tmp_path: Path) -> None:
    put(tmp_path, "maker/felt", "Felt.safetensors")
    put(tmp_path, "maker/felt", "Felt.safetensors", commit=OLDER, newest=False)
    assert installed(tmp_path).find("felt-style", OLDER).revision == OLDER
    with pytest.raises(ModelUnavailable, match="HF_HUB_OFFLINE forbids"):
        installed(tmp_path).find("felt-style", "c" * 40)


def test_a_link_out_of_the_cache_is_not_followed(tmp_path: Path) -> None:
    put(tmp_path / "cache", "maker/felt")
    (tmp_path / "outside.safetensors").write_bytes(STYLE)
    link = tmp_path / "cache" / "models--maker--felt" / "snapshots" / COMMIT / "Felt.safetensors"
    link.symlink_to(tmp_path / "outside.safetensors")
    with pytest.raises(ModelUnavailable, match="is not in"):
        installed(tmp_path / "cache").find("felt-style")


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("fell-style", NotFound, "The nearest are felt-style"),
        ("maker/felt/more", NotFound, "There is no LoRA"),
        ("maker", NotFound, "There is no LoRA"),
        ("../felt", NotFound, "There is no LoRA"),
        ("maker/felt:Felt.bin", BadInput, "only safetensors"),
        ("maker/felt:../../Felt.safetensors", BadInput, "only safetensors"),
        ("maker/felt:/etc/Felt.safetensors", BadInput, "only safetensors"),
        ("maker/other", ModelUnavailable, "HF_HUB_OFFLINE forbids fetching"),
    ],
)
def test_a_bad_name_is_refused_at_once(tmp_path: Path, name: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        installed(tmp_path).find(name)


def test_nothing_is_asked_of_the_hub_before_the_licence_was_accepted(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"LTX_MCP_ACCEPT_LICENCE=1") as refused:
        installed(tmp_path, offline=False).find("felt-style")
    assert "https://huggingface.co/maker/felt" in refused.value.hint


class FakeHub(BaseHTTPRequestHandler):
    """What huggingface_hub asks of a hub: a repository's files, and a file, whole or in part."""

    FILES: ClassVar = {
        "maker/felt": {"Felt.safetensors": STYLE, "README.md": b"hello"},
        "maker/many": {"a.safetensors": STYLE, "b.safetensors": STYLE},
        "maker/pickled": {"lora.bin": b"x"},
        "maker/damaged": {"x.safetensors": struct.pack("<Q", 40) + b"no json" * 9},
        "maker/checkpoint": {"x.safetensors": save({"transformer.proj_out.weight": torch.ones(4, 64)})},
        "maker/gated": {"x.safetensors": STYLE},
    }

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            return self._listing("/".join(parts[2:4]), body)
        repo, file = "/".join(parts[:2]), "/".join(parts[4:])
        if repo == "maker/gated":
            return self._send(401, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "no"}, body)
        data = self.FILES[repo][file]
        headers = {"ETag": f'"{len(data)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if asked := self.headers.get("Range"):
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last or len(data)), len(data) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
            return self._send(206, data[start : end + 1], headers, body)
        return self._send(200, data, headers, body)

    def _listing(self, repo: str, body: bool) -> None:
        if repo not in self.FILES:
            return self._send(404, b"", {"X-Error-Code": "RepoNotFound"}, body)
        siblings = [{"rfilename": name, "size": len(data)} for name, data in self.FILES[repo].items()]
        if repo == "maker/many":
            siblings[0]["size"] = 11_000_000_000
        answer = {"id": repo, "sha": COMMIT, "siblings": siblings, "private": False, "tags": [], "downloads": 0}
        return self._send(200, json.dumps(answer).encode(), {"Content-Type": "application/json"}, body)

    def _send(self, code: int, data: bytes, headers: dict[str, str], body: bool) -> None:
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@contextmanager
def fake_hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeHub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def assert_progress_counts_bytes(cache: Path, endpoint: str) -> None:
    """All of a file, and of one whose first ten bytes are here already."""
    for name, partial in (("whole", b""), ("resumed", STYLE[:10])):
        blobs = cache / name / "models--maker--felt" / "blobs"
        blobs.mkdir(parents=True)
        if partial:
            (blobs / f"{len(STYLE)}.incomplete").write_bytes(partial)
        received = Received()
        bar = received.bar_class()
        hf_hub_download("maker/felt", "Felt.safetensors", cache_dir=cache / name, endpoint=endpoint, tqdm_class=bar)
        assert received.bytes == len(STYLE), name


def against_a_hub(cache: Path) -> None:
    """Run in a process of its own, where the network is on whatever this one's environment says."""
    with fake_hub() as endpoint:
        hub = LoraHub(Hub(cache), accepted=True, endpoint=endpoint)
        loras = InstalledLoras(None, [ENTRY], hub)
        card = loras.find("felt-style")
        assert (card.path, card.revision, card.bytes, card.kind) == (None, COMMIT, len(STYLE), "lora")
        assert not list(cache.rglob("*.safetensors")), "looked at, not fetched"
        for name, error, words in (
            ("maker/gone", NotFound, "no repository maker/gone"),
            ("maker/felt:Fell.safetensors", NotFound, "Its safetensors files: Felt.safetensors"),
            ("maker/many", BadInput, "Name one, as maker/many:file"),
            ("maker/many:a.safetensors", BadInput, "more than any LoRA"),
            ("maker/pickled", BadInput, "holds 0 safetensors files"),
            ("maker/damaged", BadInput, "damaged"),
            ("maker/checkpoint", BadInput, "does not belong in a plain LoRA"),
            ("maker/gated", ModelUnavailable, "https://huggingface.co/maker/gated, then set HF_TOKEN"),
        ):
            with pytest.raises(error) as caught:
                loras.find(name)
            assert words in str(caught.value), (name, str(caught.value))
        assert_progress_counts_bytes(cache / "counted", endpoint)
        use = LoraUse(name=card.name, strength=0.5, revision=COMMIT)
        given_up = InstalledLoras(None, [ENTRY], LoraHub(Hub(cache / "given-up"), accepted=True, endpoint=endpoint))
        with pytest.raises(Cancelled):  # its download goes on by itself, so it has a cache of its own
            given_up.fetch([use], Listener(Stage.LOADING))
        watch = Listener()
        [fetched] = loras.fetch([use], watch)
        assert fetched.card.here.read_bytes() == STYLE
        assert (watch.stages, watch.steps[-1]) == ([Stage.LOADING], (len(STYLE), len(STYLE)))
        assert installed(cache).find("felt-style").here == fetched.card.here, "the next time it is in the cache"
    with pytest.raises(ModelUnavailable, match="could not be had from the hub"):
        loras.find("maker/other")
    sys.stdout.write("done")


def test_a_hub_is_asked_for_the_header_first_and_for_the_file_when_it_is_needed(tmp_path: Path) -> None:
    code = f"import test_lora_hub, pathlib; test_lora_hub.against_a_hub(pathlib.Path({str(tmp_path)!r}))"
    environment = {**os.environ, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout == "done"

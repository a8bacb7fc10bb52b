"""LoRAs from the hub: found in a cache as huggingface_hub lays it out, or looked at, refused and fetched."""

import os
import struct
from pathlib import Path

import pytest
import torch
from engine_kit import Listener
from hub_kit import COMMIT, FakeHub, outside, serving
from safetensors.torch import save

from ltx_mcp.engine.lora.catalogue import CatalogueEntry
from ltx_mcp.engine.lora.hub import LoraHub
from ltx_mcp.engine.lora.installed import InstalledLoras
from ltx_mcp.errors import BadInput, Cancelled, ModelUnavailable, NotFound
from ltx_mcp.hub.cache import Hub
from ltx_mcp.types.requests import LoraUse
from ltx_mcp.types.stages import Stage

OLDER = "b" * 40
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
    return InstalledLoras(folder, [ENTRY], LoraHub(Hub(cache, offline), lambda: accepted))


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


HELD = {
    "maker/felt": {"Felt.safetensors": STYLE, "README.md": b"hello"},
    "maker/many": {"a.safetensors": STYLE, "b.safetensors": STYLE},
    "maker/pickled": {"lora.bin": b"x"},
    "maker/damaged": {"x.safetensors": struct.pack("<Q", 40) + b"no json" * 9},
    "maker/checkpoint": {"x.safetensors": save({"transformer.proj_out.weight": torch.ones(4, 64)})},
    "maker/gated": {"x.safetensors": STYLE},
}
TOO_LARGE = {"maker/many:a.safetensors": 11_000_000_000}


def against_a_hub(cache: Path) -> None:
    with serving(FakeHub(HELD, ("maker/gated",), TOO_LARGE)) as server:
        loras = InstalledLoras(None, [ENTRY], LoraHub(Hub(cache, endpoint=server.endpoint), lambda: True))
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
        use = LoraUse(name=card.name, strength=0.5, revision=COMMIT)
        with pytest.raises(Cancelled):
            loras.fetch([use], Listener(Stage.LOADING))
        watch = Listener()
        [fetched] = loras.fetch([use], watch)
        assert fetched.card.here.read_bytes() == STYLE
        assert (watch.stages, watch.steps[-1]) == ([Stage.LOADING], (len(STYLE), len(STYLE)))
        assert installed(cache).find("felt-style").here == fetched.card.here, "the next time it is in the cache"
    with pytest.raises(ModelUnavailable, match="could not be loaded"):
        loras.find("maker/other")


def test_a_hub_is_asked_for_the_header_first_and_for_the_file_when_it_is_needed(tmp_path: Path) -> None:
    outside("test_lora_hub", "against_a_hub", tmp_path)

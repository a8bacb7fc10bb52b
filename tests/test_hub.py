"""Files of the hub: fetched with progress, stopped and gone on with, checked, and refused with the remedy."""

import shutil
from pathlib import Path

import pytest
from hub_kit import COMMIT, FakeHub, outside, serving

from ltx_mcp.errors import Cancelled, ModelUnavailable, NotFound, StudioError
from ltx_mcp.hub.cache import Hub, HubFile
from ltx_mcp.hub.download import fetch, require

CONFIG, WEIGHTS = b'{"width": 64}', bytes(range(256)) * 100
INSTEAD = "set LTX_MCP_THING=small"


def wanted(file: str = "model.safetensors", size: int = len(WEIGHTS), **others: str) -> HubFile:
    return HubFile("maker/model", file, size, **others)


class SmallHub(Hub):
    """With 1 kB free."""

    def free_bytes(self) -> int:
        return 1000


def refused(hub: Hub, file: HubFile) -> StudioError:
    with pytest.raises(StudioError) as caught:
        fetch(hub, [file], INSTEAD)
    return caught.value


def test_offline_a_missing_file_is_refused_with_its_size_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"model.safetensors of maker/model \(0.0256 MB\) is not in") as caught:
        require(Hub(tmp_path, offline=True), [wanted()], INSTEAD)
    assert caught.value.hint == "Unset HF_HUB_OFFLINE to fetch it, or set LTX_MCP_THING=small."
    require(Hub(tmp_path), [wanted()], INSTEAD)


def test_a_folder_laid_out_like_a_repository_serves_for_one(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(WEIGHTS)
    hub = Hub(tmp_path / "cache", offline=True)
    here, absent = (HubFile(str(tmp_path), name) for name in ("model.safetensors", "config.json"))
    assert fetch(hub, [here], INSTEAD) == [tmp_path / "model.safetensors"]
    assert f"{tmp_path} holds no config.json" in refused(hub, absent).message


def test_what_does_not_fit_the_disk_is_not_begun(tmp_path: Path) -> None:
    error = refused(SmallHub(tmp_path), wanted(size=3_000_000_000))
    assert error.message == f"maker/model needs 3.0 GB more in {tmp_path}; 0.0 GB are free."
    assert error.hint == "Make room, point HF_HOME at a larger disk, or set LTX_MCP_THING=small."


def fetched_with_progress(folder: Path, endpoint: str) -> None:
    hub, told = Hub(folder, endpoint=endpoint), []
    files = [wanted("config.json", 0), wanted()]
    config, weights = fetch(hub, files, INSTEAD, progress=lambda done, total: told.append((done, total)))
    assert (config.read_bytes(), weights.read_bytes()) == (CONFIG, WEIGHTS)
    whole = len(CONFIG) + len(WEIGHTS)
    assert told[-1] == (whole, whole), "the hub said the size that was not known"
    assert told == sorted(told)
    offline = Hub(folder, offline=True)
    assert fetch(offline, files, INSTEAD) == [config, weights]
    assert offline.find(wanted(revision=COMMIT)) == weights


def gone_on_with(folder: Path, server: FakeHub) -> None:
    """From wherever it stopped."""
    for bytes_here in (1, 4096, len(WEIGHTS) - 1, len(WEIGHTS), len(WEIGHTS) + 1):
        hub = Hub(folder / str(bytes_here), endpoint=server.endpoint)
        path = fetch(hub, [wanted()], INSTEAD)[0]
        blob = path.resolve()
        blob.with_name(f"{blob.name}.incomplete").write_bytes((WEIGHTS + b"x")[:bytes_here])
        blob.unlink()
        path.unlink()
        server.asked.clear()
        assert fetch(hub, [wanted()], INSTEAD)[0].read_bytes() == WEIGHTS
        asked = {len(WEIGHTS): [], len(WEIGHTS) + 1: [0]}.get(bytes_here, [bytes_here])
        assert [start for _, start in server.asked] == asked


def stopped(folder: Path, endpoint: str) -> None:
    hub = Hub(folder, endpoint=endpoint)

    def give_up() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        fetch(hub, [wanted()], INSTEAD, give_up)
    assert fetch(hub, [wanted()], INSTEAD)[0].read_bytes() == WEIGHTS


def damaged(folder: Path, server: FakeHub) -> None:
    hub = Hub(folder, endpoint=server.endpoint)
    server.damaged.add("model.safetensors")
    assert "came damaged" in refused(hub, wanted()).message
    assert hub.find(wanted()) is None
    server.damaged.clear()
    assert fetch(hub, [wanted()], INSTEAD)[0].read_bytes() == WEIGHTS
    shutil.rmtree(folder)
    assert "not 0000" in refused(hub, wanted(sha256="0" * 64)).message


def explained(folder: Path, server: FakeHub) -> None:
    hub = Hub(folder, endpoint=server.endpoint)
    assert isinstance(refused(hub, HubFile("maker/none", "x")), NotFound)
    assert "has no such file" in refused(hub, wanted("other.bin")).message
    gated = refused(hub, HubFile("maker/gated", "x"))
    assert "https://huggingface.co/maker/gated, then set HF_TOKEN" in gated.hint
    server.pages = True
    page = refused(hub, wanted())
    assert "could not be loaded" in page.message
    assert page.hint == "Check the network, the disk and HF_TOKEN, or set LTX_MCP_THING=small."
    server.pages = False


def against_a_hub(folder: Path) -> None:
    files = {"maker/model": {"config.json": CONFIG, "model.safetensors": WEIGHTS}, "maker/gated": {"x": b"x"}}
    with serving(FakeHub(files, gated=("maker/gated",))) as server:
        fetched_with_progress(folder / "whole", server.endpoint)
        gone_on_with(folder / "partial", server)
        stopped(folder / "stopped", server.endpoint)
        damaged(folder / "damaged", server)
        explained(folder / "explained", server)
    assert "could not be loaded" in refused(Hub(folder, endpoint=server.endpoint), wanted()).message


def test_files_are_fetched_gone_on_with_checked_and_refused(tmp_path: Path) -> None:
    outside("test_hub", "against_a_hub", tmp_path)

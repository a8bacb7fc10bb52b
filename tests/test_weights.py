"""Which model is chosen and why; nothing here may reach the network, and nothing does."""

from pathlib import Path

import pytest

from ltx_mcp.engine.memory import GB, POLICIES, Machine, Offload, pick, probe_machine, resolve_device
from ltx_mcp.engine.recipes import ONE_STAGE
from ltx_mcp.engine.source import DiffusersSource, MicroSource
from ltx_mcp.engine.weights import DEFAULT, FAMILIES, Hub, choose, local_hub
from ltx_mcp.errors import ModelUnavailable

LAPTOP = Machine(ram_bytes=16 * GB)
STATION = Machine(ram_bytes=128 * GB, cuda_bytes=24 * GB)


class RoomyHub(Hub):
    """A cache on a disk with room for anything."""

    def free_bytes(self) -> int:
        return 10**12


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return RoomyHub(tmp_path / "hub")


def cache(hub: Hub, repo: str, size: int) -> None:
    blobs = hub.cache / f"models--{repo.replace('/', '--')}" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "0").write_bytes(b"0" * size)


def test_auto_without_a_cuda_device_is_the_micro_model(hub: Hub) -> None:
    choice = choose("auto", True, LAPTOP, hub)
    assert isinstance(choice.source, MicroSource)
    assert "no CUDA device" in choice.reason


def test_auto_with_device_and_licence_is_ltx(hub: Hub) -> None:
    choice = choose("auto", True, STATION, hub)
    assert isinstance(choice.source, DiffusersSource)
    assert (choice.source.location, choice.source.info.name) == (DEFAULT.repo, "ltx-2.3")
    assert "stream-8bit" in choice.reason


def test_auto_without_the_licence_is_micro_and_says_how_to_accept(hub: Hub) -> None:
    choice = choose("auto", False, STATION, hub)
    assert isinstance(choice.source, MicroSource)
    assert "LTX_MCP_ACCEPT_LICENCE" in choice.reason


def test_auto_on_a_small_device_is_micro_and_names_the_sizes(hub: Hub) -> None:
    choice = choose("auto", True, Machine(128 * GB, 8 * GB), hub)
    assert isinstance(choice.source, MicroSource)
    assert "15 GB of device memory" in choice.reason


@pytest.mark.parametrize("name", [*(family.name for family in FAMILIES), "someone/some-model"])
def test_nothing_named_is_fetched_before_the_licence_is_accepted(hub: Hub, name: str) -> None:
    with pytest.raises(ModelUnavailable, match="LTX_MCP_ACCEPT_LICENCE"):
        choose(name, False, STATION, hub)
    assert not hub.cache.exists()


def test_a_repository_id_is_honoured(hub: Hub) -> None:
    source = choose("someone/some-model", True, LAPTOP, hub).source
    assert isinstance(source, DiffusersSource)
    assert source.location == "someone/some-model"


def test_offline_without_the_weights_is_refused_and_with_them_is_not(tmp_path: Path) -> None:
    offline = RoomyHub(tmp_path, offline=True)
    with pytest.raises(ModelUnavailable, match="HF_HUB_OFFLINE"):
        choose("ltx-2.3", True, STATION, offline)
    cache(offline, DEFAULT.repo, 1)
    cache(offline, DEFAULT.upsampler_repo, 1)
    assert choose("ltx-2.3", True, STATION, offline).source.info.name == "ltx-2.3"


def test_a_full_disk_is_refused_with_the_missing_gigabytes(tmp_path: Path) -> None:
    class FullDisk(Hub):
        def free_bytes(self) -> int:
            return GB

    with pytest.raises(ModelUnavailable, match=r"71\.5 GB more .* 1\.0 GB are free"):
        choose("ltx-2.3", True, STATION, FullDisk(tmp_path))


def test_what_is_cached_need_not_fit_again(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    cache(hub, DEFAULT.repo, 1000)
    assert hub.cached_bytes(DEFAULT.repo) == 1000
    assert hub.cached_bytes("no/such") == 0


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path, hub: Hub) -> None:
    with pytest.raises(ModelUnavailable, match=r"model_index\.json"):
        choose(str(tmp_path), True, LAPTOP, hub)


def test_a_folder_without_an_upsampler_has_one_stage(tmp_path: Path, hub: Hub) -> None:
    (tmp_path / "model_index.json").write_text("{}")
    assert choose(str(tmp_path), False, LAPTOP, hub).source.info.recipes == ONE_STAGE


def test_an_unknown_name_lists_the_known_ones(hub: Hub) -> None:
    with pytest.raises(ModelUnavailable, match=r"auto, micro, ltx-2\.3, ltx-2\.3-v1\.1"):
        choose("ltx", True, STATION, hub)


def test_the_hubs_own_variables_keep_their_meaning() -> None:
    assert local_hub({"HF_HOME": "/data/hf"}) == Hub(Path("/data/hf/hub"))
    assert local_hub({"HF_HUB_CACHE": "/data/c", "HF_HUB_OFFLINE": "1"}) == Hub(Path("/data/c"), offline=True)


@pytest.mark.parametrize(
    ("device_gb", "expected"),
    [
        (141, "resident"),
        (80, "offload"),
        (48, "offload-48"),
        (32, "offload-8bit"),
        (24, "stream-8bit"),
        (16, "stream-8bit-16"),
    ],
)
def test_each_size_of_device_has_its_policy(device_gb: int, expected: str) -> None:
    machine = Machine(ram_bytes=128 * GB, cuda_bytes=device_gb * GB)
    assert pick("cuda", machine, DEFAULT.weights_bytes).name == expected


def test_policies_shrink_together() -> None:
    limits = [policy.max_pixel_frames for policy in POLICIES[1:]]
    assert limits == sorted(limits, reverse=True)


def test_a_policy_can_be_named_and_an_unknown_one_is_refused() -> None:
    assert pick("cuda", STATION, DEFAULT.weights_bytes, "offload-8bit").offload is Offload.MODEL
    with pytest.raises(ModelUnavailable, match="auto or one of: resident"):
        pick("cuda", STATION, DEFAULT.weights_bytes, "huge")


def test_the_micro_model_is_whole_anywhere_and_limited_by_memory() -> None:
    small, large = (pick("cpu", Machine(ram * GB), 8_000_000).max_pixel_frames for ram in (2, 16))
    assert small < large
    assert small > 448 * 256 * 481  # its native size for 20 s fits 2 GB


def test_a_model_larger_than_main_memory_is_refused_on_a_cpu() -> None:
    with pytest.raises(ModelUnavailable, match="71 GB"):
        pick("cpu", LAPTOP, DEFAULT.weights_bytes)


def test_this_machine_can_be_probed_without_torch() -> None:
    machine = probe_machine()
    assert machine.ram_bytes > GB
    assert resolve_device("auto", machine) == ("cpu" if machine.cuda_bytes is None else "cuda")
    assert resolve_device("cuda:1", machine) == "cuda:1"

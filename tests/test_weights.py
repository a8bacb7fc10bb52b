"""Which model is chosen and why; nothing here may reach the network, and nothing does."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ltx_mcp.engine.plan.memory import (
    EMBEDDER_BYTES,
    GB,
    POLICIES,
    Machine,
    Offload,
    pick,
    probe_machine,
    resolve_device,
    room_beside,
)
from ltx_mcp.engine.plan.quality_presets import (
    DISTILLED,
    LATENT_GRID,
    STEPS,
    Guidance,
    Recipe,
    Recipes,
    distilled,
    guided,
    undistilled,
)
from ltx_mcp.engine.plan.sigmas import DISTILLED_SIGMAS, REFINE_SIGMAS, undistilled_sigmas
from ltx_mcp.engine.weights.choice import choose
from ltx_mcp.engine.weights.model_families import DEFAULT, FAMILIES, UPSAMPLER_2_3, Family
from ltx_mcp.engine.weights.source import DiffusersSource, MicroSource
from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.hub.cache import Hub
from ltx_mcp.hub.refusals import explained, gated_repository
from ltx_mcp.parts import embedder_device
from ltx_mcp.settings import Settings

LAPTOP = Machine(ram_bytes=16 * GB)
STATION = Machine(ram_bytes=128 * GB, cuda_bytes=24 * GB)


OLD = Guidance(use_cross_timestep=False)


class RoomyHub(Hub):
    """A cache on a disk with room for anything."""

    def free_bytes(self) -> int:
        return 10**12


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return RoomyHub(tmp_path / "hub")


def cache(hub: Hub, repo: str, size: int) -> Path:
    """The repository's folder, with one file of this size in the layout of huggingface_hub's cache."""
    folder = hub.cache / f"models--{repo.replace('/', '--')}"
    for part in ("blobs", "snapshots/abc"):
        (folder / part).mkdir(parents=True)
    (folder / "blobs" / "0").write_bytes(b"0" * size)
    (folder / "snapshots" / "abc" / "file").symlink_to(Path("../../blobs/0"))
    return folder


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
    for repo in DEFAULT.repos:
        cache(offline, repo, 1)
    assert choose("ltx-2.3", True, STATION, offline).source.info.name == "ltx-2.3"


def test_a_full_disk_is_refused_with_the_missing_gigabytes(tmp_path: Path) -> None:
    class FullDisk(Hub):
        def free_bytes(self) -> int:
            return GB

    with pytest.raises(ModelUnavailable, match=r"71\.8 GB more .* 1\.0 GB are free"):
        choose("ltx-2.3", True, STATION, FullDisk(tmp_path))


def test_what_is_cached_need_not_fit_again(tmp_path: Path) -> None:
    hub = Hub(tmp_path / "hub")
    assert hub.cached_bytes([DEFAULT.repo]) == {DEFAULT.repo: 0}, "before anything was fetched"
    folder = cache(hub, DEFAULT.repo, 1000)
    assert hub.cached_bytes([DEFAULT.repo, "no/such"]) == {DEFAULT.repo: 1000, "no/such": 0}
    (folder / "blobs" / "1.incomplete").write_bytes(b"0" * 70)
    assert hub.cached_bytes([DEFAULT.repo]) == {DEFAULT.repo: 1070}, "a partial file is resumed"
    (folder / "blobs" / "2.incomplete").symlink_to(folder / "blobs" / "renamed meanwhile")
    assert hub.cached_bytes([DEFAULT.repo]) == {DEFAULT.repo: 1070}, "a file may go while the folder is read"


def test_the_main_branch_comes_first_and_then_the_newest_commit(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    assert hub.revisions("a/b") == []
    folder = cache(hub, "a/b", 1)
    for age, commit in enumerate(("old", "older")):
        (folder / "snapshots" / commit).mkdir()
        os.utime(folder / "snapshots" / commit, (10**9 - age, 10**9 - age))
    assert [each.commit_hash for each in hub.revisions("a/b")] == ["abc", "old", "older"]
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("older")
    assert [each.commit_hash for each in hub.revisions("a/b")] == ["older", "abc", "old"]


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path, hub: Hub) -> None:
    with pytest.raises(ModelUnavailable, match=r"model_index\.json"):
        choose(str(tmp_path), True, LAPTOP, hub)


PARTS: dict[str, tuple[list[str], Recipes]] = {
    "bare": ([], distilled(OLD, upsampler=False)),
    "distilled 2.3": (["latent_upsampler", "cross_attn_mod"], DISTILLED),
    "distilled 2.0": (["latent_upsampler"], distilled(OLD)),
    "undistilled, no LoRA": (["shift", "cross_attn_mod", "latent_upsampler"], undistilled(guided(28), adapter=False)),
    "undistilled, no upsampler": (["shift", "cross_attn_mod", "lora"], undistilled(guided(28), upsampler=False)),
    "undistilled 2.3": (["shift", "cross_attn_mod", "lora", "latent_upsampler"], undistilled(guided(28))),
    "undistilled 2.0": (["shift", "lora", "latent_upsampler"], undistilled(guided(29, use_cross_timestep=False))),
}


def a_model(folder: Path, parts: list[str]) -> Path:
    """The small files of a model in diffusers' layout, by which its recipes are told."""
    for name in ("transformer", "scheduler", *(part for part in parts if part == "latent_upsampler")):
        (folder / name).mkdir(parents=True)
    (folder / "model_index.json").write_text("{}")
    (folder / "transformer" / "config.json").write_text(json.dumps({"cross_attn_mod": "cross_attn_mod" in parts}))
    config = {"use_dynamic_shifting": "shift" in parts}
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(config))
    if "lora" in parts:
        (folder / "ltx-2.3-22b-distilled-lora-384-1.1.safetensors").write_bytes(b"12345")
    return folder


@pytest.mark.parametrize("name", PARTS)
def test_what_lies_in_a_folder_says_what_it_makes(tmp_path: Path, hub: Hub, name: str) -> None:
    parts, recipes = PARTS[name]
    folder = a_model(tmp_path / "model", parts)
    source = choose(str(folder), False, LAPTOP, hub).source
    assert isinstance(source, DiffusersSource)
    assert source.info.recipes == recipes
    assert (source.upsampler is not None) is ("latent_upsampler" in parts)
    assert (source.adapter and source.adapter.bytes) == (5 if "lora" in parts else None)


def test_a_repository_that_is_here_is_run_as_what_it_is(hub: Hub) -> None:
    folder = hub.cache / "models--someone--some-model"
    a_model(folder / "snapshots" / "abc", ["shift", "cross_attn_mod", "lora"])
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc")
    source = choose("someone/some-model", True, LAPTOP, hub).source
    assert isinstance(source, DiffusersSource)
    assert source.info.recipes == undistilled(guided(28))
    assert not source.guessed
    assert source.upsampler == UPSAMPLER_2_3


def test_a_repository_that_is_here_with_its_lora_runs_offline(tmp_path: Path) -> None:
    hub = RoomyHub(tmp_path, offline=True)
    folder = cache(hub, "someone/some-model", 9)
    a_model(folder / "snapshots" / "def", ["shift", "cross_attn_mod", "lora", "latent_upsampler"])
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("def")
    cache(hub, UPSAMPLER_2_3, 9)
    assert choose("someone/some-model", True, LAPTOP, hub).source.info.recipes == undistilled(guided(28))


def test_an_id_that_the_hub_would_refuse_is_refused(hub: Hub) -> None:
    for name in ("some--one/model", "someone/mod..el"):
        with pytest.raises(ModelUnavailable, match="is not a valid repository id"):
            choose(name, True, LAPTOP, hub)


def test_a_repository_that_is_not_here_yet_is_taken_for_distilled_and_says_so(hub: Hub) -> None:
    source = choose("someone/some-model", True, LAPTOP, hub).source
    assert isinstance(source, DiffusersSource)
    assert source.guessed
    assert "taken for a distilled" in source.info.label


# Forwards are samples through the transformer: each of 30 guided steps costs four.
PRESETS = {
    "ltx-2.3": {"draft": 8, "final": 11},
    "ltx-2.3-v1.1": {"draft": 8, "final": 11},
    "ltx-2.3-dev": {"draft": 8, "final": 11, "best": 123},
    "ltx-2": {"draft": 8, "final": 11, "best": 123},
    "ltx-2-distilled": {"draft": 8, "final": 11},
    "ltx-2.5": {"draft": 8, "final": 11},
}


def forwards(recipe: Recipe) -> int:
    return sum(each.units * each.guidance.forwards for each in recipe.passes)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_each_family_has_its_presets(family: Family) -> None:
    assert {quality: forwards(recipe) for quality, recipe in family.recipes.items()} == PRESETS[family.name]
    has_lora = family.adapter is not None
    for recipe in family.recipes.values():
        first, *rest = recipe.passes
        assert first.divisor == (1 if recipe.quality == "draft" else 2)
        assert recipe.grid == LATENT_GRID * first.divisor
        assert first.sigmas == (undistilled_sigmas(30) if recipe.quality == "best" else DISTILLED_SIGMAS)
        assert first.adapter is (has_lora and recipe.quality != "best")
        assert [(each.sigmas, each.divisor, each.adapter, each.guidance.forwards) for each in rest] == (
            [] if recipe.quality == "draft" else [(REFINE_SIGMAS, 1, has_lora, 1)]
        )
        newer = family.name.startswith("ltx-2.")
        assert {each.guidance.use_cross_timestep for each in recipe.passes} == {newer}
        assert recipe.uses_negative_prompt is (recipe.quality == "best")
        blocks = {"ltx-2.3-dev": (28,), "ltx-2": (29,)}.get(family.name) if recipe.quality == "best" else None
        assert first.guidance.spatio_temporal_guidance_blocks == blocks
    assert family.source().info.image_crf == (18 if family.name == "ltx-2.5" else 33)
    assert family.gated is (family.name == "ltx-2.5")
    assert family.source().info.weights_bytes == family.loaded_bytes
    assert family.download_bytes >= family.loaded_bytes > 66 * GB


def test_a_guided_pass_has_the_defaults_of_diffusers() -> None:
    import inspect

    from diffusers import LTX2Pipeline

    arguments = inspect.signature(LTX2Pipeline.__call__).parameters
    assert {name: arguments[name].default for name in guided(28).arguments} == guided(28).arguments
    assert arguments["num_inference_steps"].default == STEPS


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_repository_says_where_its_terms_are(status: int) -> None:
    refused = OSError("Client Error. Cannot access gated repo for url https://huggingface.co/a/b.c/resolve/x.json")
    refused.response = SimpleNamespace(status_code=status)  # type: ignore[attr-defined]  # as the hub's errors have it
    wrapped = OSError("We couldn't connect")
    wrapped.__cause__ = refused
    assert gated_repository(wrapped) == "a/b.c"
    assert gated_repository(OSError("no route to host")) is None
    error = explained(wrapped, "c/d", "set LTX_MCP_MODEL=micro")
    assert error.message == "The repository a/b.c is gated."
    assert "https://huggingface.co/a/b.c" in error.hint
    assert "HF_TOKEN" in error.hint


def test_a_distilled_lora_beside_the_weights_needs_a_larger_device() -> None:
    machine = Machine(ram_bytes=256 * GB, cuda_bytes=94 * GB)
    [dev] = [family for family in FAMILIES if family.name == "ltx-2.3-dev"]
    assert pick("cuda", machine, DEFAULT.loaded_bytes).name == "resident"
    assert pick("cuda", machine, dev.loaded_bytes).name == "offload"


def test_an_unknown_name_lists_the_known_ones(hub: Hub) -> None:
    with pytest.raises(ModelUnavailable, match=r"auto, micro, ltx-2\.3, ltx-2\.3-v1\.1, ltx-2\.3-dev, ltx-2,"):
        choose("ltx", True, STATION, hub)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"HF_HOME": "/data/hf"}, "/data/hf/hub False"),
        pytest.param({"HF_HUB_CACHE": "/data/c", "HF_HUB_OFFLINE": "1"}, "/data/c True", marks=pytest.mark.slow),
        pytest.param({"XDG_CACHE_HOME": "/data/x"}, "/data/x/huggingface/hub False", marks=pytest.mark.slow),
    ],
)
def test_the_hubs_own_variables_keep_their_meaning(variables: dict[str, str], expected: str) -> None:
    code = "from ltx_mcp.hub.cache import local_hub; hub = local_hub(); print(hub.cache, hub.offline)"
    foreign = ("HF_", "XDG_", "TRANSFORMERS_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, env={**environment, **variables}, capture_output=True, text=True, timeout=120)
    assert told.stdout.strip() == expected, told.stderr


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
    assert pick("cuda", machine, DEFAULT.loaded_bytes).name == expected


@pytest.mark.parametrize(
    ("device_gb", "fits"), [(141, True), (94, True), (85, True), (51, True), (34, True), (17, False)]
)
def test_an_embedder_runs_on_the_device_where_the_video_model_leaves_it_room(device_gb: int, fits: bool) -> None:
    machine = Machine(256 * GB, device_gb * GB)
    assert (room_beside("cuda", machine, DEFAULT.loaded_bytes) >= EMBEDDER_BYTES) == fits


def test_an_embedder_has_the_device_of_the_micro_model_and_the_cpu_where_it_is_asked_for() -> None:
    machine = Machine(32 * GB, 12 * GB)
    assert embedder_device(Settings(model="micro"), machine) == "cuda"
    assert embedder_device(Settings(model="micro", device="cuda:1"), machine) == "cuda:1"
    assert embedder_device(Settings(model="micro", device="cpu"), machine) == "cpu"
    assert embedder_device(Settings(model="nothing"), machine) == "cpu"
    assert embedder_device(Settings(), Machine(32 * GB)) == "cpu"


def test_policies_shrink_together() -> None:
    limits = [policy.max_pixel_frames for policy in POLICIES[1:]]
    assert limits == sorted(limits, reverse=True)


def test_a_policy_can_be_named_and_an_unknown_one_is_refused() -> None:
    assert pick("cuda", STATION, DEFAULT.loaded_bytes, "offload-8bit").offload is Offload.MODEL
    with pytest.raises(ModelUnavailable, match="auto or one of: resident"):
        pick("cuda", STATION, DEFAULT.loaded_bytes, "huge")


def test_the_micro_model_is_whole_anywhere_and_limited_by_memory() -> None:
    small, large = (pick("cpu", Machine(ram * GB), 8_000_000).max_pixel_frames for ram in (2, 16))
    assert small < large
    assert small > 448 * 256 * 481  # its native size for 20 s fits 2 GB


def test_a_model_larger_than_main_memory_is_refused_on_a_cpu() -> None:
    with pytest.raises(ModelUnavailable, match="71 GB"):
        pick("cpu", LAPTOP, DEFAULT.loaded_bytes)


def test_this_machine_can_be_probed_without_torch() -> None:
    machine = probe_machine()
    assert machine.ram_bytes > GB
    assert resolve_device("auto", machine) == ("cpu" if machine.cuda_bytes is None else "cuda")
    assert resolve_device("cuda:1", STATION) == "cuda:1"

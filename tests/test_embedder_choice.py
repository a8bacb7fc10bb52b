"""Which embedder looks by default: the best that is here, runs at a useful pace, and whose licence permits it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from embedder_kit import put_file, put_in_cache, weights, weights_with_tokenizer

from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.hub.cache import Hub
from ltx_mcp.index.catalogue import CATALOGUE, CHECKPOINT, described
from ltx_mcp.index.choice import AUTOMATIC_BYTES, EMBEDDED, Means, choose, pace, ranked
from ltx_mcp.index.embed import OpenClipEmbedder
from ltx_mcp.index.weights import find_checkpoint

GB = 1_000_000_000
GPU = Means(has_device=True, cores=16, has_bf16=True, ram_bytes=128 * GB)
DESKTOP = Means(has_device=False, cores=8, has_bf16=False, ram_bytes=32 * GB)
LAPTOP = Means(has_device=False, cores=2, has_bf16=False, ram_bytes=16 * GB)
LAPTOP_BF16 = Means(has_device=False, cores=2, has_bf16=True, ram_bytes=16 * GB)
SMALL = Means(has_device=False, cores=2, has_bf16=False, ram_bytes=4 * GB)
TOY = Means(has_device=False, cores=1, has_bf16=False, ram_bytes=1 * GB)
PE_L, PE_B, SIGLIP, VIT = CATALOGUE


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path, offline=True)


@pytest.mark.parametrize(
    ("means", "best"),
    [(GPU, PE_L), (DESKTOP, PE_B), (LAPTOP_BF16, PE_B), (LAPTOP, SIGLIP), (SMALL, VIT)],
    ids=["gpu", "desktop", "bf16", "laptop", "small"],
)
def test_the_best_is_the_one_that_this_machine_runs_at_a_useful_pace(means: Means, best: object) -> None:
    assert ranked(means)[0] is best


def test_a_machine_too_small_for_any_keeps_the_embedded_one(hub: Hub) -> None:
    assert ranked(TOY) == []
    choice = choose("auto", TOY, hub)
    assert (choice.weights, choice.best, choice.automatic) == (EMBEDDED, None, None)


def test_every_model_of_the_catalogue_permits_any_use_and_says_its_licence_and_size() -> None:
    for known in CATALOGUE:
        assert known.permissive
        assert known.licence in ("Apache-2.0", "MIT")
        assert known.licence in known.said
        assert " GB, " in known.said
        assert "MobileCLIP" not in known.weights


def test_weights_for_research_alone_are_never_a_default_though_they_may_be_named(hub: Hub) -> None:
    named = choose("MobileCLIP2-S0/dfndr2b", GPU, hub)
    assert named.best is not None
    assert (named.weights, named.best.repo, named.automatic) == (EMBEDDED, "timm/MobileCLIP2-S0-OpenCLIP", None)
    assert not any(known.weights.startswith("MobileCLIP") for known in ranked(GPU))


def test_with_nothing_here_the_embedded_one_looks_and_the_best_below_two_gigabytes_may_come_by_itself(hub: Hub) -> None:
    choice = choose("auto", GPU, hub)
    assert (choice.weights, choice.best, choice.automatic) == (EMBEDDED, PE_L, PE_B)
    assert PE_L.bytes >= AUTOMATIC_BYTES > PE_B.bytes


def test_the_best_of_those_that_are_here_looks_and_nothing_is_fetched_by_itself(hub: Hub) -> None:
    put_in_cache(hub.cache, SIGLIP)
    choice = choose("auto", DESKTOP, hub)
    assert (choice.weights, choice.best, choice.automatic) == (SIGLIP.weights, PE_B, None)
    put_in_cache(hub.cache, PE_B)
    choice = choose("auto", DESKTOP, hub)
    assert (choice.weights, choice.best, choice.automatic) == (PE_B.weights, None, None)


def test_a_model_that_is_here_in_part_is_not_here(hub: Hub) -> None:
    put_file(hub.cache, PE_B.checkpoints[0], b"x")
    assert choose("auto", DESKTOP, hub).weights == EMBEDDED
    assert PE_B.find(hub) is None


def test_either_checkpoint_of_a_model_will_do(hub: Hub) -> None:
    put_file(hub.cache, VIT.checkpoints[1], b"x")
    assert choose(VIT.weights, LAPTOP, hub).weights == VIT.weights


def test_a_tag_that_is_named_is_waited_for(hub: Hub) -> None:
    choice = choose(VIT.weights, GPU, hub)
    assert (choice.weights, choice.best, choice.automatic) == (EMBEDDED, VIT, VIT)
    too_large = choose(PE_L.weights, GPU, hub)
    assert (too_large.best, too_large.automatic) == (PE_L, None)


@pytest.mark.parametrize("setting", ["embedded", "/some/folder", "ViT-B-32", "stand-in"])
def test_what_names_no_tag_is_taken_as_it_is(hub: Hub, setting: str) -> None:
    assert choose(setting, GPU, hub).weights == setting
    assert choose(setting, GPU, hub).best is None


def test_a_tag_that_nobody_knows_is_refused_with_the_known_ones(hub: Hub) -> None:
    with pytest.raises(ModelUnavailable, match="laion2b_s34b_b79k"):
        choose("ViT-B-32/nothing", GPU, hub)


def test_more_cores_and_bfloat16_mean_more_frames_a_second() -> None:
    assert pace(PE_B, LAPTOP) == pytest.approx(2.5 * 1.9)
    assert pace(PE_B, LAPTOP_BF16) > pace(PE_B, LAPTOP)
    assert pace(PE_L, DESKTOP) == 0
    assert pace(PE_L, GPU) == float("inf")


def test_a_model_of_the_catalogue_runs_from_the_cache_and_asks_nobody(hub: Hub) -> None:
    put_in_cache(hub.cache, PE_B, weights())
    embedder = OpenClipEmbedder(PE_B.weights, find=lambda name: find_checkpoint(name, hub))
    assert embedder.model_id.startswith("PE-Core-B-16/meta@")
    frames = [np.full((48, 64, 3), shade, dtype=np.uint8) for shade in (0, 128)]
    assert embedder.embed_frames(frames).shape == (2, 32)
    assert embedder.understands("a rabbit in a meadow")


def test_a_model_with_a_tokenizer_of_transformers_takes_it_from_the_cache_and_pads_on_the_right(hub: Hub) -> None:
    put_in_cache(hub.cache, SIGLIP, weights_with_tokenizer())
    embedder = OpenClipEmbedder(SIGLIP.weights, find=lambda name: find_checkpoint(name, hub))
    vectors = embedder.embed_texts(["A red rabbit!", "a red rabbit", "the meadow"])
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)
    assert not np.allclose(vectors[1], vectors[2])
    tokens = embedder._tokenizer(["a rabbit"])[0].tolist()
    assert tokens[0] != 0
    assert tokens[-1] == 0


def test_the_hubs_name_of_a_file_is_its_digest(hub: Hub) -> None:
    put_in_cache(hub.cache, PE_B, weights())
    link = next(hub.cache.rglob(CHECKPOINT))
    blob = link.parents[2] / "blobs" / ("0123456789abcdef" * 4)
    blob.parent.mkdir()
    link.rename(blob)
    link.symlink_to(blob)
    assert find_checkpoint(PE_B.weights, hub).model_id() == "PE-Core-B-16/meta@01234567"


def without_config(hub: Hub) -> None:
    put_in_cache(hub.cache, PE_B, weights())
    next(hub.cache.rglob("open_clip_config.json")).unlink()


@pytest.mark.parametrize("prepare", [lambda hub: None, without_config], ids=["nothing", "no config"])
def test_a_model_that_is_not_here_names_setup(hub: Hub, prepare: Callable[[Hub], None]) -> None:
    prepare(hub)
    with pytest.raises(ModelUnavailable, match="ltx-mcp setup"):
        find_checkpoint(PE_B.weights, hub)


def test_a_model_of_open_clip_is_described_by_its_own_table() -> None:
    known = described("ViT-B-16/datacomp_xl_s13b_b90k")
    assert known.repo == "laion/CLIP-ViT-B-16-DataComp.XL-s13B-b90K"
    assert [file.file for file in known.checkpoints] == [CHECKPOINT, "open_clip_pytorch_model.bin"]
    assert not known.permissive


@pytest.mark.slow
def test_pes_own_vision_tower_runs_from_the_cache(hub: Hub) -> None:
    put_in_cache(hub.cache, PE_B, weights(pe_tower=True))
    embedder = OpenClipEmbedder(PE_B.weights, find=lambda name: find_checkpoint(name, hub))
    frames = [np.random.default_rng(seed).integers(0, 256, (90, 160, 3), dtype=np.uint8) for seed in (0, 1)]
    vectors = embedder.embed_frames(frames)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert not np.allclose(vectors[0], vectors[1])

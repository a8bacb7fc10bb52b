"""The small CLIP's training on the drawn world: what it is taught, and how."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ltx_mcp.index.embed import OpenClipEmbedder
from ltx_mcp.micro.training import labelled_images, world
from ltx_mcp.micro.training.loop import run
from ltx_mcp.micro.training.train_clip import SIDE, Plan, Trainer, loss_of, meaningless

TINY = Plan(steps=6, batch=6, noise=2, drawn=12, returned=1)


# -- what it learns from -------------------------------------------------------------------------------


def test_every_caption_claims_only_what_its_picture_shows() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        sight = labelled_images.labelled_image(rng)
        for held_out in (False, True):
            _, claims = labelled_images.claim(sight, rng, held_out=held_out)
            assert claims <= sight.tags


def test_every_word_of_a_caption_is_in_the_vocabulary() -> None:
    rng, words = np.random.default_rng(1), set(labelled_images.vocabulary())
    for _ in range(300):
        text, _ = labelled_images.claim(labelled_images.labelled_image(rng), rng, held_out=bool(rng.integers(2)))
        assert set(re.findall(r"\w+", text.casefold())) <= words, text


def test_a_sight_tells_where_things_are_and_how_large() -> None:
    thing = world.Thing("circle", "red", "small", "still", -1.0, -1.0)
    tags = labelled_images.of_scene(world.Scene((thing,), "navy"), 0.5).tags
    assert {"red circle", "small red circle", "red circle left", "red circle top", "ground navy", "count 1"} <= tags
    moved = labelled_images.of_scene(world.Scene((thing,), "navy", camera="zoom in"), 0.5).tags
    assert "red circle" in moved
    assert "small red circle" not in moved


def test_what_is_not_yet_there_is_not_claimed() -> None:
    scene = world.Scene((world.Thing("circle", "red", "small", "appear", 0, 0),), "navy")
    assert "red circle" not in labelled_images.of_scene(scene, 0.1).tags
    assert "red circle" in labelled_images.of_scene(scene, 0.9).tags


def test_no_combination_that_is_kept_for_tests_is_shown() -> None:
    rng = np.random.default_rng(2)
    assert not any(
        sight.scene.held_out for sight in (labelled_images.labelled_image(rng) for _ in range(300)) if not sight.is_card
    )


def test_the_same_seed_shows_the_same() -> None:
    one, two = (np.random.default_rng(5) for _ in range(2))
    first, second = labelled_images.labelled_image(one), labelled_images.labelled_image(two)
    assert first == second
    assert np.array_equal(labelled_images.pixels(first, (60, 100)), labelled_images.pixels(second, (60, 100)))
    assert labelled_images.claim(first, one) == labelled_images.claim(second, two)


def test_a_full_caption_is_frequent() -> None:
    rng = np.random.default_rng(3)
    thing = world.Thing("circle", "red", "small", "still", 0, 0)
    sight = labelled_images.of_scene(world.Scene((thing,), "navy"), 0.5)
    claims = [labelled_images.claim(sight, rng)[1] for _ in range(200)]
    full = [each for each in claims if {"small red circle", "ground navy"} <= each]
    assert len(full) > 0.3 * len(claims)


# -- how it is trained -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_most_pictures_of_a_step_are_hard_to_tell_apart() -> None:
    trainer = Trainer(replace(TINY, batch=16, noise=0, drawn=300, returned=0))
    seen = [[trainer.pool.seen[at] for at in trainer._chosen(np.random.default_rng(step))] for step in range(6)]
    kept, other = [], []
    for step in seen:
        for at, sight in enumerate(step):
            shared = [len(sight.tags & each.tags) for each in step]
            kept += [count for to, count in enumerate(shared) if to != at and to // 8 == at // 8]
            other += [count for to, count in enumerate(shared) if to // 8 != at // 8]
    assert np.mean(kept) > np.mean(other) + 1
    assert all(len({sight.tags for sight in step[:8]}) > 1 for step in seen), "and yet not the same"


def test_a_picture_that_no_text_fits_is_only_a_wrong_answer() -> None:
    fits = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    good = torch.tensor([[9.0, 0.0, 0.0], [0.0, 9.0, 0.0]])
    fooled = torch.tensor([[9.0, 0.0, 20.0], [0.0, 9.0, 20.0]])
    assert loss_of(good, fits) < 0.01 < 5 < loss_of(fooled, fits)


def test_both_of_two_pictures_that_fit_may_be_the_answer() -> None:
    fits = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert loss_of(torch.tensor([[9.0, 9.0, 0.0], [0.0, 0.0, 9.0]]), fits) < loss_of(9 * torch.eye(2, 3), fits)


def test_nothing_is_drawn_in_many_ways() -> None:
    rng = np.random.default_rng(3)
    pictures = [meaningless(rng) for _ in range(20)]
    assert all(each.shape == (SIDE, SIDE, 3) and each.dtype == np.uint8 for each in pictures)
    assert len({each.tobytes() for each in pictures}) == 20


@pytest.mark.slow
def test_a_run_that_was_stopped_and_resumed_is_the_run_that_was_not(tmp_path: Path) -> None:
    whole_clip = Trainer(TINY)
    losses = [whole_clip.advance() for _ in range(4)]
    assert np.isfinite(losses).all()
    first = Trainer(TINY, cache=tmp_path / "images.npz")
    for _ in range(2):
        first.advance()
    first.save(tmp_path / "checkpoint.pt")
    second = Trainer(TINY, cache=tmp_path / "images.npz")  # reads the images that the first made
    second.load(tmp_path / "checkpoint.pt")
    assert [second.advance() for _ in range(2)] == pytest.approx(losses[2:], rel=1e-3)


@pytest.mark.slow
def test_a_run_exports_a_folder_that_the_index_takes(tmp_path: Path) -> None:
    trainer = Trainer(TINY)
    trainer.step = TINY.steps - 1
    run(trainer, tmp_path, minutes=1)
    embedder = OpenClipEmbedder(str(tmp_path / "shapes_clip"))
    assert embedder.embed_texts(["a red circle moving left on a black background"]).shape == (1, 64)
    assert embedder.understands("a tiny crimson ball sinking, on a checked navy background")
    assert not embedder.understands("a lighthouse")

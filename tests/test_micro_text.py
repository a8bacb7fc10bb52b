"""The micro model's prompts, tokenizer and text encoder."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ltx_mcp.micro.tokenizer import MAX_PROMPT_TOKENS, load_tokenizer
from ltx_mcp.micro.training import captions, world
from ltx_mcp.micro.training.prompts import ATTRIBUTES, loosely, prompt
from ltx_mcp.micro.training.text import REGISTERS, embed
from ltx_mcp.micro.training.train_text import TextPlan, TextTrainer, held_out_prompts
from ltx_mcp.micro.training.vocabulary import learn


@pytest.mark.parametrize("text", ["a red circle moving left", "zebra crossing, 北京!", "naïve ½ 🎈", "two  spaces"])
def test_any_text_survives_the_tokenizer(text: str) -> None:
    tokenizer = load_tokenizer()
    ids = tokenizer(text).input_ids
    assert tokenizer.decode(ids, skip_special_tokens=True).strip() == text.lower()
    assert tokenizer.unk_token_id not in ids


def test_a_word_is_one_token_whatever_its_case_and_place() -> None:
    tokenizer = load_tokenizer()
    (first,) = tokenizer("Crimson", add_special_tokens=False).input_ids
    assert tokenizer("a CRIMSON ball", add_special_tokens=False).input_ids[1] == first


def test_every_caption_fits() -> None:
    tokenizer = load_tokenizer()
    rng = np.random.default_rng(0)
    longest = max(len(tokenizer(prompt(world.core_scene(seed), rng).text).input_ids) for seed in range(500))
    assert longest <= MAX_PROMPT_TOKENS
    assert MAX_PROMPT_TOKENS % REGISTERS == 0


def test_the_tokenizer_can_be_learnt_again(tmp_path: Path) -> None:
    learn(["a red ball", "a red box", "a redder ball"] * 4, tmp_path / "words.json")
    tokenizer = load_tokenizer(tmp_path / "words.json")
    assert len(tokenizer("red ball", add_special_tokens=False).input_ids) == 2


def test_a_prompt_answers_what_its_words_say() -> None:
    rng = np.random.default_rng(1)
    for seed in range(300):
        scene = world.core_scene(seed)
        told = prompt(scene, rng, held_out=True)
        thing = scene.things[0]
        assert (told.says("colour"), told.says("kind"), told.says("motion")) == (thing.colour, thing.kind, thing.motion)
        says_size = any(
            f" {word} " in f" {told.text.lower()} ".replace(",", " ") for word in captions.SIZES[thing.size]
        )
        assert (told.says("size") == thing.size) == says_size
        assert told.says("silent") == ("yes" if scene.silent else "no")
        assert told.says("shade") in (scene.shade, "unsaid")


def test_a_full_prompt_leaves_out_only_defaults() -> None:
    rng = np.random.default_rng(2)
    for seed in range(300):
        scene = world.core_scene(seed)
        told = prompt(scene, rng, full=True)
        assert told.says("size") in (scene.things[0].size, *(["unsaid"] if scene.things[0].size == "medium" else []))
        assert told.says("shade") in (scene.shade, *(["unsaid"] if scene.shade == "black" else []))


def test_loose_typing_changes_prompts_and_keeps_their_kinds() -> None:
    rng = np.random.default_rng(3)
    said = [loosely("a red circle moving left", rng) for _ in range(50)]
    assert len(set(said)) > 25
    assert all("circle" in text for text in said)


def test_training_prompts_never_use_a_kept_phrasing() -> None:
    held_out = {each.text for each in held_out_prompts(200)}
    rng = np.random.default_rng(4)
    trained = {prompt(world.core_scene(seed), rng).text for seed in range(1000)}
    assert not held_out & trained


@pytest.mark.slow
def test_text_training_learns_and_repeats_itself(tmp_path: Path) -> None:
    plan = TextPlan(steps=12, prompts=8)
    first, second = TextTrainer(plan), TextTrainer(plan)
    losses = [first.advance() for _ in range(12)]
    assert np.mean(losses[-3:]) < 0.95 * np.mean(losses[:3])
    assert [second.advance() for _ in range(3)] == losses[:3]
    shares = first.right(held_out_prompts(8))
    assert set(shares) == set(ATTRIBUTES)
    assert all(0 <= share <= 1 for share in shares.values())
    first.export(tmp_path)
    assert (tmp_path / "text_encoder" / "model.safetensors").is_file()
    assert (tmp_path / "connectors" / "diffusion_pytorch_model.safetensors").is_file()


def test_embeddings_in_training_are_those_of_the_pipeline() -> None:
    from diffusers import LTX2Pipeline

    from ltx_mcp.micro.build import build

    parts = build()
    del parts["latent_upsampler"]
    pipeline = LTX2Pipeline(**parts)
    texts = ["a red circle moving left", "On a dark background, a huge golden box that is rising, without sound."]
    with torch.inference_mode():
        packed, mask, _, _ = pipeline.encode_prompt(
            texts, do_classifier_free_guidance=False, max_sequence_length=MAX_PROMPT_TOKENS
        )
        wanted = pipeline.connectors(packed, mask, padding_side=pipeline.tokenizer.padding_side)
        made = embed(pipeline.tokenizer, pipeline.text_encoder, pipeline.connectors, texts)
    for ours, theirs in zip(made, wanted, strict=True):
        assert torch.allclose(ours.float(), theirs.float(), atol=1e-4)

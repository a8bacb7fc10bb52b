"""The training of the micro model's transformer: its data, its samples, its forward pass, its runs."""

from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ltx_mcp.engine.plan.sigmas import DISTILLED_SIGMAS
from ltx_mcp.micro.tokenizer import load_tokenizer
from ltx_mcp.micro.training import captions, latents_data, world
from ltx_mcp.micro.training.dit import make_transformer
from ltx_mcp.micro.training.dit_samples import Batch, channel_weights, noisy_of
from ltx_mcp.micro.training.flow import AUDIO_SHARES, SHARES, draw_sigma
from ltx_mcp.micro.training.hints import REACH, Hints, steps_of
from ltx_mcp.micro.training.latents_data import Clip, Shape
from ltx_mcp.micro.training.prompts import is_told, prompt
from ltx_mcp.micro.training.text import VIDEO_WIDTH, embed, make_connectors, make_text_encoder
from ltx_mcp.micro.training.train_dit import DitPlan, DitTrainer
from ltx_mcp.micro.training.training_clips import TrainingClips
from ltx_mcp.micro.training.video_stream import video_velocity
from ltx_mcp.micro.vae import load_vae

pytestmark = pytest.mark.slow  # training alone, of which nothing ships
SHAPE = Shape(2, 2, 3)


@pytest.fixture(scope="module")
def vae() -> Any:
    return load_vae()


@pytest.fixture(scope="module")
def text() -> tuple[Any, Any, Any]:
    torch.manual_seed(0)
    tokenizer = load_tokenizer()
    encoder, connectors = make_text_encoder(len(tokenizer)), make_connectors()
    return tokenizer, encoder.eval().requires_grad_(False), connectors.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def clips(vae: Any) -> list[Clip]:
    """Two scenes with things anywhere, and one that is settled in two colours."""
    rng = np.random.default_rng(0)
    *anywhere, last = (latents_data.training_scene(rng)[1] for _ in range(3))
    [thing] = last.things
    thing = replace(thing, x=0.0, y=0.0)
    stands = replace(last, things=(thing,))
    twin = replace(stands, things=(replace(thing, colour="red" if thing.colour != "red" else "blue"),))
    return [
        Clip(scene, latents_data.encode(vae, latents_data.pixels(scene, SHAPE))[0].half())
        for scene in (*anywhere, stands, twin)
    ]


@pytest.fixture(scope="module")
def footage(vae: Any, tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    folder = tmp_path_factory.mktemp("footage")
    pictures = TrainingClips(0, media=False, textures=2)
    clip = partial(latents_data.footage_clip, vae, pictures)
    latents_data.make(folder, 0, 0, clip, 4, [(1.0, Shape(4, 2, 3))])
    return list(latents_data.read(folder))


def new_trainer(clips: list[Clip], text: tuple[Any, Any, Any], steps: int = 40) -> DitTrainer:
    return DitTrainer(DitPlan(ns_steps=1, steps=steps, tokens=48, layers=2), clips, text, torch.ones(128))


def batches_of(trainer: DitTrainer, steps: int) -> list[Batch]:
    return [trainer.samples.batch(step, "video") for step in range(steps)]


def test_the_data_holds_no_scene_kept_for_tests_and_goes_on_where_it_stopped(vae: Any, tmp_path: Path) -> None:
    for _ in range(2):
        latents_data.make(tmp_path, 1, 0, partial(latents_data.drawn_clip, vae), 2, [(1.0, SHAPE)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01-0000.pt", "01-0001.pt"]
    found = list(latents_data.read(tmp_path))
    scenes = [clip.scene for clip in found if clip.scene is not None]
    assert len(set(scenes)) == 4
    assert not any(scene.held_out for scene in scenes)
    settled = [scene for scene in scenes if scene == world.settled(scene)]
    assert 0 < len(settled) < len(scenes)
    assert all(is_told(scene) for scene in settled)
    again = latents_data.encode(vae, latents_data.pixels(scenes[3], SHAPE))[0]
    assert torch.allclose(found[3].latents.float(), again, atol=0.05)


def test_footage_is_told_apart_and_rests_or_moves(vae: Any, footage: list[Clip]) -> None:
    assert all(clip.scene is None for clip in footage)
    assert {clip.rests for clip in footage} == {True, False}
    for clip in footage:
        moved = (clip.latents[:, 2].float() - clip.latents[:, 1].float()).abs().mean()
        assert (moved < 0.05) == clip.rests


def scene_at(motion: world.Motion, x: float, y: float, *, silent: bool = False) -> world.Scene:
    return world.Scene((world.Thing("circle", "red", "small", motion, x, y),), "navy", silent=silent)


@pytest.mark.parametrize(
    ("scene", "told"),
    [
        (scene_at("left", 2 / 3, 0), True),
        (scene_at("up", 0, 2 / 3, silent=True), True),
        (scene_at("right", 0, -2 / 3), True),  # by its tone
        (scene_at("right", 0, -2 / 3, silent=True), False),
        (scene_at("down", 2 / 3, 0), False),
    ],
)
def test_a_full_prompt_tells_all_of_a_scene_or_there_are_no_words_for_it(scene: world.Scene, told: bool) -> None:
    assert scene == world.settled(scene)
    assert is_told(scene) == told
    rng = np.random.default_rng(0)
    for _ in range(20):
        made = prompt(scene, rng, full=True)
        assert (made.says("size"), made.says("shade")) == ("small", "navy")
        assert scene.things[0].y == 0 or not told or scene.things[0].motion == "up" or made.says("level") == "high"


def test_noise_levels_stand_on_the_schedule_and_between() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_sigma(rng, "told") for _ in range(600)]
    assert set(DISTILLED_SIGMAS) <= set(drawn)
    assert all(0 < sigma <= 1 for sigma in drawn)
    assert max(draw_sigma(rng, "late") for _ in range(300)) <= 0.95
    assert max(draw_sigma(rng, "kept") for _ in range(300)) <= 0.7


@pytest.mark.parametrize("given", [0, 6])
def test_the_lean_forward_is_the_classs(given: int) -> None:
    torch.manual_seed(1)
    model = make_transformer(2)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "audio_to_video" not in name:  # dit.py holds it at zero
                weight.add_(0.05 * torch.randn_like(weight))
    noisy, told, sigma = torch.randn(2, 12, 128), torch.randn(2, 16, VIDEO_WIDTH), torch.tensor([0.9, 0.4])
    coords = model.rope.prepare_video_coords(1, 2, 2, 3, noisy.device, fps=24.0)
    timestep = sigma * 1000
    per_token = timestep[:, None].repeat(1, 12)
    per_token[:, :given] = 0
    with torch.inference_mode():
        ours, streams = video_velocity(model, noisy, told, sigma, given, coords)
        _, first = video_velocity(model, noisy, told, sigma, given, coords, blocks=1)
        theirs, _ = model(
            hidden_states=noisy,
            audio_hidden_states=torch.randn(2, 5, 32),
            encoder_hidden_states=told,
            audio_encoder_hidden_states=torch.randn(2, 16, 64),
            timestep=per_token if given else timestep,
            audio_timestep=timestep,
            sigma=timestep,
            num_frames=2,
            height=2,
            width=3,
            fps=24.0,
            audio_num_frames=5,
            use_cross_timestep=True,
            return_dict=False,
        )
    assert torch.allclose(ours, theirs, atol=1e-4)
    assert [torch.equal(*pair) for pair in zip(streams, first, strict=False)] == [True]
    assert theirs.std() > 0.1


def test_training_learns(clips: list[Clip], text: tuple[Any, Any, Any]) -> None:
    trainer = new_trainer(clips, text)
    first = [trainer.advance()["loss"] for _ in range(5)]
    for _ in range(8):
        trainer.advance()
    trainer.step = 0  # the same samples once more
    assert np.mean([trainer.advance()["loss"] for _ in range(5)]) < 0.9 * np.mean(first)


def test_first_blocks_learn_their_hints_from_mere_noise(clips: list[Clip], text: tuple[Any, Any, Any]) -> None:
    trainer = DitTrainer(
        DitPlan(ns_steps=1, steps=60, tokens=96, layers=3, phase="hints", rate=1e-2), clips, text, torch.ones(128)
    )
    losses = [trainer.advance()["loss"] for _ in range(24)]
    assert np.mean(losses[-6:]) < 0.8 * np.mean(losses[:6])


def test_the_kind_is_hinted_where_a_prompt_says_it(
    clips: list[Clip], footage: list[Clip], text: tuple[Any, Any, Any]
) -> None:
    trainer = DitTrainer(DitPlan(ns_steps=1, steps=40, tokens=48, layers=3), clips + footage, text, torch.ones(128))
    for head in trainer.hints.kinds:
        head.weight.data = 20 * torch.eye(3, VIDEO_WIDTH)
    for batch in batches_of(trainer, 60):
        blank = torch.zeros(*batch.video.shape[:2], VIDEO_WIDTH)
        hinted = trainer.hints.losses([blank] * 3, batch)
        if batch.kind in ("footage", "kept"):
            assert "kind" not in hinted
        elif all(batch.texts):
            kinds = [world.CORE_KINDS.index(scene.things[0].kind) for scene in batch.scenes if scene]
            telling = blank + torch.nn.functional.one_hot(torch.tensor(kinds), VIDEO_WIDTH)[:, None]
            assert trainer.hints.losses([telling] * 3, batch)["kind"] < 1e-3 < 0.5 < hinted["kind"]


def test_the_first_block_tells_roughly_where_a_token_is_and_the_others_exactly(
    clips: list[Clip], text: tuple[Any, Any, Any]
) -> None:
    shape = Shape(2, 3, 16)
    steps = steps_of(shape)
    assert [steps[at].tolist() for at in (0, 15, 16, -1)] == [[-1, -2, -15], [-1, -2, 15], [-1, 0, -15], [1, 2, 15]]
    hints = Hints(3)
    for weight in hints.parameters():
        weight.data.zero_()
    hints.nearly.weight.data[:, :3] = torch.eye(3) / 8
    answers = 2 * REACH + 1
    for weight in hints.exactly.parameters():
        if weight.ndim == 2:
            weight.data[:, 3 : 3 + 3 * answers] = 20 * torch.eye(3 * answers)
    blank = torch.zeros(1, len(steps), VIDEO_WIDTH)
    told = [blank.clone() for _ in range(3)]
    told[0][0, :, :3] = steps
    for stream in told[1:]:
        stream[0].scatter_(1, 3 + steps + REACH + answers * torch.arange(3), 1)
    batch = replace(batches_of(new_trainer(clips, text), 1)[0], shape=shape, scenes=[None], texts=[""])
    right, wrong = hints.losses(told, batch), hints.losses([blank] * 3, batch)
    assert set(right) == {"place", "token"}
    assert all(right[name] < 1e-3 < 0.05 < wrong[name] for name in right)


def test_sound_learns_over_a_picture_that_stays(clips: list[Clip], text: tuple[Any, Any, Any], tmp_path: Path) -> None:
    pictured = new_trainer(clips, text)
    pictured.advance()
    pictured.save(tmp_path / "checkpoint.pt")
    plan = replace(pictured.plan, phase="audio", rate=3e-3)
    trainer = DitTrainer(plan, clips, text, torch.ones(128))
    trainer.load(tmp_path / "checkpoint.pt")
    assert trainer.step == 0
    shipped = pictured.average.state_dict()
    assert all(torch.equal(weight, shipped[name]) for name, weight in trainer.model.state_dict().items())
    before = {name: weight.clone() for name, weight in trainer.model.named_parameters()}
    losses = [trainer.advance()["loss"] for _ in range(24)]
    changed = {name for name, weight in trainer.model.named_parameters() if not torch.equal(weight, before[name])}
    assert "audio_proj_out.weight" in changed
    assert not any(
        "audio_to_video" in name or ("audio" not in name and "a" + "2v" not in name and "av_" not in name)
        for name in changed
    )
    assert np.mean(losses[-8:]) < np.mean(losses[:8])


def test_a_stopped_run_goes_on_as_if_it_had_not(clips: list[Clip], text: tuple[Any, Any, Any], tmp_path: Path) -> None:
    whole = new_trainer(clips, text)
    straight = [whole.advance()["loss"] for _ in range(6)]
    stopped = new_trainer(clips, text)
    for _ in range(3):
        stopped.advance()
    stopped.save(tmp_path / "checkpoint.pt")
    resumed = new_trainer(clips, text)
    resumed.load(tmp_path / "checkpoint.pt")
    assert [resumed.advance()["loss"] for _ in range(3)] == pytest.approx(straight[3:], rel=1e-4)


def test_an_export_loads_as_diffusers_loads_it(clips: list[Clip], text: tuple[Any, Any, Any], tmp_path: Path) -> None:
    from ltx_mcp.micro.build import load_transformer

    trainer = new_trainer(clips, text)
    trainer.advance()
    trainer.export(tmp_path / "transformer")
    loaded = load_transformer(tmp_path / "transformer").state_dict()
    for name, weight in trainer.average.state_dict().items():
        assert torch.allclose(loaded[name], weight, rtol=2e-3, atol=1e-4), name
    going_on = new_trainer(clips, text)
    going_on.start(tmp_path / "transformer")
    assert all(torch.equal(weight, loaded[name]) for name, weight in going_on.model.state_dict().items())


def test_given_frames_are_without_noise_and_are_not_learnt(
    clips: list[Clip], footage: list[Clip], text: tuple[Any, Any, Any]
) -> None:
    trainer = new_trainer(clips + footage, text)
    batches = batches_of(trainer, 120)
    assert {batch.kind for batch in batches} == set(SHARES)
    assert {trainer.samples.batch(step, "audio").kind for step in range(40)} == set(AUDIO_SHARES)
    for batch in batches:
        frames = batch.given / (batch.shape.height * batch.shape.width)
        given = {"given": {1}, "footage": {1, 3}}  # a drawn clip has two here
        assert torch.equal(batch.seen, batch.video) or batch.kind == "twin"
        assert frames in given.get(batch.kind, {0})
        noisy = noisy_of(batch)
        assert torch.equal(noisy[:, : batch.given], batch.video[:, : batch.given])
        if batch.kind == "footage" and frames == 1:
            assert all(
                any(torch.equal(video, _tokens(clip)) for clip in footage if clip.rests) for video in batch.video
            )
    told = [scene for batch in batches if batch.kind == "told" for scene in batch.scenes]
    assert told
    assert all(scene and scene == world.settled(scene) and is_told(scene) for scene in told)


def test_what_the_model_comes_to_by_itself_is_where_the_pipelines_steps_lead(
    clips: list[Clip], text: tuple[Any, Any, Any]
) -> None:
    trainer = new_trainer(clips, text)
    batches = batches_of(trainer, 60)
    walking = [batch for batch in batches if batch.path]
    assert {batch.kind for batch in walking} == {"told", "late", "twin"}
    assert all((batch.sigma == batch.path[-1]).all() for batch in walking)
    assert all(len(batch.path) > 1 or batch.kind == "twin" for batch in walking)
    batch = next(batch for batch in walking if len(batch.path) == 3)
    told, _, _ = embed(*text, batch.texts)
    noisy = noisy_of(replace(batch, sigma=torch.full_like(batch.sigma, batch.path[0])))
    for level, lower in pairwise(batch.path):
        with torch.no_grad():
            velocity, _ = trainer._forward(batch, told, noisy, torch.full_like(batch.sigma, level))
        noisy = noisy + (lower - level) * velocity
    assert torch.allclose(trainer._walked(batch, told), noisy, atol=1e-4)


def test_a_twin_is_repainted_from_the_same_scene_in_any_colour(clips: list[Clip], text: tuple[Any, Any, Any]) -> None:
    trainer = new_trainer(clips, text)
    twins = [batch for batch in batches_of(trainer, 120) if batch.kind == "twin"]
    assert any(not torch.equal(batch.seen, batch.video) for batch in twins)
    settled = [_tokens(clip) for clip in clips[2:]]
    for batch in twins:
        assert all(any(torch.equal(seen, each) for each in settled) for seen in batch.seen)
        assert all(batch.texts), "what it is to become must be said"
        sigma = batch.sigma[:, None, None]
        assert torch.equal(noisy_of(batch), (1 - sigma) * batch.seen + sigma * batch.noise)
        for scene, words in zip(batch.scenes, batch.texts, strict=True):
            assert scene
            assert any(word in words.lower() for word in captions.COLOURS[scene.things[0].colour])


def test_a_batch_of_silent_prompts_is_told_too(text: tuple[Any, Any, Any]) -> None:
    told, _, mask = embed(*text, ["", ""])
    assert told.shape[:2] == mask.shape
    assert torch.isfinite(told).all()


def _tokens(clip: Clip) -> torch.Tensor:
    return clip.latents.float().flatten(1).T


def test_ground_counts_less_than_things(clips: list[Clip], text: tuple[Any, Any, Any]) -> None:
    weights = batches_of(new_trainer(clips, text), 1)[0].weight
    assert 0 < weights.min() < 0.5 * weights.max()


def test_channels_count_by_what_they_do_to_pixels(vae: Any, clips: list[Clip]) -> None:
    padded = [replace(clip, latents=clip.latents[:, :1, :1, :1]) for clip in clips[:1]]
    weights = channel_weights(vae, padded)
    assert weights.mean() == pytest.approx(1, abs=1e-4)
    assert weights.min() > 0.05
    assert weights.max() > 3 * weights.min()

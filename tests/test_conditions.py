"""Conditions and repaints over the micro model: what they cost, where they stand, what stays of the input."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from engine_kit import PLAN, Listener, Prepared, same, watched

from ltx_mcp.engine.base import NO_MATERIALS, Condition, Materials
from ltx_mcp.engine.diffusers_ltx.conditions import latent_index, through_h264, to_made_size
from ltx_mcp.engine.diffusers_ltx.encode_latents import _chunk_frames, encode_video
from ltx_mcp.engine.diffusers_ltx.engine import LtxEngine
from ltx_mcp.engine.plan.memory import MemoryPolicy, Offload, place
from ltx_mcp.engine.plan.planning import plan
from ltx_mcp.engine.plan.sigmas import DISTILLED_SIGMAS, from_strength
from ltx_mcp.engine.weights.source import IMAGE_CRF, Components, MicroSource
from ltx_mcp.errors import BadInput, Cancelled, RenderFailed
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import GenerateRequest, Quality
from ltx_mcp.types.stages import Stage

DRAFT = PLAN.model_copy(update={"quality": "draft"})
HALF, FULL = 6 * 1 * 2, 6 * 2 * 4  # latent frames x height x width of PLAN's two passes
LAST = PLAN.frames - 1  # 39; the model makes 41


def picture(seed: int, width: int = 100, height: int = 50) -> Frame:
    """Soft colours: a few random ones, blown up."""
    few = np.random.default_rng(seed).integers(0, 256, (3, 4, 3)).astype(np.float32)
    tensor = torch.from_numpy(few).permute(2, 0, 1)[None]
    large = torch.nn.functional.interpolate(tensor, (height, width), mode="bilinear", align_corners=False)
    return large[0].permute(1, 2, 0).round().to(torch.uint8).numpy()


FIRST, MIDDLE, END = picture(1), picture(2), picture(3)
ANIMATED = Materials((Condition([FIRST]),))
PLACED = Materials((Condition([FIRST]), Condition([MIDDLE], 20), Condition([END], LAST)))
RUN = [picture(seed) for seed in range(10, 19)]  # nine frames: one and eight
SOURCE = [picture(seed) for seed in range(20, 60)]


def repaint(strength: float) -> Materials:
    return Materials(repaint=SOURCE, repaint_strength=strength)


@pytest.fixture(scope="module")
def engine(micro_engine: LtxEngine) -> LtxEngine:
    return micro_engine


def latents_of(engine: LtxEngine, plan: Plan, materials: Materials = NO_MATERIALS) -> torch.Tensor:
    """The final video latents (1, C, F, H, W) of a clip."""
    return engine._make(plan, Listener(), materials)[0]


def encoded(engine: LtxEngine, frames: list[Frame]) -> torch.Tensor:
    assert engine._loaded is not None
    with torch.inference_mode():
        return encode_video(engine._loaded.pipeline.vae, list(to_made_size(PLAN, frames)), torch.device("cpu"))


def encoded_still(engine: LtxEngine, frame: Frame) -> torch.Tensor:
    assert engine._loaded is not None
    still = through_h264(to_made_size(PLAN, [frame])[0], IMAGE_CRF)
    with torch.inference_mode():
        return encode_video(engine._loaded.pipeline.vae, [still], torch.device("cpu"))


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).square().mean().sqrt())


# What each mode costs.


@pytest.mark.parametrize(
    ("strength", "sigmas"),
    [
        (0.0, (0.05,)),
        (0.3, (0.3,)),
        (0.5, (0.5, 0.421875)),
        (0.6, (0.6, 0.421875)),
        (0.725, (0.725, 0.421875)),
        (0.8, (0.8, 0.725, 0.421875)),
        (0.95, (0.95, 0.909375, 0.725, 0.421875)),
        (1.0, DISTILLED_SIGMAS),
    ],
)
def test_the_strength_of_a_repaint_is_its_first_sigma(strength: float, sigmas: tuple[float, ...]) -> None:
    assert from_strength(strength) == sigmas


WHOLE = list(DISTILLED_SIGMAS)
REFINE = WHOLE[5:]
MODES: list[tuple[str, Quality, bool, Materials, list[tuple[int, list[float]]]]] = [
    ("generate", "draft", True, NO_MATERIALS, [(FULL, WHOLE)]),
    ("generate", "final", True, NO_MATERIALS, [(HALF, WHOLE), (FULL, REFINE)]),
    ("animate", "draft", True, ANIMATED, [(FULL, WHOLE)]),
    ("animate", "final", True, ANIMATED, [(HALF, WHOLE), (FULL, REFINE)]),
    # A keyframe adds one latent frame of tokens: 1 x 2 at half size, 2 x 4 at the made size.
    ("keyframes", "final", True, PLACED, [(HALF + 2 * 2, WHOLE), (FULL + 2 * 8, REFINE)]),
    ("extend", "final", True, Materials((Condition(RUN),)), [(HALF, WHOLE), (FULL, REFINE)]),
    ("repaint", "draft", False, repaint(0.8), [(FULL, [0.8, *REFINE[1:]])]),
    ("repaint", "final", False, repaint(0.8), [(FULL, [0.8, *REFINE[1:]])]),
    ("repaint with sound", "final", True, repaint(0.8), [(FULL, [0.8, *REFINE[1:]]), (FULL, WHOLE)]),
    ("repaint, all new", "final", False, repaint(1.0), [(FULL, WHOLE)]),
    ("both", "final", False, replace(PLACED, repaint=SOURCE), [(FULL + 2 * 8, [0.6, REFINE[2]])]),
    (
        "both with sound",
        "final",
        True,
        replace(PLACED, repaint=SOURCE),
        [(FULL + 2 * 8, [0.6, REFINE[2]]), (FULL, WHOLE)],
    ),
]


@pytest.mark.parametrize(("mode", "quality", "audio", "materials", "passes"), MODES)
def test_each_mode_has_its_forwards_its_sigmas_and_its_sizes(
    engine: LtxEngine,
    mode: str,
    quality: Quality,
    audio: bool,
    materials: Materials,
    passes: list[tuple[int, list[float]]],
) -> None:
    watch = Listener()
    with watched(engine) as calls:
        engine.render(PLAN.model_copy(update={"quality": quality, "audio": audio}), watch, materials)
    expected = [(tokens, sigma) for tokens, sigmas in passes for sigma in sigmas]
    assert [call["hidden_states"].shape for call in calls] == [(1, tokens, 128) for tokens, _ in expected], mode
    assert [float(call["sigma"][0]) / 1000 for call in calls] == pytest.approx([sigma for _, sigma in expected])
    assert all(call.get("audio_timestep", call["sigma"])[0] == call["sigma"][0] for call in calls)
    assert watch.steps == [(done, len(expected)) for done in range(1, len(expected) + 1)]


# Where conditions stand.


def seconds_of_keyframes(call: dict[str, Any], tokens: int) -> set[tuple[float, float]]:
    """Start and end, in frames, of the last `tokens` tokens."""
    spans = call["video_coords"][0, 0, -tokens:] * PLAN.fps
    return {(round(float(start), 3), round(float(end), 3)) for start, end in spans}


@pytest.mark.parametrize("at_frame", [1, 7, 8, 20, 38, LAST])
def test_a_keyframe_stands_at_its_own_frame_in_both_passes(engine: LtxEngine, at_frame: int) -> None:
    with watched(engine) as calls:
        latents_of(engine, PLAN, Materials((Condition([END], at_frame),)))
    assert seconds_of_keyframes(calls[0], 2) == {(at_frame, at_frame + 1)}
    assert seconds_of_keyframes(calls[-1], 8) == {(at_frame, at_frame + 1)}


def test_the_last_frame_that_is_made_can_be_a_keyframe(engine: LtxEngine) -> None:
    whole = PLAN.model_copy(update={"frames": PLAN.made_frames, "quality": "draft"})
    with watched(engine) as calls:
        latents_of(engine, whole, Materials((Condition([END], 40),)))
    tokens_end = calls[0]["video_coords"][0, 0, :FULL].max() * PLAN.fps
    assert seconds_of_keyframes(calls[0], 8) == {(40, 41)}
    assert float(tokens_end) == pytest.approx(41)


def test_the_librarys_last_index_is_not_the_last_frame() -> None:
    # Why latent_index exists: index -1 of six latent frames is 5, which the pipeline reads as frame 33 of 41.
    assert (5 - 1) * 8 + 1 == 33
    assert [(latent_index(frame) - 1) * 8 + 1 for frame in (1, 33, 39, 40)] == [1, 33, 39, 40]
    assert latent_index(0) == 0


def test_a_run_of_frames_keeps_its_pace(engine: LtxEngine) -> None:
    with watched(engine) as calls:
        latents_of(engine, DRAFT, Materials((Condition(RUN, 31),)))
    assert seconds_of_keyframes(calls[0], 16) == {(31, 32), (32, 40)}


def as_tokens(engine: LtxEngine, latents: torch.Tensor) -> torch.Tensor:
    """Latents of one clip as the transformer sees them: normalised, (tokens, channels)."""
    assert engine._loaded is not None
    vae = engine._loaded.pipeline.vae
    mean, deviation = (each.view(1, -1, 1, 1, 1) for each in (vae.latents_mean, vae.latents_std))
    tokens: torch.Tensor = ((latents - mean) / deviation)[0].flatten(1).T
    return tokens


def test_keyframe_tokens_are_the_encoded_image_without_noise_at_every_step(engine: LtxEngine) -> None:
    with watched(engine) as calls:
        latents_of(engine, DRAFT, Materials((Condition([END], LAST),)))
    image = as_tokens(engine, encoded_still(engine, END))
    for call in calls:
        assert torch.allclose(call["hidden_states"][0, -8:], image, atol=1e-4)
        assert call["timestep"][0, -8:].abs().max() == 0
        assert call["timestep"][0, :-8].min() > 0


@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
def test_strength_sets_the_noise_level_of_a_condition(engine: LtxEngine, strength: float) -> None:
    with watched(engine) as calls:
        latents_of(engine, DRAFT, Materials((Condition([FIRST], 0, strength), Condition([END], LAST, strength))))
    for call, sigma in zip(calls, DISTILLED_SIGMAS, strict=True):
        level = call["timestep"][0] / 1000
        assert level[:8].tolist() == pytest.approx([sigma * (1 - strength)] * 8, abs=1e-6)
        assert level[8:-8].tolist() == pytest.approx([sigma] * (FULL - 8))
        assert level[-8:].tolist() == pytest.approx([sigma * (1 - strength)] * 8, abs=1e-6)


# What stays of the input.


@pytest.mark.parametrize("plan", [DRAFT, PLAN], ids=["draft", "final"])
def test_an_animated_clip_begins_with_its_image(engine: LtxEngine, plan: Plan) -> None:
    image = encoded_still(engine, FIRST)
    with_image, without = latents_of(engine, plan, ANIMATED)[:, :, :1], latents_of(engine, plan)[:, :, :1]
    assert distance(with_image, image) < 1e-5
    assert distance(without, image) > 0.5


def test_an_extended_clip_begins_with_its_prefix(engine: LtxEngine) -> None:
    prefix = encoded(engine, RUN)
    begins = latents_of(engine, PLAN, Materials((Condition(RUN),)))[:, :, :2]
    assert distance(begins, prefix) < 1e-5
    assert distance(latents_of(engine, PLAN)[:, :, :2], prefix) > 0.5


@pytest.mark.slow
def test_a_weaker_condition_lets_the_clip_depart_further(engine: LtxEngine) -> None:
    image = encoded_still(engine, FIRST)
    distances = [
        distance(latents_of(engine, DRAFT, Materials((Condition([FIRST], 0, strength),)))[:, :, :1], image)
        for strength in (1.0, 0.8, 0.5, 0.2)
    ]
    assert distances == sorted(distances)
    assert distances[-1] > 10 * max(distances[0], 0.01)


def copy_the_nearest_clean_token(_module: Any, _args: Any, kwargs: dict[str, Any], output: Any) -> Any:
    """A perfect model of keyframes: every token becomes what stands, free of noise, nearest in time at its place."""
    noisy, middle = kwargs["hidden_states"][0], kwargs["video_coords"][0].mean(dim=-1).T
    clean = kwargs["timestep"][0] == 0
    apart = (middle[:, None] - middle[clean][None]).abs() @ torch.tensor([PLAN.fps, 1000.0, 1000.0])
    target = noisy[clean][apart.argmin(dim=1)]
    return (noisy - target)[None] / (kwargs["sigma"] / 1000), output[1]


def test_a_model_that_heeds_conditions_shows_each_image_at_its_time() -> None:
    """The micro model never learnt keyframes and is only drawn to them (test_seen.py). One that heeds them needs no
    more than it is given."""

    def teach(components: Components) -> None:
        components.parts["transformer"].register_forward_hook(copy_the_nearest_clean_token, with_kwargs=True)

    taught = LtxEngine(Prepared(teach), device="cpu")
    taught.load(Listener())
    latents = latents_of(taught, PLAN, PLACED)
    # Latent frame i > 0 shows frames 8i-7 to 8i: of 0, 20 and 39 the nearest to the middle of each.
    nearest = [FIRST, FIRST, MIDDLE, MIDDLE, MIDDLE, END]
    for index, image in enumerate(nearest):
        assert distance(latents[:, :, index : index + 1], encoded_still(taught, image)) < 1e-4


def test_a_keyframe_changes_the_clip_of_a_model_that_never_learnt_them(engine: LtxEngine) -> None:
    plain = latents_of(engine, DRAFT, ANIMATED)
    ending = latents_of(engine, DRAFT, replace(ANIMATED, conditions=(*ANIMATED.conditions, Condition([END], LAST))))
    assert distance(plain[:, :, 1:], ending[:, :, 1:]) > 1e-3
    assert plain.shape == ending.shape


@pytest.mark.slow
def test_the_lower_the_strength_the_closer_a_repaint_stays_to_its_source(engine: LtxEngine) -> None:
    source = encoded(engine, [*SOURCE, SOURCE[-1]])
    distances = [
        distance(latents_of(engine, PLAN, repaint(strength)), source) for strength in (0.0, 0.3, 0.6, 0.9, 1.0)
    ]
    assert distances == sorted(distances)
    assert distances[0] < 0.1 * distances[-1]


@pytest.mark.slow
def test_a_repaint_of_full_strength_keeps_nothing_of_its_source(engine: LtxEngine) -> None:
    other = Materials(repaint=SOURCE[::-1], repaint_strength=1.0)
    assert torch.equal(latents_of(engine, PLAN, repaint(1.0)), latents_of(engine, PLAN, other))


def test_a_condition_holds_within_a_repaint(engine: LtxEngine) -> None:
    both = latents_of(engine, PLAN, Materials((Condition([FIRST]),), SOURCE, 0.3))
    source = encoded(engine, [*SOURCE, SOURCE[-1]])
    assert distance(both[:, :, :1], encoded_still(engine, FIRST)) < 1e-5
    assert distance(both[:, :, 1:], source[:, :, 1:]) < 0.5 * distance(
        latents_of(engine, PLAN)[:, :, 1:], source[:, :, 1:]
    )


def test_the_sound_of_a_repaint_leaves_its_picture_alone(engine: LtxEngine) -> None:
    silent = PLAN.model_copy(update={"audio": False})
    assert torch.equal(latents_of(engine, PLAN, repaint(0.6)), latents_of(engine, silent, repaint(0.6)))


def test_the_sound_of_a_repaint_is_made_for_the_finished_picture(engine: LtxEngine) -> None:
    with watched(engine) as calls:
        picture_made = latents_of(engine, PLAN, repaint(0.6))
    for call in calls[2:]:
        assert call["timestep"].abs().max() == 0
        assert torch.allclose(call["hidden_states"][0], as_tokens(engine, picture_made), atol=1e-4)
    assert float(calls[0]["audio_hidden_states"].std()) == pytest.approx(0.6, rel=0.1)  # noise of its sigma's level
    assert float(calls[2]["audio_hidden_states"].std()) == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("frames", [1, 2, 8, 9, 10])
def test_a_repaint_has_exactly_the_frames_of_its_source(engine: LtxEngine, frames: int) -> None:
    short = DRAFT.model_copy(update={"frames": frames, "made_frames": 9 if frames < 10 else 17})
    rendering = engine.render(short, Listener(), Materials(repaint=SOURCE[:frames]))
    assert [frame.shape for frame in rendering.frames] == [(50, 100, 3)] * frames


# How the input is prepared.


@pytest.mark.parametrize("frames", [1, 9, 17, 33, 41, 73])
def test_encoding_in_chunks_is_encoding(engine: LtxEngine, frames: int) -> None:
    assert engine._loaded is not None
    vae = engine._loaded.pipeline.vae
    video = np.random.default_rng(frames).integers(0, 256, (frames, 64, 96, 3), dtype=np.uint8)
    pixels = torch.from_numpy(video).permute(3, 0, 1, 2)[None] / 127.5 - 1
    vae.disable_tiling()
    vae.use_framewise_decoding = False
    with torch.inference_mode():
        whole = vae.encode(pixels).latent_dist.mode()
        assert torch.allclose(encode_video(vae, list(video), torch.device("cpu")), whole, rtol=0, atol=2e-4)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in vae.modules())


@pytest.mark.parametrize(("size", "frames"), [((256, 448), 32), ((1088, 1920), 16), ((2176, 3840), 8)])
def test_a_chunk_shrinks_as_the_picture_grows(size: tuple[int, int], frames: int) -> None:
    assert _chunk_frames(*size) == frames


def test_frames_stand_in_the_middle_of_the_made_picture_with_their_edges_repeated() -> None:
    made = to_made_size(PLAN, RUN)
    assert made.shape == (9, 64, 128, 3)
    assert np.array_equal(made[4, 7:57, 14:114], RUN[4])
    assert (made[4, :7, 14:114] == RUN[4][0]).all()
    assert (made[4, 7:57, 114:] == RUN[4][:, -1:]).all()


def test_an_image_ages_as_in_training_and_more_at_a_higher_crf() -> None:
    image = picture(5, 448, 256)
    losses = [float(np.abs(through_h264(image, crf).astype(int) - image).mean()) for crf in (1, IMAGE_CRF, 51)]
    assert 0 < losses[0] < losses[1] < losses[2]
    assert losses[1] < 4


@pytest.mark.slow
def test_what_was_made_before_does_not_change_how_an_image_is_encoded() -> None:
    """A decode leaves the VAE's tiling on; 544 pixels are more than a tile."""
    wide = PLAN.model_copy(update={"width": 544, "made_width": 544, "frames": 9, "made_frames": 9, "quality": "draft"})
    materials = Materials((Condition([picture(1, 544)]),), [picture(2, 544)] * 9)
    engine = LtxEngine(MicroSource(), device="cpu")
    first = list(engine.render(wide, Listener(), materials).frames)
    assert same(list(engine.render(wide, Listener(), materials).frames), first)


@pytest.mark.slow
def test_the_same_materials_give_the_same_bits_in_a_fresh_engine_and_others_do_not(engine: LtxEngine) -> None:
    materials = replace(PLACED, repaint=SOURCE)
    torch.manual_seed(99)  # the global state must not matter
    made = list(engine.render(PLAN, Listener(), materials).frames)
    assert len(made) == PLAN.frames
    assert same(list(LtxEngine(MicroSource(), device="cpu").render(PLAN, Listener(), materials).frames), made)
    assert not same(list(engine.render(PLAN, Listener(), replace(PLACED, repaint=SOURCE[::-1])).frames), made)


# Refusals, cancels, failures, other layouts.


def never(_components: Components) -> None:
    raise AssertionError("loaded all the same")


@pytest.mark.parametrize(
    ("materials", "why"),
    [
        (Materials((Condition([]),)), "0 frames"),
        (Materials((Condition(RUN[:8]),)), "8 frames.*1, 9, 17.*Leave out 7"),
        (Materials((Condition([FIRST], -1),)), "covers frames -1"),
        (Materials((Condition([FIRST], 40),)), "covers frames 40 to 40, and the clip has 0 to 39"),
        (Materials((Condition(RUN, 32),)), "covers frames 32 to 40"),
        (Materials((Condition([FIRST], 0, 1.5),)), "strength of 1.5"),
        (Materials((Condition([FIRST], 0, float("nan")),)), "strength of nan"),
        (Materials((Condition([picture(1, 128, 64)]),)), r"\(64, 128, 3\) uint8 where \(50, 100, 3\)"),
        (Materials((Condition([FIRST.astype(np.float32)]),)), "float32"),
        (Materials((Condition([FIRST], 5), Condition([END], 5))), "Two conditions ask for frame 5"),
        (Materials((Condition([END], 8), Condition(RUN))), "Two conditions ask for frame 8"),
        (Materials(repaint=SOURCE[:-1]), "39 frames and the clip 40"),
        (Materials(repaint=[picture(1, 64, 64)] * 40), r"\(64, 64, 3\)"),
        (repaint(-0.1), "strength of -0.1"),
    ],
)
def test_materials_that_cannot_be_used_are_refused_before_anything_is_loaded(materials: Materials, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        LtxEngine(Prepared(never), device="cpu").render(PLAN, Listener(), materials)


@pytest.mark.slow
def test_a_cancel_while_the_input_is_encoded_is_heard_at_once_and_leaves_no_trace(engine: LtxEngine) -> None:
    materials = replace(PLACED, repaint=SOURCE)
    expected = latents_of(engine, DRAFT, materials)
    assert engine._loaded is not None
    vae = engine._loaded.pipeline.vae
    for nth in (1, 2, 5, 12, 30, 60):
        watch = Listener(Stage.DENOISING, nth)
        with watched(engine) as calls, pytest.raises(Cancelled):
            engine.render(DRAFT, watch, materials)
        assert watch.checks == nth
        assert calls == []  # all of this is before the first forward
        assert not any(module._forward_hooks or module._forward_pre_hooks for module in vae.modules())
    assert torch.equal(latents_of(engine, DRAFT, materials), expected)


@pytest.mark.slow
def test_checks_are_never_two_seconds_apart_while_a_source_is_encoded(engine: LtxEngine) -> None:
    made = plan(GenerateRequest(prompt="a ball", duration_s=2, audio=False), engine.card, seed=1)
    watch = Listener()
    engine.render(made, watch, Materials(repaint=[picture(1, made.width, made.height)] * made.frames))
    assert watch.longest_gap_s < 2


def test_an_encoder_out_of_memory_names_the_remedy_and_is_survived() -> None:
    failures = [torch.OutOfMemoryError("CUDA out of memory")]

    def fail_once(_module: Any, _inputs: Any) -> None:
        if failures:
            raise failures.pop()

    def prepare(components: Components) -> None:
        components.parts["vae"].encoder.mid_block.register_forward_pre_hook(fail_once)

    engine = LtxEngine(Prepared(prepare), device="cpu")
    with pytest.raises(RenderFailed, match=r"out of memory.*LTX_MCP_MEMORY"):
        engine.render(PLAN, Listener(), repaint(0.6))
    assert len(list(engine.render(PLAN, Listener(), repaint(0.6)).frames)) == PLAN.frames


def to_bfloat16(components: Components) -> None:
    for part in (*components.parts.values(), components.upsampler):
        if isinstance(part, torch.nn.Module):
            part.to(torch.bfloat16)


@pytest.mark.slow
def test_bfloat16_weights_take_materials_and_add_noise_in_float32() -> None:
    engine = LtxEngine(Prepared(to_bfloat16), device="cpu")
    engine.load(Listener())
    sizes = {"width": 60, "height": 60, "made_width": 64, "made_height": 64, "frames": 9, "made_frames": 9}
    tiny = PLAN.model_copy(update=sizes)  # processors are slow in bfloat16
    first, *_, last = source = [picture(seed, 60, 60) for seed in range(9)]
    placed = Materials((Condition([first]), Condition([last], 8)))
    for materials in (placed, Materials(repaint=source, repaint_strength=0.6), replace(placed, repaint=source)):
        latents = latents_of(engine, tiny, materials)
        assert latents.dtype == torch.float32
        assert torch.isfinite(latents).all()


@pytest.mark.slow
def test_streamed_eight_bit_weights_take_materials() -> None:
    engine = LtxEngine(MicroSource(), device="cpu")
    engine.load(Listener())
    assert engine._loaded is not None
    place(engine._loaded.pipeline, MemoryPolicy("test", 0, 0, Offload.GROUP, True, 0), torch.device("cpu"))
    materials = replace(PLACED, repaint=SOURCE)
    assert distance(latents_of(engine, DRAFT, materials)[:, :, :1], encoded_still(engine, FIRST)) < 1e-5

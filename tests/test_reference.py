"""IC-LoRAs over the micro model: what a reference adds, where it stands, how long it and its LoRA stay."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from engine_kit import PLAN, Listener, same, watched
from media_kit import photo
from PIL import Image
from safetensors.torch import save_file

from ltx_mcp.engine.base import NO_MATERIALS, Condition, Materials, ModelCard
from ltx_mcp.engine.diffusers_ltx.conditions import centred
from ltx_mcp.engine.diffusers_ltx.encode_latents import encode_video
from ltx_mcp.engine.diffusers_ltx.engine import LtxEngine
from ltx_mcp.engine.lora.card import LoraCard
from ltx_mcp.engine.lora.installed import InstalledLoras, Picked
from ltx_mcp.engine.plan.planning import Rework, plan
from ltx_mcp.engine.plan.quality_presets import DISTILLED
from ltx_mcp.engine.plan.recipe_variants import in_context
from ltx_mcp.engine.plan.sigmas import DISTILLED_SIGMAS, REFINE_SIGMAS
from ltx_mcp.engine.weights.source import MicroSource
from ltx_mcp.errors import BadInput, Cancelled, TooLarge
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import InContext, Plan
from ltx_mcp.types.requests import GenerateRequest, LoraUse
from ltx_mcp.types.stages import Stage

HALF, FULL = 6 * 1 * 2, 6 * 2 * 4  # latent frames x height x width of PLAN's two passes
REWORKED = InContext(lora="reworker", width=50, height=25)
TWO_STAGES = PLAN.model_copy(update={"loras": (LoraUse(name="reworker", strength=1.0),), "reference": REWORKED})
ONE_STAGE = TWO_STAGES.model_copy(
    update={"reference": InContext(lora="reworker", width=100, height=50, second_stage=False)}
)
DRAFT = ONE_STAGE.model_copy(update={"quality": "draft"})


def panned(width: int, height: int, frames: int = PLAN.frames) -> list[Frame]:
    """A slow move over a photograph."""
    with Image.open(photo("coffee.png")) as image:
        large = image.convert("RGB").resize((width * 2, height * 2))
    steps = np.linspace(0, width - 1, frames).astype(int)
    return [np.asarray(large.crop((step, height // 2, step + width, height // 2 + height))).copy() for step in steps]


SMALL, LARGE = panned(50, 25), panned(100, 50)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> InstalledLoras:
    folder = tmp_path_factory.mktemp("loras")
    transformer = MicroSource().components().parts["transformer"]
    for seed, name in enumerate(("reworker", "style")):
        generator, tensors = torch.Generator().manual_seed(seed), {}
        for layer in ("transformer_blocks.0.attn1.to_q", "transformer_blocks.1.ff.net.2", "proj_out"):
            linear = transformer.get_submodule(layer)
            for half, shape in (("A", (4, linear.in_features)), ("B", (linear.out_features, 4))):
                tensors[f"transformer.{layer}.lora_{half}.weight"] = 0.2 * torch.randn(shape, generator=generator)
        metadata = {"reference_downscale_factor": "1"} if name == "reworker" else None
        save_file(tensors, folder / f"{name}.safetensors", metadata)
    return InstalledLoras(folder)


@pytest.fixture(scope="module")
def engine(shelf: InstalledLoras) -> LtxEngine:
    engine = LtxEngine(MicroSource(), device="cpu", installed=shelf)
    engine.load(Listener())
    return engine


def calls_of(engine: LtxEngine, plan: Plan, materials: Materials) -> list[dict[str, Any]]:
    with watched(engine) as calls:
        engine.render(plan.model_copy(update={"audio": False}), Listener(), materials)
    return calls


def latents_of(engine: LtxEngine, plan: Plan, materials: Materials) -> torch.Tensor:
    return engine._make(plan, Listener(), materials)[0]


def tokens_of(engine: LtxEngine, frames: list[Frame], width: int, height: int) -> torch.Tensor:
    """What the transformer should see of this reference, (1, tokens, C)."""
    assert engine._loaded is not None
    pipeline = engine._loaded.pipeline
    lengthened = [*frames, frames[-1]]
    with torch.inference_mode():
        latents = encode_video(pipeline.vae, lengthened, torch.device("cpu"), lambda run: centred(run, width, height))
        normal = pipeline._normalize_latents(latents, pipeline.vae.latents_mean, pipeline.vae.latents_std)
    tokens: torch.Tensor = normal.flatten(2).transpose(1, 2)
    return tokens


# -- what a reference adds ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "frames", "passes"),
    [
        (TWO_STAGES, SMALL, [(HALF, DISTILLED_SIGMAS, HALF), (FULL, REFINE_SIGMAS, 0)]),
        (ONE_STAGE, LARGE, [(FULL, DISTILLED_SIGMAS, FULL)]),
        (DRAFT, LARGE, [(FULL, DISTILLED_SIGMAS, FULL)]),
    ],
    ids=["two stages", "one stage", "draft"],
)
def test_the_first_pass_sees_the_reference_and_the_second_does_not(
    engine: LtxEngine, made: Plan, frames: list[Frame], passes: list[tuple[int, tuple[float, ...], int]]
) -> None:
    calls = calls_of(engine, made, Materials(reference=frames))
    expected = [(own + added, sigma) for own, sigmas, added in passes for sigma in sigmas]
    assert [call["hidden_states"].shape[1] for call in calls] == [tokens for tokens, _ in expected]
    assert [float(call["sigma"][0]) / 1000 for call in calls] == pytest.approx([sigma for _, sigma in expected])
    assert all(call["hidden_states"].shape[0] == 1 for call in calls), "no guidance, so nothing runs twice"
    assert all(call.get("video_self_attention_mask") is None for call in calls), "a mask between 0 and 1 acts as 0"


def test_its_tokens_are_the_encoded_frames_clean_in_every_step(engine: LtxEngine) -> None:
    calls = calls_of(engine, TWO_STAGES, Materials(reference=SMALL))[:8]
    reference = tokens_of(engine, SMALL, 64, 32)
    for call in calls:
        torch.testing.assert_close(call["hidden_states"][:, HALF:], reference, rtol=1e-4, atol=1e-4)
        assert not call["timestep"][:, HALF:].any()
        assert (call["timestep"][:, :HALF] == call["sigma"][0]).all()


def test_a_weaker_reference_fades_into_noise(engine: LtxEngine) -> None:
    weak = TWO_STAGES.model_copy(update={"reference": REWORKED.model_copy(update={"strength": 0.25})})
    first = calls_of(engine, weak, Materials(reference=SMALL))[0]
    reference = tokens_of(engine, SMALL, 64, 32)
    noise = (first["hidden_states"][:, HALF:] - 0.25 * reference) / 0.75
    assert float(noise.std()) == pytest.approx(1, abs=0.1)
    assert first["timestep"][0, HALF:].tolist() == pytest.approx([750.0] * HALF)


@pytest.mark.slow
def test_the_clip_depends_on_the_reference_and_on_the_order_of_its_frames(engine: LtxEngine) -> None:
    made = latents_of(engine, ONE_STAGE, Materials(reference=LARGE))
    again = latents_of(engine, ONE_STAGE, Materials(reference=LARGE))
    order = np.random.default_rng(1).permutation(len(LARGE))
    shuffled = latents_of(engine, ONE_STAGE, Materials(reference=[LARGE[index] for index in order]))
    other = latents_of(engine, ONE_STAGE, Materials(reference=[255 - frame for frame in LARGE]))
    assert torch.equal(made, again)
    assert float((made - shuffled).abs().max()) > 1e-3
    assert float((made - other).abs().max()) > 1e-3


def test_conditions_and_a_reference_go_together(engine: LtxEngine) -> None:
    both = Materials((Condition([LARGE[0]]), Condition([LARGE[9]], 20)), reference=LARGE)
    calls = calls_of(engine, ONE_STAGE, both)
    keyframe = 2 * 4
    assert [call["hidden_states"].shape[1] for call in calls] == [FULL + keyframe + FULL] * 8
    seconds = calls[0]["video_coords"][0, 0, FULL : FULL + keyframe]
    assert seconds.flatten().tolist() == pytest.approx([20 / 24, 21 / 24] * keyframe), "shown there, it stands there"


# -- the downscale factor -------------------------------------------------------------------------------------


def test_a_factor_of_two_makes_a_quarter_of_the_tokens_over_the_same_picture(engine: LtxEngine) -> None:
    smaller = InContext(lora="reworker", width=50, height=25, downscale_factor=2, second_stage=False)
    made = ONE_STAGE.model_copy(update={"reference": smaller})
    call = calls_of(engine, made, Materials(reference=SMALL))[0]
    assert call["hidden_states"].shape[1] == FULL + HALF
    own, added = call["video_coords"][0, :, :FULL], call["video_coords"][0, :, FULL:]
    for axis in (1, 2):  # rows, columns, in pixels of the clip
        assert (float(added[axis].min()), float(added[axis].max())) == (float(own[axis].min()), float(own[axis].max()))
    assert torch.equal(added[0].unique(), own[0].unique())
    spans = added[2, :, 1] - added[2, :, 0]
    assert spans.tolist() == [64.0] * HALF, "each token of the reference covers two of the clip's"


@pytest.mark.parametrize(
    ("quality", "factor", "second_stage", "grid"),
    [
        ("draft", 1, True, 32), ("draft", 2, True, 64), ("final", 1, True, 64), ("final", 2, True, 128),
        ("final", 1, False, 32), ("final", 2, False, 64), ("final", 3, True, 192),
    ],
)  # fmt: skip
def test_the_grid_leaves_room_for_the_smaller_reference(
    quality: str, factor: int, second_stage: bool, grid: int
) -> None:
    recipe = in_context(DISTILLED[quality], factor, second_stage)  # type: ignore[index]
    assert recipe.grid == grid
    card = ModelCard("m", "m", "240p", 10**9, 240, takes_loras=True)
    lora = LoraCard(
        name="x", path=Path("x"), bytes=1, kind="ic_lora", reference_downscale_factor=factor, second_stage=second_stage
    )
    request = GenerateRequest(prompt="x", duration_s=1, quality=quality)  # type: ignore[arg-type]
    made = plan(request, card, 1, [Picked(lora, 1.0)], Rework(lora, "canny", 0.5))
    assert made.made_width % grid == made.made_height % grid == 0
    assert (made.width, made.height, made.loras) == (416, 240, (LoraUse(name="x", strength=1.0),))
    smaller = recipe.passes[0].divisor * factor
    assert made.reference == InContext(
        lora="x", control="canny", width=round(416 / smaller), height=round(240 / smaller),
        downscale_factor=factor, strength=0.5, second_stage=second_stage,
    )  # fmt: skip


def test_a_factor_that_no_size_fits_is_nowhere_rounded_away(engine: LtxEngine) -> None:
    """256 wide reference latents of 832 wide pictures: the real sizes of union-control at 540p."""
    recipe = in_context(DISTILLED["final"], 2, True)
    card = ModelCard("m", "m", "540p", 10**9, 1080, takes_loras=True)
    lora = LoraCard(name="x", path=Path("x"), bytes=1, kind="ic_lora", reference_downscale_factor=2)
    made = plan(GenerateRequest(prompt="x"), card, 1, [Picked(lora, 1.0)], Rework(lora))
    assert (made.made_width, made.made_height) == (1024, 640)
    assert recipe.passes[0].divisor == 2
    assert made.made_width // 4 % 32 == made.made_height // 4 % 32 == 0


def test_a_reference_at_the_made_size_counts_as_much_memory_as_the_clip() -> None:
    card = ModelCard("m", "m", "240p", 416 * 256 * 49, 240, takes_loras=True)
    request = GenerateRequest(prompt="x", duration_s=2, quality="draft")
    lora = LoraCard(name="x", path=Path("x"), bytes=1, kind="ic_lora")
    assert plan(request, card, 1).made_frames == 49
    with pytest.raises(TooLarge, match="more than m can make") as refused:
        plan(request, card, 1, [Picked(lora, 1.0)], Rework(lora))
    assert "0.7 s at 240p" in refused.value.hint


# -- the LoRA is off where the reference is ------------------------------------------------------------------


@contextmanager
def counted(engine: LtxEngine) -> Iterator[dict[tuple[str, int], int]]:
    """Counts the calls of a layer's LoRAs, by their group and by the tokens of the pass."""
    assert engine._loaded is not None
    transformer = engine._loaded.pipeline.transformer
    counts: dict[tuple[str, int], int] = {}

    def count(group: str, tokens: int) -> None:
        counts[group, tokens] = counts.get((group, tokens), 0) + 1

    def hook(_module: torch.nn.Module, _inputs: Any) -> None:
        layer = transformer.proj_out
        if not hasattr(layer, "lora_A") or hooks:
            return
        for group, down in layer.lora_A.items():
            hooks.append(
                down.register_forward_pre_hook(lambda _down, inputs, group=group: count(group, inputs[0].shape[1]))
            )

    hooks: list[Any] = []
    entry = transformer.register_forward_pre_hook(hook)
    try:
        yield counts
    finally:
        for each in (entry, *hooks):
            each.remove()


def test_in_the_second_stage_the_ic_lora_is_off_and_the_styles_stay(engine: LtxEngine) -> None:
    uses = (LoraUse(name="reworker", strength=1.0), LoraUse(name="style", strength=0.5))
    made = TWO_STAGES.model_copy(update={"loras": uses, "audio": False})
    with counted(engine) as counts:
        engine.render(made, Listener(), Materials(reference=SMALL))
    assert counts == {("in_context", 2 * HALF): 8, ("loras", 2 * HALF): 8, ("loras", FULL): 3}


def test_the_second_stage_is_bit_for_bit_that_of_no_lora(engine: LtxEngine) -> None:
    assert engine._loaded is not None
    transformer = engine._loaded.pipeline.transformer
    with watched(engine) as calls:
        results: list[torch.Tensor] = []
        hook = transformer.register_forward_hook(lambda _module, _inputs, output: results.append(output[0]))
        engine.render(TWO_STAGES.model_copy(update={"audio": False}), Listener(), Materials(reference=SMALL))
        hook.remove()
    with torch.inference_mode():
        plain = [transformer(**call)[0] for call in calls]
    equal = [torch.equal(made, bare) for made, bare in zip(results, plain, strict=True)]
    assert equal == [False] * 8 + [True] * 3


@pytest.mark.slow
def test_afterwards_the_model_is_what_it_was(engine: LtxEngine) -> None:
    assert engine._loaded is not None
    pipeline = engine._loaded.pipeline
    before = {name: value.clone() for name, value in pipeline.transformer.state_dict().items()}
    plain = latents_of(engine, PLAN, NO_MATERIALS)
    latents_of(engine, TWO_STAGES, Materials(reference=SMALL))
    with pytest.raises(Cancelled):
        engine.render(TWO_STAGES, Listener(Stage.DENOISING, nth=40), Materials(reference=SMALL))
    after = pipeline.transformer.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert pipeline.get_list_adapters() == {}
    assert torch.equal(latents_of(engine, PLAN, NO_MATERIALS), plain)


def test_a_cancel_is_heard_while_the_reference_is_encoded(engine: LtxEngine) -> None:
    watch = Listener(Stage.DENOISING, nth=2)
    with pytest.raises(Cancelled), watched(engine) as calls:
        engine.render(TWO_STAGES, watch, Materials(reference=SMALL))
    assert calls == []


@pytest.mark.slow
def test_an_earlier_decode_in_tiles_does_not_change_how_a_reference_is_encoded(engine: LtxEngine) -> None:
    frames = list(engine.render(TWO_STAGES, Listener(), Materials(reference=SMALL)).frames)  # this one tiles
    assert engine._loaded is not None
    engine._loaded.pipeline.vae.enable_tiling()
    engine._loaded.pipeline.vae.use_framewise_decoding = True  # switches the encode as well (diffusers 0.42.1)
    assert same(list(engine.render(TWO_STAGES, Listener(), Materials(reference=SMALL)).frames), frames)
    assert len(frames) == PLAN.frames
    assert {frame.shape for frame in frames} == {(50, 100, 3)}


# -- what does not go together -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "materials", "words"),
    [
        (TWO_STAGES, NO_MATERIALS, "an IC-LoRA a reference"),
        (PLAN, Materials(reference=SMALL), "A reference needs an IC-LoRA"),
        (TWO_STAGES, Materials(reference=LARGE), r"\(50, 100, 3\)"),
        (TWO_STAGES, Materials(reference=SMALL[:8]), "8 frames and the clip 40"),
        (TWO_STAGES, Materials(reference=SMALL, repaint=LARGE), "not both"),
    ],
)
def test_a_reference_that_does_not_fit_is_refused_before_anything_runs(
    engine: LtxEngine, made: Plan, materials: Materials, words: str
) -> None:
    watch = Listener()
    with pytest.raises(BadInput, match=words):
        engine.render(made, watch, materials)
    assert watch.stages == []


def test_an_ic_lora_without_a_reference_and_a_second_one_are_refused_by_the_plan() -> None:
    card = ModelCard("m", "m", "240p", 10**9, 240, takes_loras=True)
    one, two = (LoraCard(name=name, path=Path(name), bytes=1, kind="ic_lora") for name in ("one", "two"))
    with pytest.raises(BadInput, match="one is an IC-LoRA"):
        plan(GenerateRequest(prompt="x"), card, 1, [Picked(one, 1.0)])
    with pytest.raises(BadInput, match="two is an IC-LoRA"):
        plan(GenerateRequest(prompt="x"), card, 1, [Picked(one, 1.0), Picked(two, 1.0)], Rework(one))
    with pytest.raises(BadInput, match="takes no LoRAs here"):
        plan(GenerateRequest(prompt="x"), replace(card, takes_loras=False), 1, [Picked(one, 1.0)], Rework(one))

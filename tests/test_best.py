"""Quality best: guided passes, negative prompts, and the distilled LoRA that is on for the second pass alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from engine_kit import PLAN, Listener, Prepared, frames_of, same
from safetensors.torch import save_file

from ltx_mcp.engine.base import Condition, Materials
from ltx_mcp.engine.diffusers_ltx.adapters import DISTILLED
from ltx_mcp.engine.diffusers_ltx.engine import LtxEngine
from ltx_mcp.engine.lora.installed import InstalledLoras
from ltx_mcp.engine.plan.quality_presets import guided, undistilled
from ltx_mcp.engine.plan.sigmas import REFINE_SIGMAS, undistilled_sigmas
from ltx_mcp.engine.weights.source import MICRO, Components, MicroSource, ModelInfo
from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import LoraUse, Quality

STEPS = 2
BEST = PLAN.model_copy(update={"quality": "best", "frames": 9, "made_frames": 9})
LAYER = "transformer_blocks.0.attn1.to_q"
INFO = replace(MICRO, recipes=undistilled(guided(1), steps=STEPS))


def lora(path: Path, seed: int) -> Path:
    """A LoRA for one layer of the micro model's transformer, strong enough to be seen."""
    noise = torch.Generator().manual_seed(seed)
    down, up = torch.randn(4, 256, generator=noise), torch.randn(256, 4, generator=noise)
    content = {f"diffusion_model.{LAYER}.lora_A.weight": down, f"diffusion_model.{LAYER}.lora_B.weight": up}
    save_file(content, path)
    return path


class Undistilled:
    """The micro model as an undistilled one with its distilled LoRA."""

    info: ModelInfo = INFO

    def __init__(self, adapter: Path) -> None:
        self._adapter = adapter

    def components(self) -> Components:
        return replace(MicroSource().components(), adapter=self._adapter)


@pytest.fixture(scope="module")
def undistilled_engine(tmp_path_factory: pytest.TempPathFactory) -> LtxEngine:
    folder = tmp_path_factory.mktemp("loras")
    lora(folder / "style.safetensors", 2)
    file = lora(tmp_path_factory.mktemp("model") / "distilled.safetensors", 1)
    engine = LtxEngine(Undistilled(file), device="cpu", installed=InstalledLoras(folder))
    engine.load(Listener())
    return engine


@pytest.fixture(scope="module")
def micro() -> LtxEngine:
    engine = LtxEngine(MicroSource(), device="cpu")
    engine.load(Listener())
    return engine


def transformer_of(engine: LtxEngine) -> Any:
    assert engine._loaded is not None
    return engine._loaded.pipeline.transformer


def calls_of(engine: LtxEngine, plan: Plan) -> list[tuple[int, float, tuple[str, ...]]]:
    """Of each call of the transformer: samples, sigma, and the LoRAs that act on one of its layers."""
    calls: list[tuple[int, float, tuple[str, ...]]] = []
    transformer = transformer_of(engine)

    def note(_module: Any, _args: Any, kwargs: dict[str, Any]) -> None:
        layer = transformer.get_submodule(LAYER)
        acting = () if getattr(layer, "disable_adapters", True) else tuple(layer.active_adapters)
        calls.append((kwargs["hidden_states"].shape[0], float(kwargs["sigma"][0]) / 1000, acting))

    hook = transformer.register_forward_pre_hook(note, with_kwargs=True)
    try:
        engine.render(plan, Listener())
    finally:
        hook.remove()
    return calls


def test_the_micro_models_best_costs_what_its_preset_says(micro: LtxEngine) -> None:
    calls = calls_of(micro, BEST)
    expected = sum(each.units * each.guidance.forwards for each in micro.card.recipes["best"].passes)
    assert sum(samples for samples, _, _ in calls) == expected == 6 * 4 + 3
    sigmas = [sigma for samples, sigma, _ in calls if samples == 2] + [sigma for _, sigma, _ in calls[-3:]]
    assert sigmas == pytest.approx([*undistilled_sigmas(6), *REFINE_SIGMAS])


@pytest.mark.parametrize(
    ("quality", "on"), [("draft", [True] * 8), ("final", [True] * 11), ("best", [False] * 3 * STEPS + [True] * 3)]
)
def test_the_distilled_lora_acts_wherever_guidance_is_off(
    undistilled_engine: LtxEngine, quality: Quality, on: list[bool]
) -> None:
    plan = BEST.model_copy(update={"quality": quality})
    assert [DISTILLED in acting for _, _, acting in calls_of(undistilled_engine, plan)] == on


def test_a_users_lora_acts_in_both_passes_and_goes_without_a_trace(undistilled_engine: LtxEngine) -> None:
    before = frames_of(undistilled_engine, BEST)
    styled = BEST.model_copy(update={"loras": (LoraUse(name="style", strength=1.0),)})
    acting = [acting for _, _, acting in calls_of(undistilled_engine, styled)]
    assert acting == [("loras",)] * 3 * STEPS + [("loras", DISTILLED)] * 3
    assert not same(frames_of(undistilled_engine, styled), before)
    assert same(frames_of(undistilled_engine, BEST), before)


@pytest.mark.slow
def test_the_second_pass_is_another_with_the_lora(undistilled_engine: LtxEngine) -> None:
    without = LtxEngine(Prepared(lambda components: None, INFO), device="cpu")
    assert not same(frames_of(undistilled_engine, BEST), frames_of(without, BEST))


def test_a_lora_of_another_model_is_no_distilled_lora(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"diffusion_model.nowhere.lora_A.weight": torch.zeros(2, 2)}, path)
    with pytest.raises(ModelUnavailable, match=r"other\.safetensors"):
        LtxEngine(Undistilled(path), device="cpu").load(Listener())


@pytest.mark.slow
def test_a_negative_prompt_changes_best_and_nothing_else(micro: LtxEngine) -> None:
    plain, avoiding = BEST, BEST.model_copy(update={"negative_prompt": "rain"})
    assert not same(frames_of(micro, plain), frames_of(micro, avoiding))
    quick = [plan.model_copy(update={"quality": "draft"}) for plan in (plain, avoiding)]
    assert same(*(frames_of(micro, plan) for plan in quick))


@pytest.mark.slow
def test_without_a_negative_prompt_guidance_leads_away_from_the_librarys(micro: LtxEngine) -> None:
    from diffusers.pipelines.ltx2.utils import DEFAULT_NEGATIVE_PROMPT

    spelled_out = BEST.model_copy(update={"negative_prompt": DEFAULT_NEGATIVE_PROMPT})
    assert same(frames_of(micro, BEST), frames_of(micro, spelled_out))


@pytest.mark.slow
def test_a_picture_is_kept_at_quality_best(micro: LtxEngine) -> None:
    still: Frame = np.full((BEST.height, BEST.width, 3), (200, 40, 40), np.uint8)
    first = next(micro.render(BEST, Listener(), Materials((Condition([still]),))).frames)
    bare = next(micro.render(BEST, Listener()).frames)
    assert np.abs(first.astype(int) - still).mean() < 20 < np.abs(bare.astype(int) - still).mean()


def test_its_steps_are_reported_each_once(micro: LtxEngine) -> None:
    watch = Listener()
    micro.render(BEST, watch)
    assert watch.steps == [(done, 9) for done in range(1, 10)]

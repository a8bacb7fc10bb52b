"""The engine over the micro model: forwards, steps, seeds, exact counts, cancel in every stage, failures."""

import subprocess
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from engine_kit import PLAN, Listener, Prepared, frames_of, same

from ltx_mcp.engine.diffusers_ltx.decode import decode_audio
from ltx_mcp.engine.diffusers_ltx.engine import LtxEngine
from ltx_mcp.engine.diffusers_ltx.interrupt import ChunkedAttention
from ltx_mcp.engine.plan.memory import MemoryPolicy, Offload, place
from ltx_mcp.engine.plan.planning import plan
from ltx_mcp.engine.plan.quality_presets import DISTILLED
from ltx_mcp.engine.plan.sigmas import DISTILLED_SIGMAS
from ltx_mcp.engine.weights.folders import folder_source
from ltx_mcp.engine.weights.source import Components, DiffusersSource, MicroSource, ModelInfo
from ltx_mcp.errors import Cancelled, ModelUnavailable, RenderFailed
from ltx_mcp.micro.tokenizer import load_tokenizer
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.requests import GenerateRequest, Quality
from ltx_mcp.types.stages import Stage


@pytest.fixture(scope="module")
def engine(micro_engine: LtxEngine) -> LtxEngine:
    return micro_engine


@pytest.fixture(scope="module")
def expected(engine: LtxEngine) -> list[Frame]:
    return frames_of(engine, PLAN)


@pytest.mark.parametrize(("quality", "forwards"), [("draft", 8), ("final", 11)])
def test_a_recipe_costs_exactly_its_forwards(quality: Quality, forwards: int) -> None:
    calls: list[tuple[int, ...]] = []

    def count(components: Components) -> None:
        transformer = components.parts["transformer"]
        transformer.register_forward_pre_hook(
            lambda _module, _args, kwargs: calls.append(kwargs["hidden_states"].shape), with_kwargs=True
        )

    LtxEngine(Prepared(count), device="cpu").render(PLAN.model_copy(update={"quality": quality}), Listener())
    assert len(calls) == forwards
    half, full = (1, 6 * 1 * 2, 128), (1, 6 * 2 * 4, 128)  # (batch, latent frames x height x width, channels)
    assert calls == ([full] * 8 if quality == "draft" else [half] * 8 + [full] * 3)


def test_the_sigmas_are_used_as_they_are(engine: LtxEngine) -> None:
    engine.render(PLAN.model_copy(update={"quality": "draft"}), Listener())
    assert engine._loaded is not None
    used = engine._loaded.pipeline.scheduler.sigmas.tolist()
    assert used == pytest.approx([*DISTILLED_SIGMAS, 0.0])


def test_stages_and_steps_are_reported_in_order() -> None:
    watch = Listener()
    frames_of(LtxEngine(MicroSource(), device="cpu"), PLAN, watch)
    assert watch.stages == [Stage.LOADING, Stage.ENCODING_PROMPT, Stage.DENOISING, Stage.DECODING]
    assert watch.steps == [(done, 11) for done in range(1, 12)]


def test_frames_are_exactly_those_planned_and_not_grey(expected: list[Frame]) -> None:
    assert len(expected) == 40
    assert {(frame.shape, frame.dtype.name, frame.flags.c_contiguous) for frame in expected} == {
        ((50, 100, 3), "uint8", True)
    }
    assert min(frame.std() for frame in expected) > 5  # a thing on dark ground


def test_the_crop_is_the_centre(engine: LtxEngine, expected: list[Frame]) -> None:
    whole = frames_of(engine, PLAN.model_copy(update={"width": 128, "height": 64, "frames": 41}))
    assert len(whole) == 41
    assert np.array_equal(whole[5][7:57, 14:114], expected[5])


def test_the_same_plan_gives_the_same_bits_in_a_fresh_engine(expected: list[Frame]) -> None:
    torch.manual_seed(99)  # the global state must not matter
    assert same(frames_of(LtxEngine(MicroSource(), device="cpu"), PLAN), expected)


@pytest.mark.parametrize("change", [{"seed": 12}, {"prompt": "a blue cube"}])
def test_another_seed_or_prompt_gives_other_frames(
    engine: LtxEngine, expected: list[Frame], change: dict[str, Any]
) -> None:
    assert not same(frames_of(engine, PLAN.model_copy(update=change)), expected)


def test_a_negative_prompt_changes_nothing_without_guidance(engine: LtxEngine, expected: list[Frame]) -> None:
    assert same(frames_of(engine, PLAN.model_copy(update={"negative_prompt": "blur"})), expected)


def test_sound_is_stereo_about_as_long_as_the_picture_and_there_before_it(engine: LtxEngine) -> None:
    rendering = engine.render(PLAN, Listener())
    assert rendering.audio is not None
    assert rendering.audio.dtype == np.float32
    assert rendering.sample_rate == 48_000
    channels, samples = rendering.audio.shape
    assert channels == 2
    assert samples / 48_000 == pytest.approx(41 / 24, abs=0.06)
    assert 0.01 < np.abs(rendering.audio).max() < 0.5


def test_sound_equals_that_of_the_pipeline(engine: LtxEngine) -> None:
    assert engine._loaded is not None
    pipeline = engine._loaded.pipeline
    latents = torch.randn(1, 4, 9, 4, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert np.array_equal(
            decode_audio(pipeline, latents), pipeline.vocoder(pipeline.audio_vae.decode(latents).sample)[0].numpy()
        )


def test_no_sound_when_none_was_asked(engine: LtxEngine) -> None:
    assert engine.render(PLAN.model_copy(update={"audio": False}), Listener()).audio is None


@pytest.mark.slow
def test_nothing_is_printed(engine: LtxEngine, capfd: pytest.CaptureFixture[str]) -> None:
    frames_of(engine, PLAN)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("stage", "nths"),
    [
        (Stage.ENCODING_PROMPT, (1, 2, 3)),
        (Stage.DENOISING, (1, 40)),
        (Stage.DECODING, (1, 40)),
        pytest.param(Stage.DENOISING, (2, 7), marks=pytest.mark.slow),
        pytest.param(Stage.DECODING, (2, 7), marks=pytest.mark.slow),
    ],
)
def test_a_cancel_in_any_stage_is_heard_at_once_and_leaves_no_trace(
    engine: LtxEngine, expected: list[Frame], stage: Stage, nths: tuple[int, ...]
) -> None:
    for nth in nths:
        watch = Listener(cancel_in=stage, nth=nth)
        with pytest.raises(Cancelled):
            frames_of(engine, PLAN, watch)
        assert watch.stages[-1] is stage
        assert watch.checks == nth, "nothing swallowed it and went on"
    assert same(frames_of(engine, PLAN), expected)


def test_a_cancel_before_loading_loads_nothing() -> None:
    def never(_components: Components) -> None:
        raise AssertionError("loaded all the same")

    with pytest.raises(Cancelled):
        LtxEngine(Prepared(never), device="cpu").load(Listener(Stage.LOADING))


def test_hooks_and_processors_are_gone_after_a_cancel(engine: LtxEngine) -> None:
    with pytest.raises(Cancelled):
        frames_of(engine, PLAN, Listener(Stage.DENOISING, 30))
    assert engine._loaded is not None
    for part in engine._loaded.pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            assert not any(module._forward_pre_hooks for module in part.modules())
            assert not any(
                isinstance(getattr(module, "processor", None), ChunkedAttention) for module in part.modules()
            )


@pytest.mark.slow
def test_checks_are_never_two_seconds_apart_at_native_size(engine: LtxEngine) -> None:
    watch = Listener()
    frames_of(engine, plan(GenerateRequest(prompt="a ball", duration_s=2), engine.card, seed=1), watch)
    assert watch.longest_gap_s < 2


@pytest.mark.parametrize("attention", ["attn1", "attn2", "video_to_audio_attn"])
def test_attention_in_chunks_is_attention(attention: str) -> None:
    transformer = MicroSource().components().parts["transformer"]
    layer = getattr(transformer.transformer_blocks[0], attention)
    noise = torch.Generator().manual_seed(3)
    hidden = torch.randn(1, 150, layer.query_dim, generator=noise)
    context = None if attention == "attn1" else torch.randn(1, 40, layer.cross_attention_dim, generator=noise)
    angles = torch.randn(1, layer.heads, 150, layer.head_dim // 2, generator=noise)
    rotation = None if attention == "attn2" else (angles.cos(), angles.sin())
    turns = {"query_rotary_emb": rotation, "key_rotary_emb": None}
    if attention == "video_to_audio_attn":
        turns["key_rotary_emb"] = (angles[:, :, :40].cos(), angles[:, :, :40].sin())
    mask = None if attention == "attn1" else torch.zeros(1, 1, 40)
    calls: list[None] = []

    with torch.inference_mode():
        whole = layer(hidden, context, mask, **turns)
        layer.set_processor(ChunkedAttention(layer.processor, lambda: calls.append(None), flop=1, min_queries=32))
        chunked = layer(hidden, context, mask, **turns)

    assert len(calls) == 5
    assert torch.allclose(chunked, whole, rtol=0, atol=1e-5)


def break_transformer(error: Exception, seen: list[weakref.ref[torch.Tensor]]) -> Callable[[Components], None]:
    """Make the third forward fail, as a device would."""
    calls: list[None] = []

    def hook(_module: Any, _args: Any, kwargs: dict[str, Any]) -> None:
        calls.append(None)
        if len(calls) == 3:
            seen.append(weakref.ref(kwargs["hidden_states"]))
            raise error

    def prepare(components: Components) -> None:
        components.parts["transformer"].register_forward_pre_hook(hook, with_kwargs=True)

    return prepare


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_out_of_memory_names_the_remedy_frees_the_activations_and_is_survived(
    error: Exception, expected: list[Frame]
) -> None:
    seen: list[weakref.ref[torch.Tensor]] = []
    engine = LtxEngine(Prepared(break_transformer(error, seen)), device="cpu")
    with pytest.raises(RenderFailed, match=r"out of memory.*LTX_MCP_MEMORY") as failed:
        engine.render(PLAN, Listener())
    assert failed.value.__cause__ is error
    assert seen[0]() is None
    assert same(frames_of(engine, PLAN), expected)


def test_any_other_failure_is_explained_with_its_cause() -> None:
    error = ZeroDivisionError("in the middle")
    with pytest.raises(RenderFailed, match="in the middle") as failed:
        LtxEngine(Prepared(break_transformer(error, [])), device="cpu").render(PLAN, Listener())
    assert failed.value.__cause__ is error


def test_a_cancel_wrapped_by_a_library_is_still_a_cancel() -> None:
    error = RuntimeError("hook failed")
    error.__cause__ = Cancelled()
    with pytest.raises(Cancelled):
        LtxEngine(Prepared(break_transformer(error, [])), device="cpu").render(PLAN, Listener())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from diffusers import FlowMatchEulerDiscreteScheduler, LTX2Pipeline

    path = tmp_path_factory.mktemp("models") / "saved-micro"
    components = MicroSource().components()
    scheduler = FlowMatchEulerDiscreteScheduler()  # that of a distilled model: it does not shift
    LTX2Pipeline(**{**components.parts, "scheduler": scheduler}).save_pretrained(path)
    assert components.upsampler is not None
    components.upsampler.save_pretrained(path / "latent_upsampler")
    return path


@dataclass(frozen=True)
class SameWords:
    """A source with the micro model's own tokenizer."""

    source: DiffusersSource

    @property
    def info(self) -> ModelInfo:
        return self.source.info

    def components(self) -> Components:
        loaded = self.source.components()
        loaded.parts["tokenizer"] = load_tokenizer()
        return loaded


def test_a_folder_of_weights_renders_like_the_model_it_was_saved_from(folder: Path, expected: list[Frame]) -> None:
    source = folder_source(folder)
    assert source.info.recipes == DISTILLED
    exact = replace(source, dtype="float32", info=replace(source.info, windows=MicroSource().info.windows))
    # transformers (5.23) drops the normaliser of a saved GemmaTokenizer: words at the front and capitals are lost.
    # Weights mapped from a file lie differently in memory, and matrix libraries then round differently.
    reloaded = frames_of(LtxEngine(SameWords(exact), device="cpu"), PLAN)
    assert np.abs(np.stack(reloaded).astype(int) - np.stack(expected)).max() <= 1


@pytest.mark.slow
def test_bfloat16_weights_render_with_a_float32_vocoder(folder: Path) -> None:
    engine = LtxEngine(folder_source(folder), device="cpu")
    short = PLAN.model_copy(update={"frames": 9, "made_frames": 9})  # processors are slow in bfloat16
    rendering = engine.render(short, Listener())
    assert rendering.audio is not None
    assert rendering.audio.dtype == np.float32
    assert len(list(rendering.frames)) == 9
    assert engine._loaded is not None
    assert engine._loaded.pipeline.transformer.dtype == torch.bfloat16
    assert engine._loaded.pipeline.vocoder.dtype == torch.float32


def test_a_folder_without_safetensors_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text('{"_class_name": "LTX2Pipeline", "vae": ["diffusers", "Nothing"]}')
    source = DiffusersSource(replace(MicroSource().info, name="broken"), str(tmp_path))
    with pytest.raises(
        ModelUnavailable,
        match=r"could not be loaded.*Check the folder, or set LTX_MCP_MODEL=micro",
    ):
        LtxEngine(source, device="cpu").load(Listener())


@pytest.mark.slow
def test_streamed_eight_bit_weights_render_and_cancel() -> None:
    engine = LtxEngine(MicroSource(), device="cpu")
    engine.load(Listener())
    assert engine._loaded is not None
    policy = MemoryPolicy("test", 0, 0, Offload.GROUP, True, 0)
    place(engine._loaded.pipeline, policy, torch.device("cpu"))
    assert engine._loaded.pipeline.transformer.transformer_blocks[0].attn1.to_q.weight.dtype == torch.float8_e4m3fn
    once = frames_of(engine, PLAN)
    with pytest.raises(Cancelled):
        frames_of(engine, PLAN, Listener(Stage.DENOISING, 30))
    assert same(frames_of(engine, PLAN), once)


@pytest.mark.slow
def test_a_closed_engine_loads_again(expected: list[Frame]) -> None:
    engine = LtxEngine(MicroSource(), device="cpu")
    engine.load(Listener())
    engine.close()
    assert same(frames_of(engine, PLAN), expected)


def test_a_card_costs_no_torch() -> None:
    code = (
        "import sys; from ltx_mcp.engine.diffusers_ltx.engine import LtxEngine;"
        "from ltx_mcp.engine.weights.source import MicroSource;"
        "card = LtxEngine(MicroSource()).card; assert card.max_pixel_frames > 448 * 256 * 481;"
        "assert not {'torch', 'diffusers', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

"""Seconds, TFLOP/s and peak memory of every mode, with random weights of LTX-2.3's full size. No download.

    python bench/gpu_modes.py [--shapes 1280x704x121,1920x1088x121] [--modes draft,final,animate,tiled]
    python bench/gpu_modes.py --tiny --device cpu      # the same on the micro model, in a minute
    python bench/gpu_modes.py --dry-run                # every mode once on the micro model, 25 frames of 64x64

The engine itself is timed, from prompt to last frame, without moderation and without writing the file. A shape is
what the model makes: width and height in multiples of 64, 8k+1 frames; `tiled` makes twice the sides. One JSON line a
run; the first run of a shape includes warming up. Random weights make noise, but take the time and memory of trained
ones. Needs a device that holds all of it: 71 GB in bfloat16, and activations.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

from ltx_mcp.engine.base import NO_MATERIALS, Condition, Materials
from ltx_mcp.engine.diffusers_ltx.decode import GPU_WINDOWS
from ltx_mcp.engine.diffusers_ltx.engine import LtxEngine
from ltx_mcp.engine.plan.quality_presets import DISTILLED, LATENT_GRID, Pass, Recipe, guided, presets
from ltx_mcp.engine.plan.sigmas import REFINE_SIGMAS, undistilled_sigmas
from ltx_mcp.engine.plan.tiling import tilings
from ltx_mcp.engine.weights.source import PROMPT_TOKENS, Components, MicroSource, ModelInfo, ModelSource
from ltx_mcp.errors import StudioError
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import InContext, Plan
from ltx_mcp.types.sizes import made_frame_count
from ltx_mcp.types.stages import Stage

FPS = 24.0
FULL_SIZE = ModelInfo(
    name="ltx-2.3-random",
    label="LTX-2.3 in size only: its weights are random.",
    default_resolution="720p",
    trained_short_side=1080,
    weights_bytes=71_000_000_000,
    windows=GPU_WINDOWS,
    recipes=presets(
        *DISTILLED.values(), Recipe("best", (Pass(undistilled_sigmas(30), 2, guided(28)), Pass(REFINE_SIGMAS)))
    ),
    doubles_rate=True,
)


def main() -> None:
    options = arguments()
    source: ModelSource = MicroSource() if options.tiny else FullSizeSource(options.device)
    engine = LtxEngine(source, device=options.device, memory=options.memory)
    print(json.dumps(circumstances(options.device, engine)), flush=True)
    forwards = Forwards()
    engine.load(Clock(options.device))
    forwards.watch(engine)
    for shape in options.shapes:
        for mode in options.modes:
            for run in range(options.runs):
                print(json.dumps(measure(engine, forwards, mode, shape, run, options.device)), flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", help="width x height x frames, comma-separated")
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--memory", default="auto", help="a policy of ltx_mcp/engine/memory.py")
    parser.add_argument("--tiny", action="store_true", help="the micro model")
    parser.add_argument("--dry-run", action="store_true", help="only check that every part works, in seconds")
    options = parser.parse_args()
    if options.dry_run:
        options.tiny, options.device, options.shapes, options.runs = True, "cpu", "64x64x25", 1
    default = "128x64x25" if options.tiny else "1280x704x121,1920x1088x121"
    options.shapes = (options.shapes or default).split(",")
    options.modes = options.modes.split(",")
    if unknown := set(options.modes) - set(MODES):
        parser.error(f"unknown modes: {', '.join(sorted(unknown))}")
    return options


def circumstances(device: str, engine: LtxEngine) -> dict[str, Any]:
    on_cuda = device.startswith("cuda")
    return {
        "command": " ".join(sys.argv),
        "model": engine.card.name,
        "device": torch.cuda.get_device_name(device) if on_cuda else f"{platform.machine()}, {os.cpu_count()} cores",
        "threads": torch.get_num_threads(),
        "cuda": torch.version.cuda if on_cuda else None,
        "versions": {name: version(name) for name in ("torch", "diffusers", "transformers")},
    }


@dataclass(frozen=True)
class FullSizeSource:
    """LTX-2.3 with random bfloat16 weights, made on the device. Sizes as published; tests pin the counts."""

    device: str
    info: ModelInfo = FULL_SIZE

    def components(self) -> Components:
        from ltx_mcp.micro.build import build

        micro = build()
        dtype = torch.get_default_dtype()
        torch.set_default_dtype(torch.bfloat16)
        try:
            with torch.device(self.device):
                parts = {name: make().eval().requires_grad_(False) for name, make in full_size().items()}
        finally:
            torch.set_default_dtype(dtype)
        upsampler, temporal = parts.pop("latent_upsampler"), parts.pop("temporal_upsampler")
        # A tokenizer and a scheduler have no size to speak of.
        parts |= {"tokenizer": micro["tokenizer"], "scheduler": micro["scheduler"]}
        return Components(parts, upsampler, PROMPT_TOKENS, temporal=temporal)


def full_size() -> dict[str, Callable[[], Any]]:
    """How to make each model of LTX-2.3, where it differs from the library's defaults, which are LTX-2.0's."""
    from diffusers import AutoencoderKLLTX2Audio, AutoencoderKLLTX2Video, LTX2VideoTransformer3DModel
    from diffusers.pipelines.ltx2 import LTX2LatentUpsamplerModel, LTX2TextConnectors, LTX2VocoderWithBWE
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    return {
        "transformer": lambda: LTX2VideoTransformer3DModel(
            gated_attn=True,
            cross_attn_mod=True,
            audio_gated_attn=True,
            audio_cross_attn_mod=True,
            rope_type="split",
            rope_double_precision=True,
            use_prompt_embeddings=False,
            perturbed_attn=True,
        ),
        "connectors": lambda: LTX2TextConnectors(
            caption_channels=3840,
            text_proj_in_factor=49,
            video_connector_num_attention_heads=32,
            video_connector_attention_head_dim=128,
            video_connector_num_layers=8,
            video_connector_num_learnable_registers=128,
            video_gated_attn=True,
            audio_connector_num_attention_heads=32,
            audio_connector_attention_head_dim=64,
            audio_connector_num_layers=8,
            audio_connector_num_learnable_registers=128,
            audio_gated_attn=True,
            rope_type="split",
            per_modality_projections=True,
            video_hidden_dim=4096,
            audio_hidden_dim=2048,
            proj_bias=True,
        ),
        "vae": lambda: AutoencoderKLLTX2Video(
            block_out_channels=(256, 512, 1024, 1024),
            decoder_block_out_channels=(256, 512, 512, 1024),
            layers_per_block=(4, 6, 4, 2, 2),
            decoder_layers_per_block=(4, 6, 4, 2, 2),
            decoder_spatio_temporal_scaling=(True,) * 4,
            decoder_inject_noise=(False,) * 5,
            upsample_type=("spatiotemporal", "spatiotemporal", "temporal", "spatial"),
            upsample_residual=(False,) * 4,
            upsample_factor=(2, 2, 1, 2),
            decoder_spatial_padding_mode="zeros",
        ),
        "audio_vae": AutoencoderKLLTX2Audio,
        "vocoder": LTX2VocoderWithBWE,
        "latent_upsampler": lambda: LTX2LatentUpsamplerModel(use_rational_resampler=False),
        "temporal_upsampler": lambda: LTX2LatentUpsamplerModel(
            mid_channels=512, spatial_upsample=False, temporal_upsample=True, use_rational_resampler=False
        ),
        "text_encoder": lambda: Gemma3ForConditionalGeneration(
            Gemma3Config(  # Gemma 3 12B
                text_config={
                    "hidden_size": 3840,
                    "intermediate_size": 15360,
                    "num_hidden_layers": 48,
                    "num_attention_heads": 16,
                    "num_key_value_heads": 8,
                    "head_dim": 256,
                    "sliding_window": 1024,
                    "vocab_size": 262208,
                    "max_position_embeddings": 131072,
                    "query_pre_attn_scalar": 256,
                },
                vision_config={
                    "hidden_size": 1152,
                    "intermediate_size": 4304,
                    "num_hidden_layers": 27,
                    "num_attention_heads": 16,
                    "image_size": 896,
                    "patch_size": 14,
                    "vision_use_head": False,
                },
            )
        ),
    }


@dataclass
class Clock:
    """A Watch that adds up the seconds of each stage."""

    device: str
    seconds: dict[str, float] = field(default_factory=dict)
    _stage: str = ""
    _since: float = 0.0

    def check(self) -> None:
        """Nobody cancels a measurement."""

    def stage(self, stage: Stage | str) -> None:
        if self.device.startswith("cuda"):
            torch.cuda.synchronize()
        now = time.perf_counter()
        if self._stage:
            self.seconds[self._stage] = round(self.seconds.get(self._stage, 0) + now - self._since, 3)
        self._stage, self._since = str(stage), now

    def step(self, done: int, total: int) -> None:
        """Stages are enough."""


@dataclass
class Forwards:
    """Counts the transformer's forwards, a tile's each, and their floating-point operations."""

    count: int = 0
    flop: float = 0.0

    def watch(self, engine: LtxEngine) -> None:
        assert engine._loaded is not None
        engine._loaded.pipeline.transformer.register_forward_pre_hook(self._add, with_kwargs=True)

    def _add(self, transformer: Any, _args: Any, inputs: dict[str, Any]) -> None:
        self.count += 1
        lengths = (inputs[name].shape[1] for name in ("hidden_states", "audio_hidden_states", "encoder_hidden_states"))
        self.flop += forward_flop(transformer.config, *lengths) * inputs["hidden_states"].shape[0]


def forward_flop(config: Any, video: int, audio: int, text: int) -> float:
    """Floating-point operations of one forward with this many tokens: every matrix product, two a multiply-add.

    A layer has, for each of the two streams: self-attention (4 projections), attention to text (4, two of them over
    the text's tokens), the other stream (4, in the sound's width), and a feed-forward of 4 times the width (8).
    """
    wide = config.num_attention_heads * config.attention_head_dim
    thin = config.audio_num_attention_heads * config.audio_attention_head_dim
    linear = (14 * wide**2 + 4 * wide * thin) * video + 2 * wide**2 * text + 18 * thin**2 * audio + 2 * thin**2 * text
    attention = (video + text) * video * wide + (audio + text) * audio * thin + 2 * video * audio * thin
    return float(config.num_layers * (2 * linear + 4 * attention))


def measure(engine: LtxEngine, forwards: Forwards, mode: str, shape: str, run: int, device: str) -> dict[str, Any]:
    width, height, frames = (int(side) for side in shape.split("x"))
    plan, materials = MODES[mode](width, height, frames)
    if mode == "finalize":
        drafted, _ = draft(width // 2, height // 2, frames)
        materials = Materials(draft_latents=engine.render(drafted, Clock(device)).latents)
    on_cuda = device.startswith("cuda")
    if on_cuda:
        torch.cuda.reset_peak_memory_stats()
    forwards.count, forwards.flop = 0, 0.0
    clock = Clock(device)
    result: dict[str, Any] = {"mode": mode, "shape": shape, "run": run}
    try:
        made = sum(1 for _ in engine.render(plan, clock, materials).frames)
    except StudioError as error:
        return {**result, "error": str(error)}
    clock.stage("done")
    result |= {"frames": made, "forwards": forwards.count, "seconds": clock.seconds}
    result["total_s"] = round(sum(clock.seconds.values()), 3)
    result["pflop"] = round(forwards.flop / 1e15, 6)
    result["denoising_tflop_per_s"] = round(forwards.flop / clock.seconds[Stage.DENOISING] / 1e12, 4)
    result["peak_gib"] = round(torch.cuda.max_memory_allocated() / 2**30, 2) if on_cuda else None
    return result


def plan(width: int, height: int, frames: int, quality: str = "final") -> Plan:
    """A clip whose delivered size is the made one."""
    return Plan.model_validate(
        {"prompt": "A red ball rolls over the grass.", "quality": quality, "seed": 1, "model": "bench"}
        | {"width": width, "height": height, "frames": frames, "fps": FPS, "duration_s": frames / FPS}
        | {"made_width": width, "made_height": height, "made_frames": frames, "resolution": "720p", "audio": True}
    )


def picture(width: int, height: int) -> Frame:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


def draft(width: int, height: int, frames: int) -> tuple[Plan, Materials]:
    return plan(width, height, frames, "draft"), NO_MATERIALS


def final(width: int, height: int, frames: int) -> tuple[Plan, Materials]:
    return plan(width, height, frames), NO_MATERIALS


def animate(width: int, height: int, frames: int) -> tuple[Plan, Materials]:
    """A first and a last image, in two stages."""
    image = picture(width, height)
    return plan(width, height, frames), Materials((Condition([image]), Condition([image], frames - 1)))


def extend(width: int, height: int, frames: int) -> tuple[Plan, Materials]:
    """Seventeen frames given, in two stages."""
    return plan(width, height, frames), Materials((Condition([picture(width, height)] * 17),))


def repaint(width: int, height: int, frames: int) -> tuple[Plan, Materials]:
    """At strength 0.8, without sound, as when the source's is kept."""
    silent = plan(width, height, frames).model_copy(update={"audio": False})
    return silent, Materials(repaint=[picture(width, height)] * frames, repaint_strength=0.8)


def best(width: int, height: int, frames: int) -> tuple[Plan, Materials]:
    """With the guidance of an undistilled model, three forwards a step, one of two samples."""
    return plan(width, height, frames, "best"), NO_MATERIALS


def fifty(width: int, height: int, frames: int) -> tuple[Plan, Materials]:
    """At 50 fps: in two stages, the first at 25."""
    doubled = {"fps": 50.0, "duration_s": frames / 50, "made_frames": made_frame_count(frames, doubled_rate=True)}
    return plan(width, height, frames).model_copy(update={**doubled, "doubled_rate": True}), NO_MATERIALS


def tiled(width: int, height: int, frames: int) -> tuple[Plan, Materials]:
    """Twice the sides, at least 1024 across, the second stage in tiles: 2160p of 1920x1088."""
    wide, high = max(2 * width, 1024), 2 * height
    ways = (tiles for tiles in tilings(wide // LATENT_GRID, high // LATENT_GRID) if tiles != (1, 1))
    return plan(wide, high, frames).model_copy(update={"tiles": next(ways, (2, 1))}), NO_MATERIALS


def reference(width: int, height: int, frames: int) -> tuple[Plan, Materials]:
    """A restyle in two stages, the first beside a reference of its size. The weights of an IC-LoRA are left out."""
    shown = InContext(lora="none", width=width // 2, height=height // 2)
    rework = plan(width, height, frames).model_copy(update={"reference": shown})
    return rework, Materials(reference=[picture(width // 2, height // 2)] * frames)


def finalize(width: int, height: int, frames: int) -> tuple[Plan, Materials]:
    """The second stage alone; `measure` makes the draft of half the sides that it begins with, untimed."""
    return plan(width, height, frames), NO_MATERIALS


MODES: dict[str, Callable[[int, int, int], tuple[Plan, Materials]]] = {
    made.__name__: made for made in (draft, final, animate, extend, repaint, best, fifty, tiled, reference, finalize)
}

if __name__ == "__main__":
    main()

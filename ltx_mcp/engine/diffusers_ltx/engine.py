"""The engine: LTX-2 pipelines of diffusers, from a plan to a stream of frames with audio.

The micro model and the real one run through the same lines; only their source differs.
"""

import gc
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.engine.base import NO_MATERIALS, Latents, Materials, ModelCard, Rendering, Watch
from ltx_mcp.engine.diffusers_ltx.adapters import applied, load_distilled
from ltx_mcp.engine.diffusers_ltx.conditions import check_materials
from ltx_mcp.engine.diffusers_ltx.decode import decode_audio, stream_decode
from ltx_mcp.engine.diffusers_ltx.interrupt import checked, chunked_attention
from ltx_mcp.engine.diffusers_ltx.passes import Loaded, denoise, encode_prompt
from ltx_mcp.engine.lora.installed import InstalledLoras
from ltx_mcp.engine.plan.memory import Machine, leaner, pick, place, probe_machine, resolve_device
from ltx_mcp.engine.plan.recipe_variants import opens_final, recipe_for
from ltx_mcp.engine.weights.source import ModelSource
from ltx_mcp.errors import Cancelled, ModelUnavailable, OutOfMemory, RenderFailed, StudioError
from ltx_mcp.media.resize import scale
from ltx_mcp.types.callbacks import Check
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.stages import Stage

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

Made = TypeVar("Made")


class LtxEngine:
    """Renders plans with one model on one device.

    `device` is a torch device or `auto`, `memory` a policy of memory.py or `auto`. Raises ModelUnavailable at
    once if the model cannot fit this machine. `installed` holds the LoRAs of plans. Not thread-safe: the lane owns it.
    """

    def __init__(
        self,
        source: ModelSource,
        device: str = "auto",
        memory: str = "auto",
        machine: Machine | None = None,
        installed: InstalledLoras | None = None,
    ) -> None:
        self._machine = machine = machine or probe_machine()
        self._source = source
        self._installed = installed or InstalledLoras(None)
        self._device = resolve_device(device, machine)
        self._policy = pick(self._device, machine, source.info.weights_bytes, memory)
        self._loaded: Loaded | None = None

    @property
    def card(self) -> ModelCard:
        info = self._source.info
        return ModelCard(
            name=info.name,
            label=info.label,
            default_resolution=info.default_resolution,
            max_pixel_frames=self._policy.max_pixel_frames,
            trained_short_side=info.trained_short_side,
            recipes=info.recipes,
            licence=info.licence,
            caveat=info.caveat,
            conditioned_caveat=info.conditioned_caveat,
            finals_improve=info.finals_improve,
            takes_loras=not self._policy.eight_bit,
            doubles_rate=info.doubles_rate,
            conditioned_load=self._policy.conditioned_load,
            source_load=self._policy.source_load,
            decode_load=self._policy.decode_load,
        )

    def load(self, watch: Watch) -> None:
        if self._loaded is None:
            watch.check()
            watch.stage(Stage.LOADING)
            self._loaded = self._guarded(lambda: self._load(watch.check))

    def _load(self, check: Check) -> Loaded:
        import torch
        from diffusers import FlowMatchEulerDiscreteScheduler, LTX2LatentUpsamplePipeline, LTX2Pipeline
        from transformers.utils.logging import disable_progress_bar

        from ltx_mcp.engine.diffusers_ltx.pipelines import AudioPipeline, PlacedConditionPipeline, ReferencePipeline

        if self._device.startswith("cuda") and not torch.cuda.is_available():
            raise ModelUnavailable(
                "The installed torch cannot use the CUDA device.",
                "Install a CUDA build of torch and torchvision, or set LTX_MCP_DEVICE=cpu.",
            )
        device = torch.device(self._device)
        if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
            raise ModelUnavailable(
                f"LTX_MCP_DEVICE={self._device} names a CUDA device that is not there.",
                "Set it to auto, or count from cuda:0.",
            )
        disable_progress_bar()  # standard error is a server's log
        check()
        components = self._source.components()
        check()
        pipeline = LTX2Pipeline(**components.parts)
        # The sigmas of recipes are final; the shift of an undistilled model's scheduler would move them.
        pipeline.scheduler = FlowMatchEulerDiscreteScheduler.from_config(
            pipeline.scheduler.config, use_dynamic_shifting=False, shift_terminal=None
        )
        if pipeline.vocoder.dtype != torch.float32:
            pipeline.vocoder.to(torch.float32)  # bfloat16 is audible there
        if components.adapter is not None:  # before the layers are placed, or cast to eight bits
            load_distilled(pipeline, components.adapter)
            check()
        place(pipeline, self._policy, device)
        conditioned, audio_only = PlacedConditionPipeline(**pipeline.components), AudioPipeline(**pipeline.components)
        referring = ReferencePipeline(
            **{name: part for name, part in pipeline.components.items() if name != "duration_head"}
        )
        for each in (pipeline, conditioned, audio_only, referring):
            each.set_progress_bar_config(disable=True)
        upsampling = None
        if components.upsampler is not None:
            upsampling = LTX2LatentUpsamplePipeline(vae=pipeline.vae, latent_upsampler=components.upsampler.to(device))
        doubling = None
        if components.temporal is not None:
            doubling = LTX2LatentUpsamplePipeline(vae=pipeline.vae, latent_upsampler=components.temporal.to(device))
        image_crf, tokens = self._source.info.image_crf, components.prompt_tokens
        return Loaded(pipeline, conditioned, audio_only, referring, upsampling, doubling, tokens, image_crf, device)

    def render(self, plan: Plan, watch: Watch, materials: Materials = NO_MATERIALS) -> Rendering:
        check_materials(plan, materials)
        self.load(watch)
        latents, audio, first_stage = self._guarded(lambda: self._make(plan, watch, materials), plan)
        return Rendering(self._frames(plan, latents, watch), audio, self._sample_rate(), latents=first_stage)

    def _make(
        self, plan: Plan, watch: Watch, materials: Materials
    ) -> tuple["torch.Tensor", NDArray[np.float32] | None, Latents | None]:
        """The finished video latents, the audio, and both as latents where they are a larger clip's first stage."""
        import torch

        loaded = self._ready()
        recipe = recipe_for(plan, materials, self._source.info.recipes)
        loras = applied(loaded.pipeline, self._installed.fetch(plan.loras, watch), watch.check)
        with torch.inference_mode(), loras as active, _cancellable(loaded, watch.check):
            watch.check()
            watch.stage(Stage.ENCODING_PROMPT)
            prompt = encode_prompt(loaded, plan, recipe)
            watch.stage(Stage.DENOISING)
            made = denoise(loaded, plan, materials, recipe, prompt, active, watch)
            watch.stage(Stage.DECODING)
            opens = opens_final(recipe, self._source.info.recipes)
            first_stage = Latents(_array(made.opening), _array(made.audio)) if opens else None
            return made.video, decode_audio(loaded.pipeline, made.audio) if plan.audio else None, first_stage

    def _frames(self, plan: Plan, latents: "torch.Tensor", watch: Watch) -> Iterator[Frame]:
        windows = self._source.info.windows.within(plan.made_width, plan.made_height)
        frames = stream_decode(self._ready().pipeline.vae, latents, windows, watch.check)
        width, height = plan.inner_size
        left, top = (plan.made_width - width) // 2, (plan.made_height - height) // 2
        for _ in range(plan.frames):
            frame = self._guarded(lambda: next(frames), plan)[top : top + height, left : left + width]
            yield scale(frame, plan.width, plan.height)
        self._free()

    def _guarded(self, work: Callable[[], Made], plan: Plan | None = None) -> Made:
        """Do some work; if it fails, say why in our words, free the device, and keep none of its tensors alive."""
        try:
            return work()
        except StudioError:
            raise
        except Exception as error:
            failure = _explained(error, self._room_for(plan))
        self._free()
        if isinstance(failure, RenderFailed):
            gc.collect()  # a broken call may leave cycles; after a cancel its third of a second is better spent
        raise failure

    def _ready(self) -> Loaded:
        assert self._loaded is not None, "load comes first"
        return self._loaded

    def _sample_rate(self) -> int:
        return int(self._ready().pipeline.vocoder.config.output_sampling_rate)

    def _free(self) -> None:
        import torch

        if self._loaded is not None:
            self._loaded.pipeline.maybe_free_model_hooks()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _room_for(self, plan: Plan | None) -> str:
        """What to ask for where memory did not suffice."""
        other = "or set LTX_MCP_MEMORY to a policy that offloads more (ltx-mcp doctor names the present one)."
        lean = leaner(self._policy, self._machine) or self._policy
        if plan is None or (seconds := lean.max_pixel_frames / (plan.made_width * plan.made_height * plan.fps)) < 1:
            return f"Ask for a lower resolution, {other}"
        return f"Ask for less than {min(seconds, plan.duration_s):.0f} s at this size, or a lower resolution, {other}"

    def lean(self) -> bool:
        if (policy := leaner(self._policy, self._machine)) is None:
            return False
        self.close()
        log.warning("out of memory under the policy %s: now %s", self._policy.name, policy.name)
        self._policy = policy
        return True

    def close(self) -> None:
        if self._loaded is not None:
            self._loaded = None
            gc.collect()
            self._free()


def _array(tensor: "torch.Tensor") -> NDArray[np.float32]:
    """A copy in host memory. The pipelines keep latents in float32, so it is exact."""
    array: NDArray[np.float32] = tensor.float().cpu().numpy().copy()
    return array


@contextmanager
def _cancellable(loaded: Loaded, check: Check) -> Iterator[None]:
    pipeline = loaded.pipeline
    modules = [pipeline.text_encoder, pipeline.connectors, pipeline.transformer]
    modules += [pipeline.vae.encoder, pipeline.audio_vae.decoder, pipeline.vocoder]
    modules += [each.latent_upsampler for each in (loaded.upsampling, loaded.doubling) if each is not None]
    with ExitStack() as stack:
        stack.enter_context(checked(modules, check))
        if loaded.device.type == "cpu":
            stack.enter_context(chunked_attention(pipeline.transformer, check))
        yield


def _explained(error: Exception, leaner_hint: str) -> RenderFailed | Cancelled:
    """What to raise for a failure of the pipeline. Tracebacks that would keep activations alive are dropped."""
    import torch

    if isinstance(error, Cancelled) or isinstance(error.__cause__, Cancelled):
        return Cancelled()
    text = str(error) or type(error).__name__
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in text:
        too_large = OutOfMemory("The device ran out of memory.", leaner_hint)
        too_large.__cause__ = error.with_traceback(None)
        return too_large
    failure = RenderFailed(f"The pipeline broke: {text}", "Try once more with another seed; if it persists, report it.")
    traceback.clear_frames(error.__traceback__)
    failure.__cause__ = error
    return failure

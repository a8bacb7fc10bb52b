"""Runs a recipe's passes: from a prompt's embeddings and the materials to latents of picture and sound."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ltx_mcp.clips import Plan
from ltx_mcp.engine.base import Materials, Watch
from ltx_mcp.engine.conditions import diffusers_conditions, to_made_size
from ltx_mcp.engine.encode_latents import encode_video, whole_pictures
from ltx_mcp.engine.recipes import Pass, Recipe

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Loaded:
    """The pipelines over one set of components, and where they run."""

    pipeline: Any  # LTX2Pipeline
    conditioned: Any  # PlacedConditionPipeline
    sounding: Any  # SoundPipeline
    upsampling: Any | None  # LTX2LatentUpsamplePipeline
    prompt_tokens: int
    image_crf: int
    device: "torch.device"


def encode_prompt(loaded: Loaded, prompt: str) -> dict[str, "torch.Tensor"]:
    """The prompt's embeddings, once for all passes: the text encoder is the largest thing to bring in."""
    embeds, mask, _, _ = loaded.pipeline.encode_prompt(
        prompt, do_classifier_free_guidance=False, max_sequence_length=loaded.prompt_tokens
    )
    return {"prompt_embeds": embeds, "prompt_attention_mask": mask}


def denoise(
    loaded: Loaded, plan: Plan, materials: Materials, recipe: Recipe, prompt: dict[str, "torch.Tensor"], watch: Watch
) -> tuple["torch.Tensor", "torch.Tensor"]:
    """Denormalised latents: video (1, C, F, H, W) and sound (1, C, L, mel bins). Call `check_materials` before."""
    whole_pictures(loaded.pipeline.vae)
    conditions = diffusers_conditions(plan, materials.conditions, loaded.image_crf, watch.check)
    video, sound = _beginning(loaded, plan, materials)
    divisor = recipe.passes[0].divisor
    done = 0
    for index, each in enumerate(recipe.passes):
        video, divisor = _between(loaded, video, divisor, each), each.divisor
        arguments = {
            **prompt,
            **each.guidance.arguments,
            **_shape(plan, each),
            "generator": _noise(plan.seed, index),
            "callback_on_step_end": _reporter(watch, done, recipe.steps),
            "output_type": "latent",
            "return_dict": False,
        }
        video, sound = _run(loaded, each, arguments, conditions, video, sound)
        done += len(each.sigmas)
    return video, sound


def _between(loaded: Loaded, video: Any, divisor: int, each: Pass) -> Any:
    """What the pass `each` is given, after one whose latents are `video` at this divisor."""
    return _upsample(loaded, video) if each.divisor < divisor else video


def _run(
    loaded: Loaded,
    each: Pass,
    arguments: dict[str, Any],
    conditions: list[Any],
    video: Any,
    sound: Any,
) -> tuple[Any, Any]:
    """One pass, through the pipeline that it takes."""
    if each.sound_only:
        return video, loaded.sounding(**arguments, latents=video)[1]
    if video is not None:
        arguments |= {"latents": video, "audio_latents": sound, "noise_scale": each.sigmas[0]}
    if conditions:  # in every pass: upsampled latents hold only an echo of them
        return loaded.conditioned(**arguments, conditions=conditions)  # type: ignore[no-any-return]
    return loaded.pipeline(**arguments)  # type: ignore[no-any-return]


def _noise(seed: int, index: int) -> "torch.Generator":
    """Where the pass of this index draws its noise. On the CPU whatever the device: it is then the same everywhere.

    Each pass has its own, so that a later one draws the same whether an earlier one ran just before it or long ago.
    """
    import torch

    digest = sha256(f"{seed}/{index}".encode()).digest()
    return torch.Generator("cpu").manual_seed(int.from_bytes(digest[:8]) if index else seed)


def _beginning(loaded: Loaded, plan: Plan, materials: Materials) -> tuple[Any, Any]:
    """What the first pass starts from: nothing, or the latents of the video to repaint and of an even sound."""
    if materials.repaint is None:
        return None, None
    frames = [*materials.repaint, *[materials.repaint[-1]] * (plan.made_frames - plan.frames)]
    video = encode_video(loaded.pipeline.vae, frames, loaded.device, lambda run: to_made_size(plan, run))
    return video, _even_sound(loaded.conditioned, plan)


def _even_sound(pipeline: Any, plan: Plan) -> "torch.Tensor":
    """The mean of all sound, (1, C, L, mel bins): with noise on it, sound of the level that a later sigma expects."""
    mean = pipeline.audio_vae.latents_mean.float()
    per_second = (
        pipeline.audio_sampling_rate / pipeline.audio_hop_length / pipeline.audio_vae_temporal_compression_ratio
    )
    length = round(plan.made_frames / plan.fps * per_second)
    bins = pipeline.audio_mel_bins // pipeline.audio_vae_mel_compression_ratio
    sound: torch.Tensor = pipeline._unpack_audio_latents(mean.expand(1, length, -1), length, bins)
    return sound


def _shape(plan: Plan, each: Pass) -> dict[str, Any]:
    return {
        "width": plan.made_width // each.divisor,
        "height": plan.made_height // each.divisor,
        "num_frames": plan.made_frames,
        "frame_rate": plan.fps,
        "sigmas": list(each.sigmas),
    }


def _upsample(loaded: Loaded, latents: Any) -> "torch.Tensor":
    assert loaded.upsampling is not None, "planning refuses two stages where the model has no upsampler"
    upsampled: torch.Tensor = loaded.upsampling(latents=latents, output_type="latent", return_dict=False)[0]
    return upsampled.float()  # noise is added to it in its own precision


def _reporter(watch: Watch, done: int, total: int) -> Callable[[Any, int, Any, dict[str, Any]], dict[str, Any]]:
    def after_step(_pipeline: Any, index: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        watch.step(done + index + 1, total)
        return tensors  # the pipeline reads it; None would break it

    return after_step

"""Runs a recipe's passes: from a prompt's embeddings and the materials to latents of picture and sound."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ltx_mcp.clips import Plan
from ltx_mcp.engine.adapters import Worn
from ltx_mcp.engine.base import Frame, Materials, Watch
from ltx_mcp.engine.conditions import centred, diffusers_conditions, to_made_size
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
    referring: Any  # ReferencePipeline
    upsampling: Any | None  # LTX2LatentUpsamplePipeline
    prompt_tokens: int
    image_crf: int
    device: "torch.device"


@dataclass(frozen=True)
class Words:
    """A prompt's embeddings as arguments of a pipeline, and those of what guidance leads away from, if any does."""

    positive: "Mapping[str, torch.Tensor]"
    negative: "Mapping[str, torch.Tensor]"

    def arguments(self, each: Pass) -> "dict[str, torch.Tensor]":
        return {**self.positive, **(self.negative if each.guidance.uses_negative_prompt else {})}


def encode_prompt(loaded: Loaded, plan: Plan, recipe: Recipe) -> Words:
    """Encoded once for all passes: the text encoder is the largest thing to bring in.

    A plan without a negative prompt has diffusers' own where guidance wants one.
    """
    from diffusers.pipelines.ltx2.utils import DEFAULT_NEGATIVE_PROMPT

    def encoded(text: str, prefix: str = "") -> "dict[str, torch.Tensor]":
        embeds, mask, _, _ = loaded.pipeline.encode_prompt(
            text, do_classifier_free_guidance=False, max_sequence_length=loaded.prompt_tokens
        )
        return {f"{prefix}prompt_embeds": embeds, f"{prefix}prompt_attention_mask": mask}

    if not recipe.uses_negative_prompt:
        return Words(encoded(plan.prompt), {})
    negative = DEFAULT_NEGATIVE_PROMPT if plan.negative_prompt is None else plan.negative_prompt
    return Words(encoded(plan.prompt), encoded(negative, "negative_"))


def denoise(
    loaded: Loaded,
    plan: Plan,
    materials: Materials,
    recipe: Recipe,
    words: Words,
    worn: Worn,
    watch: Watch,
) -> tuple["torch.Tensor", "torch.Tensor"]:
    """Denormalised latents: video (1, C, F, H, W) and sound (1, C, L, mel bins). Call `check_materials` before.

    `worn` are the LoRAs in force.
    """
    whole_pictures(loaded.pipeline.vae)
    conditions = diffusers_conditions(plan, materials.conditions, loaded.image_crf, watch.check)
    video, sound = _beginning(loaded, plan, materials)
    divisor = recipe.passes[0].divisor
    passes = list(enumerate(recipe.passes))[1 if materials.begun else 0 :]
    done, steps = 0, sum(len(each.sigmas) for _, each in passes)
    for index, each in passes:
        video, divisor = _between(loaded, video, divisor, each), each.divisor
        arguments = {
            **words.arguments(each),
            **each.guidance.arguments,
            **_shape(plan, each),
            "generator": _noise(plan.seed, index),
            "callback_on_step_end": _reporter(watch, done, steps),
            "output_type": "latent",
            "return_dict": False,
        }
        worn.fit(reference=each.reference is not None, distilled=each.adapter)
        if each.reference is not None:
            arguments |= _reference(loaded, plan, materials, each.reference, arguments["width"], arguments["height"])
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
    if each.reference is not None:
        return loaded.referring(**arguments, conditions=conditions)  # type: ignore[no-any-return]
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
    """What the passes start from: nothing, a draft, or the latents of the video to repaint and of an even sound."""
    import torch

    if materials.begun is not None:
        parts = (materials.begun.picture, materials.begun.sound)
        picture, sound = (torch.tensor(part, device=loaded.device) for part in parts)
        return picture, sound
    if materials.repaint is None:
        return None, None
    frames = _lengthened(materials.repaint, plan)
    video = encode_video(loaded.pipeline.vae, frames, loaded.device, lambda run: to_made_size(plan, run))
    return video, _even_sound(loaded.conditioned, plan)


def _reference(
    loaded: Loaded, plan: Plan, materials: Materials, factor: int, width: int, height: int
) -> dict[str, Any]:
    """What a pass of this size in pixels is told of its reference, which is smaller by `factor`."""
    from diffusers.pipelines.ltx2 import LTX2ReferenceCondition

    assert plan.reference is not None, "only then a pass has a reference"
    assert materials.reference is not None, "check_materials refuses one without the other"
    size = width // factor, height // factor
    frames = _lengthened(materials.reference, plan)
    latents = encode_video(loaded.pipeline.vae, frames, loaded.device, lambda run: centred(run, *size))
    # Never conditioning_attention_strength: between 0 and 1 it acts as 0 (diffusers 0.42.1).
    condition = LTX2ReferenceCondition(latents, strength=plan.reference.strength)
    return {"reference_conditions": [condition], "reference_downscale_factor": factor}


def _lengthened(frames: Sequence[Frame], plan: Plan) -> Sequence[Frame]:
    """As many frames as the model makes: the last one stays, and is cut off again."""
    return [*frames, *[frames[-1]] * (plan.made_frames - plan.frames)]


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

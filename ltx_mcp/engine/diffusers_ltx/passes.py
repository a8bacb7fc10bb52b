"""Runs a recipe's passes: from a prompt's embeddings and the materials to latents of video and audio."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ltx_mcp.engine.base import Materials, Watch
from ltx_mcp.engine.diffusers_ltx.adapters import ActiveAdapters
from ltx_mcp.engine.diffusers_ltx.conditions import at_half_rate, centred, diffusers_conditions, to_made_size
from ltx_mcp.engine.diffusers_ltx.encode_latents import disable_tiling, encode_video
from ltx_mcp.engine.diffusers_ltx.progress import Steps
from ltx_mcp.engine.plan.quality_presets import Pass, Recipe
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.sizes import half_rate_count

if TYPE_CHECKING:
    import torch

DOUBLED_POSITIONS_FPS = 60.0
"""Positions after the temporal upsampler run at this rate, whatever the clip's: LTX-2 was trained around 24, 25, 30 and
60 fps, not 48 (diffusers 0.42.1, pipelines/ltx2/utils.py: MAX_CONDITIONING_FPS)."""


@dataclass(frozen=True)
class Loaded:
    """The pipelines over one set of components, and where they run."""

    pipeline: Any  # LTX2Pipeline
    conditioned: Any  # PlacedConditionPipeline
    audio_only: Any  # AudioPipeline
    referring: Any  # ReferencePipeline
    upsampling: Any | None  # LTX2LatentUpsamplePipeline, of the sides
    doubling: Any | None  # LTX2LatentUpsamplePipeline, of the rate
    prompt_tokens: int
    image_crf: int
    device: "torch.device"


@dataclass(frozen=True)
class Denoised:
    """Denormalised latents: `video` (1, C, F, H, W) and `audio` (1, C, L, mel bins).

    `opening` is the video after the first pass, where a larger clip's second one may go on; later passes of a draft
    keep the audio that goes with it.
    """

    video: "torch.Tensor"
    audio: "torch.Tensor"
    opening: "torch.Tensor"


@dataclass(frozen=True)
class PromptEmbeds:
    """A prompt's embeddings as arguments of a pipeline, and those of what guidance leads away from, if any does."""

    positive: "Mapping[str, torch.Tensor]"
    negative: "Mapping[str, torch.Tensor]"

    def arguments(self, each: Pass) -> "dict[str, torch.Tensor]":
        return {**self.positive, **(self.negative if each.guidance.uses_negative_prompt else {})}


def encode_prompt(loaded: Loaded, plan: Plan, recipe: Recipe) -> PromptEmbeds:
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
        return PromptEmbeds(encoded(plan.prompt), {})
    negative = DEFAULT_NEGATIVE_PROMPT if plan.negative_prompt is None else plan.negative_prompt
    return PromptEmbeds(encoded(plan.prompt), encoded(negative, "negative_"))


def denoise(
    loaded: Loaded,
    plan: Plan,
    materials: Materials,
    recipe: Recipe,
    prompt: PromptEmbeds,
    active: ActiveAdapters,
    watch: Watch,
) -> Denoised:
    """Run the recipe's passes. Call `check_materials` before. `active` are the LoRAs in force."""
    disable_tiling(loaded.pipeline.vae)
    conditions = diffusers_conditions(plan, materials.conditions, loaded.image_crf, watch.check)
    halved = at_half_rate(conditions) if plan.doubled_rate else []
    video, audio = _beginning(loaded, plan, materials)
    before, opening = recipe.passes[0], None
    passes = list(enumerate(recipe.passes))[1 if materials.draft_latents else 0 :]
    done, total = 0, sum(each.units for _, each in passes)
    for index, each in passes:
        video, before = _between(loaded, video, before, each), each
        steps = Steps(watch, done, total, each.tiles[0] * each.tiles[1])
        arguments = {
            **prompt.arguments(each),
            **each.guidance.arguments,
            **_shape(plan, each),
            "generator": _noise(plan.seed, index),
            "callback_on_step_end": steps.after_step,
            "output_type": "latent",
            "return_dict": False,
        }
        active.fit(reference=each.reference is not None, distilled=each.adapter)
        if each.reference is not None:
            arguments |= _reference(loaded, plan, materials, each, arguments["width"], arguments["height"])
        given = halved if each.half_rate else conditions
        video, audio = _run(loaded, each, arguments, given, video, audio, steps)
        opening = video if opening is None else opening
        done += each.units
    assert opening is not None, "every recipe has a pass that is left to run"
    return Denoised(video, audio, opening)


def _between(loaded: Loaded, video: Any, before: Pass, each: Pass) -> Any:
    """What the pass `each` is given, after one whose latents are `video`.

    Sides first: the spatial upsampler knows video at the trained rates, which the doubled ones are not.
    """
    if each.divisor < before.divisor:
        video = _upsample(loaded.upsampling, video)
    if before.half_rate and not each.half_rate:
        video = _upsample(loaded.doubling, video)
    return video


def _run(
    loaded: Loaded,
    each: Pass,
    arguments: dict[str, Any],
    conditions: list[Any],
    video: Any,
    audio: Any,
    steps: Steps,
) -> tuple[Any, Any]:
    """One pass, through the pipeline that it takes."""
    if each.audio_only:
        return video, loaded.audio_only(**arguments, latents=video)[1]
    if video is not None:
        arguments |= {"latents": video, "audio_latents": audio, "noise_scale": each.sigmas[0]}
    if each.reference is not None:
        pipeline, arguments = loaded.referring, {**arguments, "conditions": conditions}
    elif conditions:  # in every pass: upsampled latents hold only an echo of them
        pipeline, arguments = loaded.conditioned, {**arguments, "conditions": conditions}
    else:
        pipeline = loaded.pipeline
    if not each.keeps_audio:
        return pipeline(**arguments)  # type: ignore[no-any-return]
    from ltx_mcp.engine.diffusers_ltx.steered_transformer import SteeredTransformer, lent, packed_audio

    held = packed_audio(loaded.conditioned, audio.to(loaded.device), 1 / arguments["motion_speed"])
    steered = SteeredTransformer(pipeline.transformer, each.tiles, held, steps.after_tile)
    return lent(pipeline, steered)(**arguments)[0], audio


def _noise(seed: int, index: int) -> "torch.Generator":
    """Where the pass of this index draws its noise. On the CPU whatever the device: it is then the same everywhere.

    Each pass has its own, so that a later one draws the same whether an earlier one ran just before it or long ago.
    """
    import torch

    digest = sha256(f"{seed}/{index}".encode()).digest()
    return torch.Generator("cpu").manual_seed(int.from_bytes(digest[:8]) if index else seed)


def _beginning(loaded: Loaded, plan: Plan, materials: Materials) -> tuple[Any, Any]:
    """What the passes start from: nothing, a draft, or the latents of the video to repaint and of even audio."""
    import torch

    if materials.draft_latents is not None:
        parts = (materials.draft_latents.video, materials.draft_latents.audio)
        video, audio = (torch.tensor(part, device=loaded.device) for part in parts)
        return video, audio
    if materials.repaint is None:
        return None, None
    frames = _lengthened(materials.repaint, plan)
    video = encode_video(loaded.pipeline.vae, frames, loaded.device, lambda run: to_made_size(plan, run))
    return video, _even_sound(loaded.conditioned, plan)


def _reference(loaded: Loaded, plan: Plan, materials: Materials, each: Pass, width: int, height: int) -> dict[str, Any]:
    """What a pass of this size in pixels is told of its reference, which is smaller by a factor."""
    from diffusers.pipelines.ltx2 import LTX2ReferenceCondition

    assert plan.reference is not None, "only then a pass has a reference"
    assert materials.reference is not None, "check_materials refuses one without the other"
    assert each.reference is not None, "the caller asked"
    size = width // each.reference, height // each.reference
    frames = _lengthened(materials.reference, plan)[:: 2 if each.half_rate else 1]
    latents = encode_video(loaded.pipeline.vae, frames, loaded.device, lambda run: centred(run, *size))
    # Never conditioning_attention_strength: between 0 and 1 it acts as 0 (diffusers 0.42.1).
    condition = LTX2ReferenceCondition(latents, strength=plan.reference.strength)
    return {"reference_conditions": [condition], "reference_downscale_factor": each.reference}


def _lengthened(frames: Sequence[Frame], plan: Plan) -> Sequence[Frame]:
    """As many frames as the model makes: the last one stays, and is cut off again."""
    return [*frames, *[frames[-1]] * (plan.made_frames - plan.frames)]


def _even_sound(pipeline: Any, plan: Plan) -> "torch.Tensor":
    """The mean of all audio, (1, C, L, mel bins): with noise on it, audio of the level that a later sigma expects."""
    mean = pipeline.audio_vae.latents_mean.float()
    per_second = (
        pipeline.audio_sampling_rate / pipeline.audio_hop_length / pipeline.audio_vae_temporal_compression_ratio
    )
    length = round(plan.made_frames / plan.fps * per_second)
    bins = pipeline.audio_mel_bins // pipeline.audio_vae_mel_compression_ratio
    audio: torch.Tensor = pipeline._unpack_audio_latents(mean.expand(1, length, -1), length, bins)
    return audio


def _shape(plan: Plan, each: Pass) -> dict[str, Any]:
    """Frames, rate and size."""
    halved, doubled = each.half_rate, plan.doubled_rate and each.keeps_audio
    return {
        "width": plan.made_width // each.divisor,
        "height": plan.made_height // each.divisor,
        "num_frames": half_rate_count(plan.made_frames) if halved else plan.made_frames,
        "frame_rate": plan.fps / 2 if halved else plan.fps,
        "motion_speed": plan.fps / DOUBLED_POSITIONS_FPS if doubled else 1.0,
        "sigmas": list(each.sigmas),
    }


def _upsample(upsampling: Any, latents: Any) -> "torch.Tensor":
    assert upsampling is not None, "planning refuses what the model has no upsampler for"
    upsampled: torch.Tensor = upsampling(latents=latents, output_type="latent", return_dict=False)[0]
    return upsampled.float()  # noise is added to it in its own precision

"""Recipes: which passes over the transformer make a clip, as plain data. A family has one for each quality preset.

`draft` is one pass at the made size. `final` is two: eight steps at half size, a x2 latent upsample, three steps at the
made size. Both run on distilled weights, which have guidance baked in: the model's own, or an undistilled model's with
its distilled LoRA on. `best` makes the first of the two with an undistilled model and its guidance. Conditions change
no recipe.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from ltx_mcp.engine.plan.sigmas import DISTILLED_SIGMAS, REFINE_SIGMAS, undistilled_sigmas
from ltx_mcp.types.requests import Quality

STEPS = 30  # of undistilled models (diffusers 0.42.1: LTX2Pipeline's default, and Lightricks' own)
LATENT_GRID = 32  # pixels per latent cell of the LTX-2 video VAE (its config: spatial_compression_ratio)


@dataclass(frozen=True)
class Guidance:
    """What LTX2Pipeline is told besides the prompt: its arguments by name, neutral unless said otherwise.

    Each is given in every call: the defaults of diffusers 0.42.1 are those of the undistilled model, and any one left
    out adds forwards. A zero for the audio's value would mean the video's there, so both are set.
    `use_cross_timestep` is not guidance but a property of the model: False for LTX-2.0 alone.
    """

    guidance_scale: float = 1.0
    audio_guidance_scale: float = 1.0
    stg_scale: float = 0.0
    audio_stg_scale: float = 0.0
    modality_scale: float = 1.0
    audio_modality_scale: float = 1.0
    guidance_rescale: float = 0.0
    audio_guidance_rescale: float = 0.0
    spatio_temporal_guidance_blocks: tuple[int, ...] | None = None
    use_cross_timestep: bool = True

    @property
    def uses_negative_prompt(self) -> bool:
        return max(self.guidance_scale, self.audio_guidance_scale) > 1

    @property
    def forwards(self) -> int:
        """Samples through the transformer a step: the prompt's, the negative prompt's, and two weakened ones."""
        skipping = max(self.stg_scale, self.audio_stg_scale) > 0
        isolating = max(self.modality_scale, self.audio_modality_scale) > 1
        return 1 + self.uses_negative_prompt + skipping + isolating

    @property
    def arguments(self) -> dict[str, Any]:
        """As keyword arguments of a pipeline call."""
        blocks = self.spatio_temporal_guidance_blocks
        return {**vars(self), "spatio_temporal_guidance_blocks": None if blocks is None else list(blocks)}


NEUTRAL = Guidance()


def guided(stg_block: int, use_cross_timestep: bool = True) -> Guidance:
    """The guidance that undistilled LTX-2 models are made for: the defaults of LTX2Pipeline (diffusers 0.42.1).

    `stg_block` is the transformer block that is weakened: 29 of LTX-2.0, 28 of LTX-2.3 (the same file).
    """
    return Guidance(
        guidance_scale=3.0,
        audio_guidance_scale=7.0,
        stg_scale=1.0,
        audio_stg_scale=1.0,
        modality_scale=3.0,
        audio_modality_scale=3.0,
        guidance_rescale=0.7,
        audio_guidance_rescale=0.7,
        spatio_temporal_guidance_blocks=(stg_block,),
        use_cross_timestep=use_cross_timestep,
    )


@dataclass(frozen=True)
class Pass:
    """One denoising pass: its noise levels (0 follows the last), its guidance, and by what the made size is divided.

    `adapter` switches the model's distilled LoRA on. `audio_only` keeps the video latents and generates audio for them.
    `reference` says that the pass sees a reference, whose sides are smaller than its own by this factor, with the
    IC-LoRA that reworks it. `half_rate` makes every second frame; the temporal upsampler follows. `keeps_audio` attends
    to the audio of the pass before and leaves it as it is. `tiles` (across, down) share its forwards. Whatever else
    sets a pass apart is one more field here and one more branch in passes.py: `_between` for what happens to latents
    before it, `_run` for the pipeline that it takes.
    """

    sigmas: tuple[float, ...] = DISTILLED_SIGMAS
    divisor: int = 1
    guidance: Guidance = NEUTRAL
    adapter: bool = False
    audio_only: bool = False
    reference: int | None = None
    half_rate: bool = False
    keeps_audio: bool = False
    tiles: tuple[int, int] = (1, 1)

    @property
    def units(self) -> int:
        """What its progress counts: forwards of a tile, guidance left out."""
        return len(self.sigmas) * self.tiles[0] * self.tiles[1]

    @property
    def grid(self) -> int:
        """Pixels that the made width and height must be multiples of for this pass, and for its reference."""
        return LATENT_GRID * self.divisor * (self.reference or 1)


@dataclass(frozen=True)
class Recipe:
    """The passes of one quality, in order. Where the divisor falls from 2 to 1, the latents are upsampled between."""

    quality: Quality
    passes: tuple[Pass, ...]

    @property
    def grid(self) -> int:
        """Pixels that made width and height are multiples of."""
        return max(each.grid for each in self.passes)

    @property
    def uses_negative_prompt(self) -> bool:
        return any(each.guidance.uses_negative_prompt for each in self.passes)


Recipes = Mapping[Quality, Recipe]
"""The quality presets that a model has, in the order from quick to good."""


def presets(*recipes: Recipe) -> Recipes:
    return MappingProxyType({recipe.quality: recipe for recipe in recipes})


def distilled(plain: Guidance = NEUTRAL, upsampler: bool = True) -> Recipes:
    """Of distilled models."""
    first, refine = Pass(guidance=plain), Pass(REFINE_SIGMAS, guidance=plain)
    final = [Recipe("final", (replace(first, divisor=2), refine))] if upsampler else []
    return presets(Recipe("draft", (first,)), *final)


def undistilled(guided: Guidance, steps: int = STEPS, adapter: bool = True, upsampler: bool = True) -> Recipes:
    """Of undistilled models. Without the distilled LoRA no pass can do without guidance, so there is `best` alone."""
    slow = Pass(undistilled_sigmas(steps), guidance=guided)
    quick = Pass(guidance=Guidance(use_cross_timestep=guided.use_cross_timestep), adapter=True)
    if not adapter:
        return presets(Recipe("best", (slow,)))
    if not upsampler:
        return presets(Recipe("draft", (quick,)), Recipe("best", (slow,)))
    refine = replace(quick, sigmas=REFINE_SIGMAS)
    return presets(
        Recipe("draft", (quick,)),
        Recipe("final", (replace(quick, divisor=2), refine)),
        Recipe("best", (replace(slow, divisor=2), refine)),
    )


DISTILLED = distilled()
